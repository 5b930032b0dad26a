//! The states of a group.

use super::finding::Severity;
use super::trend::Trend;
use crate::observe::{GroupFacts, GroupTrack};

/// A group stands still when nothing has moved for this long, or for two leases if those
/// are longer.
const STANDS_STILL_MS: u64 = 60_000;

/// A group whose oldest unread entry is older than this is behind.
const BEHIND_MS: u64 = 60_000;

/// A group that is further behind than this, with fewer unread entries at each look,
/// catches up.
const CATCHING_MS: u64 = 10_000;

/// A group that has had nothing to do for this long is idle.
const IDLE_MS: u64 = 600_000;

/// The state of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// There is something to do, and nothing has moved for a minute, or for two leases if
    /// those are longer.
    StandsStill,
    /// There is something to do, and no living process.
    NoProcess,
    /// It is more than a minute behind, and unread entries increase.
    FallsBehind,
    /// It is behind, and unread entries decrease.
    CatchesUp,
    /// All is well.
    KeepsUp,
    /// It has had nothing to do for a while.
    Idle,
    /// Somebody holds it, until a time.
    Held,
    /// The stream has no group.
    NoGroup,
}

impl State {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StandsStill => "stands-still",
            Self::NoProcess => "no-process",
            Self::FallsBehind => "falls-behind",
            Self::CatchesUp => "catches-up",
            Self::KeepsUp => "keeps-up",
            Self::Idle => "idle",
            Self::Held => "held",
            Self::NoGroup => "no-group",
        }
    }

    /// The state in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::StandsStill => "stands still",
            Self::NoProcess => "no process",
            Self::FallsBehind => "falls behind",
            Self::CatchesUp => "catches up",
            Self::KeepsUp => "keeps up",
            Self::Idle => "idle",
            Self::Held => "held",
            Self::NoGroup => "no group",
        }
    }

    /// The state of so many groups, in words.
    pub fn words_of(self, groups: u64) -> &'static str {
        match self {
            _ if groups == 1 => self.words(),
            Self::StandsStill => "stand still",
            Self::FallsBehind => "fall behind",
            Self::CatchesUp => "catch up",
            Self::KeepsUp => "keep up",
            Self::NoProcess | Self::Idle | Self::Held | Self::NoGroup => self.words(),
        }
    }

    /// Its severity.
    pub fn severity(self) -> Severity {
        match self {
            Self::StandsStill | Self::NoProcess => Severity::Trouble,
            Self::FallsBehind => Severity::Warning,
            Self::CatchesUp => Severity::Note,
            Self::KeepsUp | Self::Idle | Self::Held | Self::NoGroup => Severity::Calm,
        }
    }
}

/// A state, since when, and whether that is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) state: State,
    pub(crate) since_ms: Option<u64>,
    pub(crate) is_sure: bool,
}

/// Judges a group at `now`. The stream's last entry was added at `newest_ms`.
pub(crate) fn judge(
    group: &GroupFacts,
    track: Option<&GroupTrack>,
    trend: &Trend,
    newest_ms: Option<u64>,
    now: u64,
) -> Judged {
    let sure = |state, since_ms| Judged {
        state,
        since_ms,
        is_sure: true,
    };
    if group.held.is_some() {
        return sure(State::Held, None);
    }
    let has_work = group.has_work();
    if has_work && let Some(still) = stands_still(group, track, now) {
        return still;
    }
    if has_work && group.living() == 0 {
        return Judged {
            state: State::NoProcess,
            since_ms: last_sign(group).or_else(|| oldest_work(group)),
            is_sure: group.unknown() == 0,
        };
    }
    let behind = group.oldest_unread_ms.map(|at| now.saturating_sub(at));
    let behind = behind.filter(|_| group.unread != Some(0)).unwrap_or(0);
    match trend.slope {
        Some(slope) if slope > 0.0 && behind > BEHIND_MS => Judged {
            state: State::FallsBehind,
            since_ms: group.oldest_unread_ms,
            is_sure: trend.is_sure,
        },
        Some(slope) if slope < 0.0 && behind > CATCHING_MS => Judged {
            state: State::CatchesUp,
            since_ms: None,
            is_sure: trend.is_sure,
        },
        _ => match newest_ms {
            Some(at) if !has_work && now.saturating_sub(at) > IDLE_MS => {
                sure(State::Idle, Some(at))
            }
            None if !has_work => sure(State::Idle, None),
            _ => sure(State::KeepsUp, None),
        },
    }
}

/// The state `StandsStill`, where neither the cursor nor acknowledgements have moved for
/// long enough.
fn stands_still(group: &GroupFacts, track: Option<&GroupTrack>, now: u64) -> Option<Judged> {
    let leases = group.lease_ms().map_or(0, |lease| 2 * lease);
    let long = STANDS_STILL_MS.max(leases);
    let begins = oldest_work(group).unwrap_or(now);
    // Movement between looks.
    if let Some(track) = track {
        let moved = track.moved_ms();
        if moved.is_some_and(|moved| now.saturating_sub(moved) < long) {
            return None;
        }
        let watched = moved.or_else(|| track.since_ms());
        if let Some(since) = watched
            && now.saturating_sub(since) >= long
            && now.saturating_sub(begins) >= long
        {
            let since = match (moved, quiet_since(group, now)) {
                (Some(moved), _) => moved,
                // It stood still before it was watched.
                (None, quiet) => quiet.unwrap_or(since).min(since),
            };
            return Some(Judged {
                state: State::StandsStill,
                since_ms: Some(since.max(begins)),
                is_sure: true,
            });
        }
    }
    // The looks don't reach back far enough, but Redis knows when each consumer was last
    // seen.
    let quiet = match quiet_since(group, now) {
        Some(since) if now.saturating_sub(since) < long => return None,
        quiet => quiet,
    };
    if group.living() > 0 || now.saturating_sub(begins) < long {
        return None;
    }
    Some(Judged {
        state: State::StandsStill,
        since_ms: Some(quiet.map_or(begins, |quiet| quiet.max(begins))),
        is_sure: group.unknown() == 0,
    })
}

/// When the last of the consumers was seen: of members, by their last sign of life; `None`
/// where there is none.
fn quiet_since(group: &GroupFacts, now: u64) -> Option<u64> {
    let seen = group.consumers.iter().filter_map(|consumer| {
        let sign = consumer.sign_ms.filter(|_| consumer.alive == Some(false));
        let lease = consumer.facts.lease_ms.unwrap_or(0);
        match (sign, consumer.idle_ms) {
            (Some(till), _) => Some(till.saturating_sub(lease)),
            (None, idle) => idle.map(|idle| now.saturating_sub(idle)),
        }
    });
    seen.max()
}

/// When the last sign of life has lapsed, where all have.
pub(crate) fn last_sign(group: &GroupFacts) -> Option<u64> {
    group.consumers.iter().filter_map(|c| c.sign_ms).max()
}

/// Since when there has been something to do.
pub(crate) fn oldest_work(group: &GroupFacts) -> Option<u64> {
    let unread = group.oldest_unread_ms.filter(|_| group.unread != Some(0));
    let pending = (group.pending > group.waiting_later())
        .then_some(group.oldest_pending)
        .flatten()
        .map(stream_lib::EntryId::ms);
    match (unread, pending) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
