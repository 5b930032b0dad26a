//! The task that settles a consumer's deliveries: it acknowledges, parks, buries. One
//! thread does it for all consumers of a manager.
//!
//! It takes all queued requests and settles them at once, so that requests to Redis grow
//! under load and don't wait without it. An operation whose answer was lost is repeated,
//! and has no second effect: an entry that was acknowledged or buried is not pending any
//! more, and counts as lost. A parked entry may have come to this consumer again, and
//! stays with it: Redis knows a later delivery by its number. An entry that was given
//! back comes with the same number: this thread leaves the request out if it knows of the
//! later delivery; otherwise that delivery is given back while its handler runs, and
//! comes again. *Burials* and *outputs* have queues of their own, so that a Redis without
//! memory for them holds up nothing else.
//!
//! While there is more to read than fits into one answer, this thread sleeps, and the
//! reader acknowledges: see [`acknowledging`](crate::consumer::member::acknowledging).

mod burials;
mod ended;
mod far;
mod outputs;
mod trials;
mod typed;
mod unwritten;

use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use self::burials::BurialQueue;
use self::ended::{settle_all, settled};
use self::outputs::OutputQueue;
use crate::command::{self, Found};
use crate::consumer::member::Member;
use crate::consumer::member::done::{CHUNK, Done};
use crate::consumer::member::failure_log::Fate;
use crate::consumer::member::health::Role;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::settle::{Action, Settle, Unsettled};
use crate::error::{ErrorKind, Result};
use crate::runtime::Task;

/// How long a hold is tried at its server, since other consumers' entries wait meanwhile.
const PATIENCE: Duration = Duration::from_millis(500);

/// The reason of a hold after a handler was told of a rate limit.
const RATE_LIMITED: &str = "a handler was told of a rate limit";

/// The wait while there is nothing to do.
const LONG: Duration = Duration::from_secs(3_600);

/// Settles the requests of one consumer until its task is taken away, or given up.
/// Remaining entries are logged then.
pub(crate) struct Settler {
    member: Arc<Member>,
    inbox: Receiver<Settle>,
    link: MemberLink,
    unfinished: Unfinished,
    outputs: OutputQueue,
    burials: BurialQueue,
    /// No more requests come.
    is_finishing: bool,
}

impl Task for Settler {
    fn tend(&mut self) {
        if self.member.halt.is_set() || self.link.rests_until().is_some() {
            return;
        }
        // Workers that are about to complete something go first: this makes fewer, larger
        // requests, and no thread waits for them.
        thread::yield_now();
        self.gather();
        let unfinished = mem::take(&mut self.unfinished);
        self.settle(unfinished);
        if self.is_finishing {
            let left = self.outputs.end(&mut self.link);
            self.unfinished.other.extend(left);
            let left = self.burials.end(&mut self.link);
            self.unfinished.other.extend(left);
        } else {
            self.outputs.write_due(&mut self.link);
            self.burials.bury_due(&mut self.link);
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        if self.member.halt.is_set() {
            return None;
        }
        let now = Instant::now();
        if self.unfinished.is_empty() && self.inbox.is_empty() && !self.is_finishing {
            let waits = [self.outputs.wake_at(), self.burials.wake_at()];
            let wake = waits.into_iter().flatten().min().unwrap_or(now + LONG);
            // While the link rests, nothing is tended.
            return Some(self.link.rests_until().map_or(wake, |end| wake.max(end)));
        }
        Some(self.link.rests_until().unwrap_or(now))
    }

    fn broke(&self) {
        self.member.broke();
    }
}

impl Settler {
    pub(crate) fn new(member: &Arc<Member>, inbox: Receiver<Settle>) -> Self {
        Self {
            member: Arc::clone(member),
            inbox,
            link: member.link(Role::Settler, &member.halt),
            unfinished: Unfinished::default(),
            outputs: OutputQueue::new(member),
            burials: BurialQueue::new(member),
            is_finishing: false,
        }
    }

    /// Settles the remaining requests of a consumer that sends no more. Returns whether
    /// all of them were settled by `deadline`.
    pub(crate) fn finish_by(&mut self, deadline: Instant) -> bool {
        self.is_finishing = true;
        loop {
            self.gather();
            if self.unfinished.is_empty() && self.outputs.is_empty() && self.burials.is_empty() {
                return true;
            }
            if self.member.halt.is_set() || Instant::now() >= deadline {
                return false;
            }
            self.tend();
            let wake = self.wake_at().unwrap_or(deadline).min(deadline);
            let wait = wake.saturating_duration_since(Instant::now());
            self.member.halt.sleep(wait);
        }
    }

    /// Takes the queued requests, as many as go together.
    fn gather(&mut self) {
        for settle in self.member.acknowledging.take_overflow() {
            self.unfinished.add(settle);
        }
        while self.unfinished.len() < CHUNK
            && let Ok(settle) = self.inbox.try_recv()
        {
            self.unfinished.add(settle);
        }
    }

    /// Settles what it can, and queues burials. Entries that must be tried again are
    /// kept.
    fn settle(&mut self, mut unfinished: Unfinished) {
        let Self {
            member,
            link,
            outputs,
            burials,
            ..
        } = self;
        let again = &mut self.unfinished;
        let mut late = member.acknowledging.split_doubtful(&mut unfinished.done);
        let mut parked = vec![];
        for entry in unfinished.other {
            match entry.action {
                Action::AckHeld | Action::Skip => late.push(entry),
                Action::GiveBack
                | Action::Retry { .. }
                | Action::PutOff { .. }
                | Action::AwaitTurn { .. }
                | Action::RateLimited { .. } => parked.push(entry),
                Action::Produce(_) => parked.extend(outputs.push(entry)),
                Action::Bury { .. } => parked.extend(burials.push(entry)),
            }
        }
        again.done = acknowledge(member, link, unfinished.done);
        finish(member, late, again, |entries| {
            let ids: Vec<_> = entries.iter().map(Unsettled::id).collect();
            link.run(|wire| command::ack_held(wire, &member.group, &member.name, &ids))
        });
        let has_come_again = |entry: &mut Unsettled| {
            entry.is_repeated && member.replies.has_again(&entry.held, entry.id())
        };
        let come_again: Vec<_> = parked.extract_if(.., has_come_again).collect();
        settle_all(member, &come_again, Found::Ours);
        hold_group(member, &parked);
        finish(member, parked, again, |entries| {
            let parking: Vec<_> = entries.iter().map(Unsettled::parking).collect();
            let now = Instant::now();
            let held =
                link.run(|wire| command::park(wire, &member.group, &member.name, &parking))?;
            if let Some(soonest) = parking.iter().filter_map(|p| p.delay).min() {
                member.claiming.expect_due(now + soonest);
            }
            Ok(held)
        });
    }
}

impl Drop for Settler {
    fn drop(&mut self) {
        // These are not settled any more.
        let mut left = mem::take(&mut self.unfinished);
        for settle in self.member.acknowledging.take_overflow() {
            left.add(settle);
        }
        for settle in self.inbox.try_iter() {
            left.add(settle);
        }
        for entry in left.other.into_iter().chain(self.burials.take_rest()) {
            self.member.tell_end(&entry, Fate::Abandoned);
        }
    }
}

/// Entries that are to be settled.
#[derive(Default)]
struct Unfinished {
    done: Done,
    other: Vec<Unsettled>,
}

impl Unfinished {
    fn add(&mut self, settle: Settle) {
        match settle {
            Settle::Done(held) => {
                self.done.take(held);
            }
            Settle::Entry(entry) => self.other.push(entry),
        }
    }

    fn len(&self) -> usize {
        self.done.len() + self.other.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Holds the group for the time that a handler was told to wait, unless it is held for
/// longer. If that fails, only this process waits, and others will be told the same.
fn hold_group(member: &Member, parked: &[Unsettled]) {
    let delay = |entry: &Unsettled| match entry.action {
        Action::RateLimited { delay, .. } if !entry.is_repeated => Some(delay),
        _ => None,
    };
    let Some(delay) = parked.iter().filter_map(delay).max() else {
        return;
    };
    let (stem, deadline) = (&member.common.stem, Instant::now() + PATIENCE);
    let key = stem.stream().as_bytes();
    let held = member.topology.run(key, PATIENCE, |wire| {
        wire.answer_by(deadline);
        command::hold_for(wire, stem, delay, RATE_LIMITED)
    });
    if let Ok((server_ms, hold)) = held {
        member.heed_hold(hold.as_ref(), server_ms);
    }
}

/// Acknowledges entries that are done and surely ours. Returns those that must be tried
/// again.
fn acknowledge(member: &Member, link: &mut MemberLink, done: Done) -> Done {
    let acked = done
        .ids()
        .chunks(CHUNK)
        .try_for_each(|ids| link.run(|wire| command::ack(wire, &member.group, ids)));
    match acked {
        Ok(()) => member.confirm_completed(&done),
        // Without the group, no entry is held.
        Err(e) if e.kind() == ErrorKind::NoGroup => {
            member.acknowledging.confirmed(&done, &member.counters.lost);
        }
        Err(_) => return done,
    }
    Done::default()
}

/// Runs one operation for `entries`, and marks them settled or queues them
/// again.
fn finish(
    member: &Member,
    entries: Vec<Unsettled>,
    again: &mut Unfinished,
    operation: impl FnOnce(&[Unsettled]) -> Result<Vec<Found>>,
) {
    if entries.is_empty() {
        return;
    }
    match operation(&entries) {
        Ok(outcomes) => {
            let mut completed = 0;
            for (entry, held) in entries.into_iter().zip(outcomes) {
                let is_ours = held == Found::Ours;
                completed += usize::from(is_ours && matches!(entry.action, Action::AckHeld));
                settled(member, &entry, held);
            }
            member.tell_completed(completed);
        }
        // Without the group, no entry is held.
        Err(e) if e.kind() == ErrorKind::NoGroup => {
            settle_all(member, &entries, Found::NotOurs);
        }
        Err(_) => {
            again
                .other
                .extend(entries.into_iter().map(|entry| Unsettled {
                    is_repeated: true,
                    ..entry
                }));
        }
    }
}
