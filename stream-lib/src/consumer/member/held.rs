//! Entries that this process holds, each with its stage.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::command::{Entries, Mark, original_id};
use crate::consumer::member::home::Home;
use crate::consumer::member::outputs::HeldOutputs;
use crate::consumer::member::stage::{Company, Stage};
use crate::message::{EntryId, Fields};
use crate::runtime::Moment;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// The entries of one reply, shared by the threads that run, renew and settle them.
///
/// A fast message costs a few atomic operations here and nothing else: its stage shows
/// that it is done, and only the first done entry of several is announced.
#[derive(Debug)]
pub(crate) struct Held {
    entries: Entries,
    stages: Vec<AtomicU8>,
    /// When each handler was started: milliseconds since `received`.
    started: Vec<AtomicU32>,
    /// The next entry for a worker.
    next: AtomicUsize,
    received: Moment,
    /// When Redis last confirmed the lease of the entries: milliseconds since `received`.
    confirmed: AtomicU32,
    /// Whether Redis has said that an entry which is being settled is not ours.
    is_doubtful: AtomicBool,
    company: Company,
    /// Whether the acknowledger has been told of done entries, and has yet to look.
    announced: AtomicBool,
    cap_reported: AtomicBool,
    /// The outputs of deliveries whose handlers run.
    pub(crate) outputs: HeldOutputs,
    /// The marks that entries were parked with.
    marks: OnceLock<Vec<(EntryId, Mark)>>,
    home: Arc<Home>,
}

impl Held {
    /// `asked` is when the request was sent that brought the entries; their bytes count
    /// for `home` as long as this value lives.
    pub(crate) fn new(
        entries: Entries,
        company: Company,
        asked: Instant,
        home: &Arc<Home>,
    ) -> Self {
        let len = entries.len();
        home.bytes().fetch_add(entries.bytes(), Ordering::Relaxed);
        Self {
            stages: (0..len)
                .map(|_| AtomicU8::new(Stage::Buffered as u8))
                .collect(),
            started: (0..len).map(|_| AtomicU32::new(0)).collect(),
            entries,
            next: AtomicUsize::new(0),
            received: asked.into(),
            confirmed: AtomicU32::new(0),
            is_doubtful: AtomicBool::new(false),
            company,
            announced: AtomicBool::new(false),
            cap_reported: AtomicBool::new(false),
            outputs: HeldOutputs::default(),
            marks: OnceLock::new(),
            home: Arc::clone(home),
        }
    }

    /// The member that received the entries.
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    pub(crate) fn company(&self) -> Company {
        self.company
    }

    pub(crate) fn is_alone(&self) -> bool {
        self.company == Company::Alone
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.entries.bytes()
    }

    pub(crate) fn id(&self, index: usize) -> EntryId {
        self.entries.id(index)
    }

    pub(crate) fn attempt(&self, index: usize) -> u32 {
        self.entries.deliveries(index)
    }

    /// Notes the marks that some of the entries were parked with.
    pub(crate) fn set_marks(&self, marks: Vec<(EntryId, Mark)>) {
        if !marks.is_empty() {
            let _ = self.marks.set(marks);
        }
    }

    /// The mark that an entry was parked with.
    pub(crate) fn mark(&self, index: usize) -> Mark {
        let id = || self.id(index);
        let marks = self.marks.get().map_or(&[][..], Vec::as_slice);
        let mark = marks.iter().find(|(marked, _)| *marked == id());
        mark.map_or_else(Mark::default, |(_, mark)| *mark)
    }

    pub(crate) fn header(&self, index: usize, name: &str) -> Option<&[u8]> {
        self.entries.header(index, name)
    }

    /// The first id of the message.
    pub(crate) fn original_id(&self, index: usize) -> EntryId {
        original_id(self.id(index), |name| self.header(index, name))
    }

    pub(crate) fn fields(&self, index: usize) -> Fields<'_> {
        self.entries.fields(index)
    }

    pub(crate) fn stage(&self, index: usize) -> Stage {
        let stage = self.stages.get(index);
        stage.map_or(Stage::Gone, |stage| {
            Stage::of(stage.load(Ordering::Acquire))
        })
    }

    /// Moves an entry from one stage to another, if it is in the first.
    pub(crate) fn advance(&self, index: usize, from: Stage, to: Stage) -> bool {
        self.stages.get(index).is_some_and(|stage| {
            stage
                .compare_exchange(from as u8, to as u8, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
        })
    }

    /// Sets the stage, for the thread that the entry belongs to.
    pub(crate) fn set_stage(&self, index: usize, to: Stage) {
        if let Some(stage) = self.stages.get(index) {
            stage.store(to as u8, Ordering::Release);
        }
    }

    /// The next entry that waits for a worker; it counts as running from `now` on.
    pub(crate) fn start_next(&self, now: Moment) -> Option<usize> {
        loop {
            if self.next.load(Ordering::Relaxed) >= self.len() {
                return None;
            }
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.len() {
                return None;
            }
            if self.start(index, now) {
                return Some(index);
            }
        }
    }

    /// As [`start_next`](Self::start_next), if the next entry `fits`.
    pub(crate) fn start_next_if(&self, now: Moment, fits: impl Fn(usize) -> bool) -> Option<usize> {
        loop {
            let index = self.next.load(Ordering::Relaxed);
            if index >= self.len() || !fits(index) {
                return None;
            }
            let claimed =
                self.next
                    .compare_exchange(index, index + 1, Ordering::Relaxed, Ordering::Relaxed);
            if claimed.is_ok() && self.start(index, now) {
                return Some(index);
            }
        }
    }

    fn start(&self, index: usize, now: Moment) -> bool {
        let starts = self.advance(index, Stage::Buffered, Stage::Running);
        if starts {
            self.restart(index, now);
        }
        starts
    }

    /// Notes that the handler of a running entry begins `now`.
    pub(crate) fn restart(&self, index: usize, now: Moment) {
        if let Some(started) = self.started.get(index) {
            started.store(self.millis_since_received(now), Ordering::Relaxed);
        }
    }

    /// Notes that an entry is done. Returns whether this is to be announced, since the
    /// acknowledger has looked after the last announcement.
    pub(crate) fn announce(&self) -> bool {
        !self.announced.swap(true, Ordering::AcqRel)
    }

    /// Takes the entries that are done, to acknowledge them, after an announcement. Later
    /// ones are announced again.
    pub(crate) fn take_done(&self) -> Vec<usize> {
        self.announced.swap(false, Ordering::AcqRel);
        (0..self.len())
            .filter(|&index| {
                let is_done = self.stage(index) == Stage::Done;
                is_done && self.advance(index, Stage::Done, Stage::Settling)
            })
            .collect()
    }

    /// The number of entries that are done but not confirmed by Redis.
    pub(crate) fn settling(&self) -> usize {
        (0..self.len())
            .filter(|&index| matches!(self.stage(index), Stage::Done | Stage::Settling))
            .count()
    }

    /// Whether every entry has been started or withdrawn.
    pub(crate) fn is_used_up(&self) -> bool {
        self.next.load(Ordering::Relaxed) >= self.len()
    }

    /// The next entry that waits for a worker, withdrawn from the buffer.
    pub(crate) fn withdraw_next(&self) -> Option<usize> {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.len() {
                return None;
            }
            if self.advance(index, Stage::Buffered, Stage::Settling) {
                return Some(index);
            }
        }
    }

    /// The time since Redis last confirmed the lease. Before a lease has passed, no other
    /// consumer can have taken the entries.
    pub(crate) fn since_confirmed(&self) -> Duration {
        self.since_confirmed_at(Moment::now())
    }

    /// As [`since_confirmed`](Self::since_confirmed), for a caller that knows the time.
    pub(crate) fn since_confirmed_at(&self, now: Moment) -> Duration {
        let confirmed = Duration::from_millis(self.confirmed.load(Ordering::Acquire).into());
        now.since(self.received).saturating_sub(confirmed)
    }

    /// Notes that Redis has renewed the lease by a request sent at `asked`.
    pub(crate) fn confirm(&self, asked: Instant) {
        self.confirmed
            .fetch_max(self.millis_since_received(asked.into()), Ordering::AcqRel);
    }

    /// Notes whether a renewal has found that another consumer has an entry which is
    /// being settled: Redis is to be asked about the reply's entries before they are
    /// acknowledged.
    pub(crate) fn doubt(&self, is_doubtful: bool) {
        self.is_doubtful.store(is_doubtful, Ordering::Release);
    }

    /// Whether the last renewal has found such an entry.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.is_doubtful.load(Ordering::Acquire)
    }

    /// Whether the reply was asked for later than another one.
    pub(crate) fn came_after(&self, other: &Self) -> bool {
        self.received > other.received
    }

    /// How long the entries have been buffered.
    pub(crate) fn age(&self) -> Duration {
        self.received.elapsed()
    }

    /// How long the handler of a running entry has run.
    pub(crate) fn running_for(&self, index: usize) -> Duration {
        let started = self
            .started
            .get(index)
            .map_or(0, |s| s.load(Ordering::Relaxed));
        self.received
            .elapsed()
            .saturating_sub(Duration::from_millis(started.into()))
    }

    /// How long the handler of each running entry has run.
    pub(crate) fn running(&self) -> impl Iterator<Item = Duration> {
        (0..self.len())
            .filter(|&index| matches!(self.stage(index), Stage::Running | Stage::Lost))
            .map(|index| self.running_for(index))
    }

    /// True the first time only: one log line a reply is enough.
    pub(crate) fn report_cap(&self) -> bool {
        !self.cap_reported.swap(true, Ordering::Relaxed)
    }

    fn millis_since_received(&self, at: Moment) -> u32 {
        let millis = at.nanos_since(self.received) / NANOS_PER_MILLI;
        u32::try_from(millis).unwrap_or(u32::MAX)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.home
            .bytes()
            .fetch_sub(self.entries.bytes(), Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Held {
    /// A reply of `len` entries with one field each, which were asked for just now.
    pub(crate) fn for_test(len: usize, company: Company) -> Arc<Self> {
        use std::fmt::Write;

        use crate::connection::{Limits, Reply, Scanner};

        let mut reply = format!("*1\r\n*2\r\n$1\r\ns\r\n*{len}\r\n");
        for index in 0..len {
            let id = format!("{}-0", index + 1);
            let field = "*2\r\n$1\r\nf\r\n$1\r\nv\r\n";
            write!(reply, "*2\r\n${}\r\n{id}\r\n{field}", id.len()).unwrap();
        }
        let bytes = reply.into_bytes();
        let mut scanner = Scanner::new(Limits::DEFAULT);
        scanner.scan(&bytes).unwrap();
        let tokens = scanner.take_tokens();
        let entries = Entries::from_read(Reply { bytes, tokens }).unwrap();
        Arc::new(Self::new(entries, company, Instant::now(), &Arc::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_is_started_or_withdrawn_once() {
        let held = Held::for_test(3, Company::Any);
        assert_eq!(held.start_next(Moment::now()), Some(0));
        assert_eq!(held.withdraw_next(), Some(1));
        assert!(held.advance(2, Stage::Buffered, Stage::Gone), "it was lost");
        assert_eq!(held.start_next(Moment::now()), None);
        assert_eq!(held.withdraw_next(), None);
        assert!(held.is_used_up());
        let stages = [0, 1, 2].map(|index| held.stage(index));
        assert_eq!(stages, [Stage::Running, Stage::Settling, Stage::Gone]);
    }

    #[test]
    fn only_the_first_of_several_done_entries_is_announced() {
        let held = Held::for_test(3, Company::Any);
        for index in [0, 2] {
            held.set_stage(index, Stage::Done);
        }
        assert!(held.announce());
        assert!(!held.announce());
        assert_eq!(held.take_done(), [0, 2]);
        assert_eq!(held.settling(), 2);
        held.set_stage(1, Stage::Done);
        assert!(held.announce(), "it came after the look");
        assert_eq!(held.take_done(), [1]);
    }

    #[test]
    fn an_entry_that_does_not_fit_stays_for_the_next() {
        let held = Held::for_test(2, Company::Any);
        let now = Moment::now();
        assert_eq!(held.start_next_if(now, |index| index == 0), Some(0));
        assert_eq!(held.start_next_if(now, |index| index == 0), None);
        assert!(!held.is_used_up());
        assert_eq!(held.start_next_if(now, |_| true), Some(1));
    }
}
