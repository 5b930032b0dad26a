//! Tracks of streams and groups: how they have moved.

use std::collections::{BTreeMap, VecDeque};

use stream_lib::EntryId;

use super::facts::{GroupFacts, StreamFacts};

/// How long each point is kept, and how long points are kept at [`COARSE_STEP_MS`].
const FINE_MS: u64 = 360_000;
const COARSE_MS: u64 = 3_600_000;

/// The distance between points that are kept for an hour.
const COARSE_STEP_MS: u64 = 10_000;

/// A stream at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StreamPoint {
    /// The server's clock.
    pub at_ms: u64,
    /// Entries.
    pub length: u64,
    /// Entries that were ever added.
    pub added: Option<u64>,
    /// Dead letters.
    pub dead: u64,
    /// Entries of the backup stream.
    pub backup: u64,
}

/// A group at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupPoint {
    /// The server's clock.
    pub at_ms: u64,
    /// Entries that no consumer has read.
    pub unread: Option<u64>,
    /// Entries that are not acknowledged.
    pub pending: u64,
    /// The last id that it has read.
    pub cursor: EntryId,
    /// The oldest entry that is not acknowledged.
    pub oldest_pending: Option<EntryId>,
    /// How many entries it has read and acknowledged, where Redis can tell.
    pub done: Option<u64>,
    /// When the oldest unread entry was added.
    pub oldest_unread_ms: Option<u64>,
}

impl GroupPoint {
    fn of(group: &GroupFacts, at_ms: u64) -> Self {
        Self {
            at_ms,
            unread: group.unread,
            pending: group.pending,
            cursor: group.cursor,
            oldest_pending: group.oldest_pending,
            done: group.read.map(|read| read.saturating_sub(group.pending)),
            oldest_unread_ms: group.oldest_unread_ms,
        }
    }

    /// Whether the group has read or acknowledged anything since the other point.
    fn has_moved_since(&self, before: &Self) -> bool {
        (self.cursor, self.pending, self.oldest_pending, self.done)
            != (
                before.cursor,
                before.pending,
                before.oldest_pending,
                before.done,
            )
    }
}

/// A stream over the last hour.
#[derive(Debug, Clone, Default)]
pub struct StreamTrack {
    points: Points<StreamPoint>,
    groups: BTreeMap<String, GroupTrack>,
}

impl StreamTrack {
    pub(super) fn add(&mut self, stream: &StreamFacts) {
        self.points.add(
            stream.at_ms,
            StreamPoint {
                at_ms: stream.at_ms,
                length: stream.length,
                added: stream.added,
                dead: stream.dead,
                backup: stream.backup,
            },
        );
        self.groups.retain(|name, _| stream.group(name).is_some());
        for group in &stream.groups {
            let track = self.groups.entry(group.name.clone()).or_default();
            track.add(GroupPoint::of(group, stream.at_ms));
        }
    }

    /// A group by its name.
    pub fn group(&self, name: &str) -> Option<&GroupTrack> {
        self.groups.get(name)
    }

    /// The points of the last six minutes, oldest first.
    pub fn lately(&self) -> impl DoubleEndedIterator<Item = &StreamPoint> {
        self.points.fine.iter().map(|(_, point)| point)
    }

    /// A point every ten seconds of the last hour, oldest first.
    pub fn hour(&self) -> impl DoubleEndedIterator<Item = &StreamPoint> {
        self.points.coarse.iter().map(|(_, point)| point)
    }
}

/// A group over the last hour.
#[derive(Debug, Clone, Default)]
pub struct GroupTrack {
    points: Points<GroupPoint>,
    moved_ms: Option<u64>,
}

impl GroupTrack {
    fn add(&mut self, point: GroupPoint) {
        let before = self.points.fine.back();
        if before.is_some_and(|(_, before)| point.has_moved_since(before)) {
            self.moved_ms = Some(point.at_ms);
        }
        self.points.add(point.at_ms, point);
    }

    /// When the last read or acknowledgement was seen; `None` if there was none since the
    /// first point.
    pub fn moved_ms(&self) -> Option<u64> {
        self.moved_ms
    }

    /// The time of the first point.
    pub fn since_ms(&self) -> Option<u64> {
        self.points.coarse.front().map(|(at, _)| *at)
    }

    /// The points of the last six minutes, oldest first.
    pub fn lately(&self) -> impl DoubleEndedIterator<Item = &GroupPoint> {
        self.points.fine.iter().map(|(_, point)| point)
    }

    /// A point every ten seconds of the last hour, oldest first.
    pub fn hour(&self) -> impl DoubleEndedIterator<Item = &GroupPoint> {
        self.points.coarse.iter().map(|(_, point)| point)
    }
}

/// Points in time: all of the last minutes, some of the last hour.
#[derive(Debug, Clone)]
struct Points<T> {
    fine: VecDeque<(u64, T)>,
    coarse: VecDeque<(u64, T)>,
}

impl<T: Copy> Points<T> {
    fn add(&mut self, at_ms: u64, point: T) {
        drop_old(&mut self.fine, at_ms.saturating_sub(FINE_MS));
        drop_old(&mut self.coarse, at_ms.saturating_sub(COARSE_MS));
        self.fine.push_back((at_ms, point));
        let last = self.coarse.back().map_or(0, |(at, _)| *at);
        // `abs_diff`: a clock that was set back must not stop the row.
        if at_ms.abs_diff(last) >= COARSE_STEP_MS {
            self.coarse.push_back((at_ms, point));
        }
    }
}

fn drop_old<T>(points: &mut VecDeque<(u64, T)>, before: u64) {
    while points.front().is_some_and(|(at, _)| *at < before) {
        points.pop_front();
    }
    // A look takes place every second at most.
    while points.len() >= 1_000 {
        points.pop_front();
    }
}

impl<T> Default for Points<T> {
    fn default() -> Self {
        Self {
            fine: VecDeque::new(),
            coarse: VecDeque::new(),
        }
    }
}
