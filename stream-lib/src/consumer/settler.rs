//! The thread that settles deliveries: acknowledges, parks, buries.
//!
//! It takes all queued requests and settles them at once, so that requests to
//! Redis grow by themselves under load and nothing waits without. Every operation
//! can be repeated: one whose answer was lost is done again, with the same effect.
//!
//! While there is more to read than fits into one answer, this thread sleeps, and
//! the reader acknowledges: see
//! [`acknowledging`](crate::consumer::member::acknowledging).

use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::command::{self, Burial, Found, Parking};
use crate::config::event::DeadLettered;
use crate::consumer::member::Member;
use crate::consumer::member::done::{CHUNK, Done};
use crate::consumer::member::failure_log::Fate;
use crate::consumer::member::health::Role;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::settle::{Action, Settle, Unsettled};
use crate::error::{ErrorKind, Result};
use crate::message::EntryId;

/// Settles all requests until [`Settle::Finish`], or until the consumer is
/// given up.
pub(crate) fn run(member: &Member, inbox: &Receiver<Settle>) {
    let mut link = member.link(Role::Settler, &member.halt);
    let mut unfinished = Unfinished::default();
    let mut finishing = false;
    while !(member.halt.is_set() || finishing && unfinished.is_empty()) {
        if unfinished.is_empty() {
            match inbox.recv() {
                Ok(settle) => finishing |= unfinished.add(settle),
                Err(_) => finishing = true,
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
        unfinished = settle(member, &mut link, unfinished);
    }
    // Nobody settles these any more.
    let unread = inbox.try_iter().filter_map(|settle| match settle {
        Settle::Entry(entry) => Some(entry),
        Settle::Done(_) | Settle::Finish => None,
    });
    for entry in unfinished.other.into_iter().chain(unread) {
        member.tell_end(&entry, Fate::Abandoned);
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

/// Settles what it can. Returns the entries that must be tried again.
fn settle(member: &Member, link: &mut MemberLink<'_>, mut unfinished: Unfinished) -> Unfinished {
    let mut again = Unfinished::default();
    let mut late = member.acknowledging.split_doubtful(&mut unfinished.done);
    let (mut parked, mut buried) = (vec![], vec![]);
    for entry in unfinished.other {
        match entry.action {
            Action::AckHeld | Action::Skip => late.push(entry),
            Action::GiveBack | Action::Retry { .. } => parked.push(entry),
            Action::Bury { .. } => buried.push(entry),
        }
    }
    again.done = acknowledge(member, link, unfinished.done);
    finish(member, late, &mut again, |entries| {
        let ids: Vec<_> = entries.iter().map(Unsettled::id).collect();
        link.run(|wire| command::ack_held(wire, &member.group, &member.name, &ids))
    });
    finish(member, parked, &mut again, |entries| {
        let parking: Vec<_> = entries.iter().map(Unsettled::parking).collect();
        let now = Instant::now();
        let held = link.run(|wire| command::park(wire, &member.group, &member.name, &parking))?;
        if let Some(soonest) = parking.iter().filter_map(|p| p.delay).min() {
            member.claiming.expect_due(now + soonest);
        }
        Ok(held)
    });
    for entry in buried {
        finish(member, vec![entry], &mut again, |entries| {
            entries
                .iter()
                .map(|entry| bury(member, link, entry))
                .collect()
        });
    }
    again
}

/// Acknowledges entries that are done and surely ours. Returns those that must
/// be tried again.
fn acknowledge(member: &Member, link: &mut MemberLink<'_>, done: Done) -> Done {
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
            for entry in entries {
                settled(member, &entry, Found::NotOurs);
            }
        }
        Err(_) => {
            again.other.extend(entries);
        }
    }
}

fn settled(member: &Member, entry: &Unsettled, held: Found) {
    let counters = &member.counters;
    let count = match (held, &entry.action) {
        (Found::NotOurs, _) => &counters.lost,
        (Found::Deleted, _) => &counters.deleted,
        (Found::Ours, Action::AckHeld) => &counters.completed,
        (Found::Ours, Action::Skip) => &counters.skipped,
        (Found::Ours, Action::GiveBack) => &counters.given_back,
        (Found::Ours, Action::Retry { .. }) => &counters.failed,
        (Found::Ours, Action::Bury { .. }) => &counters.dead,
    };
    member.acknowledging.settled(entry, count);
}

fn bury(member: &Member, link: &mut MemberLink<'_>, entry: &Unsettled) -> Result<Found> {
    let Action::Bury {
        reason,
        cause,
        text,
        ..
    } = &entry.action
    else {
        return Ok(Found::NotOurs);
    };
    let id = entry.id();
    let burial = Burial {
        id,
        reason: reason.as_str(),
        error: text,
        keep: member.config.dead_letter_max_length,
        keep_for: member.config.dead_letter_max_age,
    };
    let held = link.run(|wire| command::bury(wire, &member.group, &member.name, &burial));
    member.tell_end(
        entry,
        match &held {
            Ok(Found::Ours) => Fate::Buried,
            Ok(Found::Deleted) => Fate::Deleted,
            Ok(Found::NotOurs) => Fate::Lost,
            Err(e) if e.kind() == ErrorKind::NoGroup => Fate::Lost,
            Err(_) => Fate::Unburied,
        },
    );
    let held = held?;
    if held == Found::Ours {
        member.config.events.tell(|e| {
            e.dead_lettered(&DeadLettered {
                stream: member.group.stream(),
                group: member.group.name(),
                consumer: &member.name,
                id,
                attempt: entry.held.attempt(entry.index),
                reason: *reason,
                error: cause.error(),
            });
        });
    }
    Ok(held)
}

impl Unsettled {
    fn id(&self) -> EntryId {
        self.held.id(self.index)
    }

    fn parking(&self) -> Parking {
        let (delay, deliveries) = match &self.action {
            Action::Retry { delay } => (Some(*delay), None),
            Action::GiveBack | Action::AckHeld | Action::Skip | Action::Bury { .. } => {
                let attempt = self.held.attempt(self.index);
                let delay = (!self.held.is_alone()).then_some(Duration::ZERO);
                (delay, Some(attempt.saturating_sub(1)))
            }
        };
        Parking {
            id: self.id(),
            delay,
            deliveries,
        }
    }
}
