//! Scheduled adds: the plan of one, and the call that schedules it.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use crate::command::{Later, Once, Outgoing, ScheduleOutcome, Scheduling};
use crate::config::{Delay, When, WhenTaken};
use crate::connection::Topology;
use crate::error::{Error, ErrorKind, Result, Shown};
use crate::message::schedule_id::ScheduleId;
use crate::partition::hash_of;
use crate::producer::added::{Added, no_answer};
use crate::producer::transport::{Apart, Dispatch, Outlet};
use crate::producer::unreplicated::{NotReplicated, waited_for};
use crate::runtime::{Alarm, Backoff, random_suffix};

/// The longest unique key, in bytes.
const LONGEST_KEY: usize = 512;

/// The time at which a message is to be added, and its unique key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan<'m> {
    pub(crate) when: Option<When>,
    pub(crate) unique: Option<(Cow<'m, str>, WhenTaken)>,
}

impl Plan<'_> {
    /// Whether nothing is planned: the message is added now.
    pub(crate) fn is_now(&self) -> bool {
        self.when.is_none() && self.unique.is_none()
    }

    fn checked(&self) -> Result<Delay> {
        let Some(when) = self.when else {
            let text = "`unique` holds until the message is due: say when that is, with `after` or \
                        `at`";
            return Err(Error::new(ErrorKind::Config, text));
        };
        if let Some((key, _)) = &self.unique
            && !(1..=LONGEST_KEY).contains(&key.len())
        {
            let text = format!(
                "`unique` has {} bytes, and must have 1 to {LONGEST_KEY}: `{}`",
                key.len(),
                Shown(key)
            );
            return Err(Error::new(ErrorKind::Config, text));
        }
        when.checked()
    }
}

/// Schedules messages of one producer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scheduler<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) dispatch: &'a Dispatch,
    pub(crate) once: Once,
    pub(crate) send_timeout: Duration,
    /// Rung for scheduled messages.
    pub(crate) alarm: Option<&'a Alarm>,
}

impl Scheduler<'_> {
    /// Schedules the one message of `batch`.
    ///
    /// Its partition is that of an add. Without a key that decides it, messages of one
    /// unique key go to the same one.
    pub(crate) fn schedule(&self, batch: &Outgoing, plan: &Plan<'_>) -> Result<Added> {
        let when = plan.checked()?;
        let whole = self.dispatch.outlet();
        if let Some(Apart::Record(recorder)) = whole.apart() {
            let added = recorder.answer(batch).pop().unwrap_or_else(no_answer)?;
            return Ok(recorded(added));
        }
        let token = random_suffix();
        let deadline = Instant::now() + self.send_timeout;
        let left = || deadline.saturating_duration_since(Instant::now());
        self.dispatch.types().store_first(left)?;
        let unique = plan.unique.as_ref();
        let hash = unique.map(|(key, _)| hash_of(key.as_bytes()));
        let outlets = self.dispatch.outlets();
        let outlet = outlets.one_with(batch, hash, deadline)?;
        let later = Later {
            keys: &outlet.keys,
            when,
            token: &token,
            unique: unique.map(|(key, choice)| (&**key, *choice)),
            once: self.once,
        };
        let mut answer = self.send(&outlet, &later, batch, deadline);
        // The idempotency key shows whether the first try was written. So does a unique
        // key, until the message is due.
        let is_far =
            matches!(when, Delay::After(ms) if Duration::from_millis(ms) > 2 * self.send_timeout);
        if batch.has_keys() || later.unique.is_some() && is_far {
            self.settle(&outlet, &later, batch, deadline, &mut answer);
        }
        self.tell(outlet.partition, &answer);
        let (scheduling, added) = answer?;
        match scheduling.outcome {
            ScheduleOutcome::Refused(id) => {
                let id = id.in_partition(outlet.partition);
                Err(taken(&later, id, outlet.partition, scheduling.wait))
            }
            ScheduleOutcome::Once(_) | ScheduleOutcome::Scheduled(_) => Ok(added),
        }
    }

    /// Has this process look after the scheduled message, if it is or may be scheduled.
    fn tell(&self, partition: Option<u16>, answer: &Result<(Scheduling, Added)>) {
        let Some(alarm) = self.alarm else { return };
        match answer {
            Ok((scheduling, added)) => match scheduling.outcome {
                ScheduleOutcome::Scheduled(_) => alarm.set(partition, scheduling.wait),
                // Its due time isn't known.
                _ if added.schedule_id().is_some() => alarm.look(partition),
                _ => {}
            },
            Err(e) if may_be_scheduled(e) => alarm.look(partition),
            Err(_) => {}
        }
    }

    /// Sends a message of unknown outcome again, until `deadline`.
    fn settle(
        &self,
        outlet: &Outlet,
        later: &Later<'_>,
        batch: &Outgoing,
        deadline: Instant,
        answer: &mut Result<(Scheduling, Added)>,
    ) {
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(500));
        while answer.as_ref().is_err_and(is_open) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.dispatch.sleep(backoff.next().min(left)) {
                return;
            }
            let again = self.send(outlet, later, batch, deadline);
            let is_written = |e: &Error| e.kind() == ErrorKind::NotReplicated;
            // Another error shows nothing: the first try may have been written.
            if again.as_ref().map_or_else(is_written, |_| true) {
                *answer = again;
            }
        }
    }

    fn send(
        &self,
        outlet: &Outlet,
        later: &Later<'_>,
        batch: &Outgoing,
        deadline: Instant,
    ) -> Result<(Scheduling, Added)> {
        let key = outlet.keys.stream().as_bytes();
        let left = deadline.saturating_duration_since(Instant::now());
        let (scheduling, answer) = self.topology.run(key, left, |wire| {
            wire.answer_by(deadline);
            let wait = outlet.replication.begin(wire)?;
            let message = batch.iter().next().ok_or_else(nothing)?;
            let (scheduling, waited) = later.schedule(wire, message, wait)?;
            let added = match scheduling.outcome {
                ScheduleOutcome::Scheduled(id) | ScheduleOutcome::Refused(id) => {
                    Added::Scheduled(id.in_partition(outlet.partition))
                }
                ScheduleOutcome::Once(placed) => Added::from(placed.in_partition(outlet.partition)),
            };
            let answer = waited_for(vec![Ok(added)], &waited).pop();
            Ok((scheduling, answer.unwrap_or_else(no_answer)))
        })?;
        answer.map(|added| (scheduling, added))
    }
}

/// Whether it is unknown what happened to a message, or whether replicas have it.
fn is_open(error: &Error) -> bool {
    error.kind() == ErrorKind::OutcomeUnknown
        || NotReplicated::of(error).is_some_and(NotReplicated::is_lost)
}

/// Whether a message may be scheduled in spite of its error.
fn may_be_scheduled(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::OutcomeUnknown | ErrorKind::NotReplicated
    )
}

/// The answer of a recorder, which numbers its entries.
fn recorded(added: Added) -> Added {
    match added {
        Added::Main(id) => Added::Scheduled(ScheduleId::made_up(id.ms())),
        other => other,
    }
}

fn taken(later: &Later<'_>, id: ScheduleId, partition: Option<u16>, wait: Duration) -> Error {
    let key = later.unique.map_or("", |(key, _)| key);
    let within = partition.map_or_else(String::new, |n| format!(" of partition {n}"));
    let text = format!(
        "the unique key `{}`{within} is held by the scheduled message {id}, which is due in \
         {wait:?}; cancel that first, or schedule with `WhenTaken::Keep` or `Replace`",
        Shown(key)
    );
    Error::new(ErrorKind::AlreadyExists, text)
}

fn nothing() -> Error {
    Error::new(ErrorKind::Encode, "there is no message")
}
