//! The scheduled messages of a stream: listed, cancelled, moved.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::message::ScheduledMessage;
use super::parts::{Part, Parts};
use crate::command::{self, Promotion};
use crate::config::When;
use crate::connection::Topology;
use crate::error::{Error, Result};
use crate::keys::StreamKeys;
use crate::message::schedule_id::ScheduleId;
use crate::runtime::Alarm;
use crate::split::Splits;

/// The scheduled messages of one stream, `{<stream>}:due` in Redis.
///
/// [`Draft::after`](crate::Draft::after) and [`Draft::at`](crate::Draft::at) schedule a
/// message, which moves to the stream when it is due.
///
/// # Blocking
///
/// Every method waits for Redis: up to 5 s for a connection, and as long for each answer,
/// counted from the last received bytes.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable) while Redis can't be reached,
/// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the connection is lost before
/// the answer to a change, [`PermissionDenied`](crate::ErrorKind::PermissionDenied) if
/// the Redis user lacks a permission, [`WrongType`](crate::ErrorKind::WrongType) if a key
/// holds something else, [`Refused`](crate::ErrorKind::Refused) while Redis takes no
/// writes.
///
/// # Examples
///
/// ```no_run
/// # use std::time::Duration;
/// # let manager = stream_lib::StreamManager::from_env()?;
/// let scheduled = manager.scheduled("orders")?;
/// println!("{} scheduled", scheduled.count()?);
/// for message in scheduled.list(10)? {
///     println!("{} is due at {:?}", message.id(), message.due());
///     scheduled.reschedule(message.id(), Duration::from_secs(60))?;
/// }
/// # Ok::<(), stream_lib::Error>(())
/// ```
pub struct Scheduled {
    parts: Parts,
    alarm: Alarm,
}

/// Ids per script: the server is busy for about a millisecond.
const CHUNK: usize = 100;

impl Scheduled {
    pub(crate) fn new(
        topology: Arc<Topology>,
        splits: Arc<Splits>,
        keys: StreamKeys,
        alarm: Alarm,
    ) -> Self {
        Self {
            parts: Parts::new(topology, splits, keys),
            alarm,
        }
    }

    /// The number of scheduled messages (`ZCARD`).
    pub fn count(&self) -> Result<u64> {
        let counted = self.parts.all().and_then(|parts| {
            let counts = parts
                .iter()
                .map(|part| self.parts.run(part, command::count_scheduled));
            counts.sum()
        });
        counted.map_err(|e| self.failed(e, "counting"))
    }

    /// The messages that are due first, at most `limit`, by due time. With equal due
    /// times, the one scheduled first comes first, within a partition.
    pub fn list(&self, limit: usize) -> Result<Vec<ScheduledMessage>> {
        self.list_after(None, limit)
    }

    /// At most `limit` messages after `after`: the next page. All of them are held in
    /// memory, and for a stream with partitions as many of each.
    pub fn list_after(
        &self,
        after: Option<&ScheduledMessage>,
        limit: usize,
    ) -> Result<Vec<ScheduledMessage>> {
        let listed = self.parts.all().and_then(|parts| {
            let mut list = Vec::new();
            for part in &parts {
                list.extend(self.list_part(part, after, limit)?);
            }
            if parts.len() > 1 {
                list.sort_by(ScheduledMessage::in_order);
                list.truncate(limit);
            }
            Ok(list)
        });
        listed.map_err(|e| self.failed(e, "listing"))
    }

    fn list_part(
        &self,
        part: &Part,
        after: Option<&ScheduledMessage>,
        limit: usize,
    ) -> Result<Vec<ScheduledMessage>> {
        self.parts.run(part, |wire, keys| {
            let mut list: Vec<ScheduledMessage> = Vec::new();
            while list.len() < limit {
                let place = list.last().or(after).map(ScheduledMessage::place);
                let page = command::list_scheduled(wire, keys, place, limit - list.len())?;
                if page.is_empty() {
                    break;
                }
                let page = page.into_iter();
                list.extend(page.map(|waiting| ScheduledMessage::new(waiting, part.number)));
            }
            Ok(list)
        })
    }

    /// Cancels a message. Returns whether it was scheduled: false if it has moved to the
    /// stream, or was cancelled before.
    pub fn cancel(&self, id: ScheduleId) -> Result<bool> {
        Ok(self.cancel_all_of(&[id])? == 1)
    }

    /// Cancels messages. Returns how many of them were scheduled.
    pub fn cancel_all_of(&self, ids: &[ScheduleId]) -> Result<usize> {
        let mut by_part: BTreeMap<Option<u16>, Vec<ScheduleId>> = BTreeMap::new();
        for id in ids {
            by_part.entry(id.partition()).or_default().push(*id);
        }
        let cancelled = by_part.into_iter().map(|(number, ids)| {
            let Some(part) = self.parts.one(number)? else {
                return Ok(0);
            };
            self.parts.run(&part, |wire, keys| {
                let mut cancelled = 0;
                for chunk in ids.chunks(CHUNK) {
                    let found = command::cancel_scheduled(wire, keys, chunk)?;
                    cancelled += found.iter().filter(|found| **found).count();
                }
                Ok(cancelled)
            })
        });
        let cancelled: Result<usize> = cancelled.sum();
        cancelled.map_err(|e| self.failed(e, "cancelling"))
    }

    /// Cancels the messages that are due first, at most `limit`. Returns the number of
    /// cancelled messages.
    ///
    /// They are cancelled in several short steps; a failed call leaves those that it
    /// hadn't reached.
    pub fn cancel_some(&self, limit: usize) -> Result<usize> {
        let mut cancelled = 0;
        while cancelled < limit {
            let page = self.list((limit - cancelled).min(CHUNK))?;
            if page.is_empty() {
                break;
            }
            let ids: Vec<_> = page.iter().map(ScheduledMessage::id).collect();
            cancelled += self.cancel_all_of(&ids)?;
        }
        Ok(cancelled)
    }

    /// Changes the due time of a message: to a [`SystemTime`](std::time::SystemTime), or
    /// to a [`Duration`](std::time::Duration) from now. Its id stays. Returns whether it
    /// was scheduled.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a time that is too far away.
    pub fn reschedule(&self, id: ScheduleId, when: impl Into<When>) -> Result<bool> {
        let when = when.into().checked()?;
        let wait = self
            .parts
            .one(id.partition())
            .and_then(|part| {
                let Some(part) = part else { return Ok(None) };
                self.parts.run(&part, |wire, keys| {
                    command::reschedule(wire, keys, id, when)
                })
            })
            .map_err(|e| self.failed(e, "rescheduling"))?;
        if let Some(wait) = wait {
            self.alarm.set(id.partition(), wait);
        }
        Ok(wait.is_some())
    }

    /// Moves a message to the stream now, behind others that are due. Returns whether it
    /// was scheduled.
    ///
    /// If the stream takes nothing at the moment, for example because its backup stream
    /// is full, the message follows once there is room.
    pub fn run_now(&self, id: ScheduleId) -> Result<bool> {
        let is_scheduled = self.reschedule(id, Duration::ZERO)?;
        if !is_scheduled {
            return Ok(false);
        }
        // This process may end before its own promoter moves it.
        let moved = self.parts.one(id.partition()).and_then(|part| {
            let Some(part) = part else { return Ok(()) };
            let mut promotion = Promotion::new(part.keys.clone());
            self.parts
                .run(&part, |wire, _| promotion.step(wire).map(drop))
        });
        moved.map_err(|e| self.failed(e, "running"))?;
        Ok(true)
    }

    fn failed(&self, error: Error, doing: &str) -> Error {
        let stream = self.parts.stream();
        error.while_doing(format_args!("{doing} the scheduled messages of `{stream}`"))
    }
}

impl fmt::Debug for Scheduled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduled")
            .field("stream", &self.parts.stream())
            .finish_non_exhaustive()
    }
}
