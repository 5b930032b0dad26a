//! The thread that settles deliveries: acknowledges, parks, buries.
//!
//! It takes all queued requests and settles them at once, so that requests to
//! Redis grow by themselves under load and nothing waits without. An operation whose
//! answer was lost is done again, and has no second effect: an entry that was
//! acknowledged or buried is not pending any more, and counts as lost. A parked one
//! may have come to this consumer once more, and stays with it: Redis knows a later
//! delivery by its number. One that was given back comes with the same number: there
//! this thread leaves the request out if it knows of the later delivery. If it
//! doesn't yet, that one is given back while its handler runs, and comes again.
//! *Burials* wait by themselves, so that a Redis without memory for them holds up
//! nothing else.
//!
//! While there is more to read than fits into one answer, this thread sleeps, and
//! the reader acknowledges: see
//! [`acknowledging`](crate::consumer::member::acknowledging).

mod burials;
mod ended;

use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use self::burials::BurialQueue;
use self::ended::{settle_all, settled};
use crate::command::{self, Found};
use crate::consumer::member::Member;
use crate::consumer::member::done::{CHUNK, Done};
use crate::consumer::member::failure_log::Fate;
use crate::consumer::member::health::Role;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::settle::{Action, Settle, Unsettled};
use crate::error::{ErrorKind, Result};

/// Settles all requests until [`Settle::Finish`], or until the consumer is
/// given up.
pub(crate) fn run(member: &Member, inbox: &Receiver<Settle>) {
    let mut link = member.link(Role::Settler, &member.halt);
    let mut unfinished = Unfinished::default();
    let mut burials = BurialQueue::new(member);
    let mut finishing = false;
    while !(member.halt.is_set() || finishing && unfinished.is_empty() && burials.is_empty()) {
        if unfinished.is_empty() && !finishing {
            match next(inbox, burials.wake_at()) {
                Ok(settle) => finishing |= unfinished.add(settle),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => finishing = true,
            }
        }
        // Workers that are about to complete something get to it first: fewer,
        // larger requests, and nobody waits for them.
        thread::yield_now();
        while unfinished.len() < CHUNK {
            match inbox.try_recv() {
                Ok(settle) => finishing |= unfinished.add(settle),
                Err(_) => break,
            }
        }
        unfinished = settle(member, &mut link, unfinished, &mut burials);
        if finishing {
            unfinished.other.extend(burials.end(&mut link));
        } else {
            burials.bury_due(&mut link);
        }
    }
    // Nobody settles these any more.
    let unread = inbox.try_iter().filter_map(|settle| match settle {
        Settle::Entry(entry) => Some(entry),
        Settle::Done(_) | Settle::Finish => None,
    });
    let left = unfinished.other.into_iter().chain(burials.into_rest());
    for entry in left.chain(unread) {
        member.tell_end(&entry, Fate::Abandoned);
    }
}

/// The next request, until `deadline`.
fn next(inbox: &Receiver<Settle>, deadline: Option<Instant>) -> Result<Settle, RecvTimeoutError> {
    match deadline {
        Some(deadline) => inbox.recv_deadline(deadline),
        None => inbox.recv().map_err(RecvTimeoutError::from),
    }
}

/// Entries that are to be settled.
#[derive(Default)]
struct Unfinished {
    done: Done,
    other: Vec<Unsettled>,
}

impl Unfinished {
    /// Returns whether this was the end.
    fn add(&mut self, settle: Settle) -> bool {
        match settle {
            Settle::Done(held) => {
                self.done.take(held);
            }
            Settle::Entry(entry) => self.other.push(entry),
            Settle::Finish => return true,
        }
        false
    }

    fn len(&self) -> usize {
        self.done.len() + self.other.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Settles what it can, and queues burials. Returns the entries that must be tried
/// again.
fn settle(
    member: &Member,
    link: &mut MemberLink,
    mut unfinished: Unfinished,
    burials: &mut BurialQueue<'_>,
) -> Unfinished {
    let mut again = Unfinished::default();
    let mut late = member.acknowledging.split_doubtful(&mut unfinished.done);
    let mut parked = vec![];
    for entry in unfinished.other {
        match entry.action {
            Action::AckHeld | Action::Skip => late.push(entry),
            Action::GiveBack | Action::Retry { .. } | Action::PutOff { .. } => parked.push(entry),
            Action::Bury { .. } => parked.extend(burials.push(entry)),
        }
    }
    again.done = acknowledge(member, link, unfinished.done);
    finish(member, late, &mut again, |entries| {
        let ids: Vec<_> = entries.iter().map(Unsettled::id).collect();
        link.run(|wire| command::ack_held(wire, &member.group, &member.name, &ids))
    });
    let has_come_again = |entry: &mut Unsettled| {
        entry.is_repeated && member.replies.has_again(&entry.held, entry.id())
    };
    let come_again: Vec<_> = parked.extract_if(.., has_come_again).collect();
    settle_all(member, &come_again, Found::Ours);
    finish(member, parked, &mut again, |entries| {
        let parking: Vec<_> = entries.iter().map(Unsettled::parking).collect();
        let now = Instant::now();
        let held = link.run(|wire| command::park(wire, &member.group, &member.name, &parking))?;
        if let Some(soonest) = parking.iter().filter_map(|p| p.delay).min() {
            member.claiming.expect_due(now + soonest);
        }
        Ok(held)
    });
    again
}

/// Acknowledges entries that are done and surely ours. Returns those that must
/// be tried again.
fn acknowledge(member: &Member, link: &mut MemberLink, done: Done) -> Done {
    let acked = done
        .ids()
        .chunks(CHUNK)
        .try_for_each(|ids| link.run(|wire| command::ack(wire, &member.group, ids)));
    match acked {
        Ok(()) => member.confirm_completed(&done),
        // With the group gone, nobody holds anything.
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
        // With the group gone, nobody holds anything.
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
