//! Messages that wait for their time: listed, cancelled, moved.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::message::ScheduledMessage;
use crate::command::{self, Promotion};
use crate::config::When;
use crate::connection::{Topology, Wire};
use crate::error::{Error, Result};
use crate::keys::StreamKeys;
use crate::message::schedule_id::ScheduleId;
use crate::runtime::Alarm;

/// The scheduled messages of one stream, `{<stream>}:due` in Redis.
///
/// A message comes here by [`Draft::after`](crate::Draft::after) and
/// [`Draft::at`](crate::Draft::at), and leaves for the stream when it is due.
///
/// # Blocking
///
/// Every method waits for Redis: up to 5 s for a connection, and as long for
/// each answer, counted from the last bytes that came.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable),
/// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown),
/// [`PermissionDenied`](crate::ErrorKind::PermissionDenied),
/// [`WrongType`](crate::ErrorKind::WrongType), [`Refused`](crate::ErrorKind::Refused).
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
    topology: Arc<Topology>,
    keys: StreamKeys,
    alarm: Alarm,
}

/// Ids in one script: a server is busy for about a millisecond.
const CHUNK: usize = 100;

impl Scheduled {
    pub(crate) fn new(topology: Arc<Topology>, keys: StreamKeys, alarm: Alarm) -> Self {
        Self {
            topology,
            keys,
            alarm,
        }
    }

    /// How many there are (`ZCARD`).
    pub fn count(&self) -> Result<u64> {
        self.with("counting", command::count_scheduled)
    }

    /// Those that are due first, at most `limit`, by their due times. Of equal ones the
    /// one that was scheduled first comes first.
    pub fn list(&self, limit: usize) -> Result<Vec<ScheduledMessage>> {
        self.list_after(None, limit)
    }

    /// At most `limit` messages that come after `after`: the next page. All of them are
    /// in memory then.
    pub fn list_after(
        &self,
        after: Option<&ScheduledMessage>,
        limit: usize,
    ) -> Result<Vec<ScheduledMessage>> {
        self.with("listing", |wire, keys| {
            let mut list: Vec<ScheduledMessage> = Vec::new();
            while list.len() < limit {
                let place = list.last().or(after).map(ScheduledMessage::place);
                let page = command::list_scheduled(wire, keys, place, limit - list.len())?;
                if page.is_empty() {
                    break;
                }
                list.extend(page.into_iter().map(ScheduledMessage::new));
            }
            Ok(list)
        })
    }

    /// Cancels one. Returns whether it was scheduled: false where it has come to the
    /// stream, or was cancelled before.
    pub fn cancel(&self, id: ScheduleId) -> Result<bool> {
        Ok(self.cancel_all_of(&[id])? == 1)
    }

    /// Cancels these. Returns how many of them were scheduled.
    pub fn cancel_all_of(&self, ids: &[ScheduleId]) -> Result<usize> {
        self.with("cancelling", |wire, keys| {
            let mut cancelled = 0;
            for chunk in ids.chunks(CHUNK) {
                let found = command::cancel_scheduled(wire, keys, chunk)?;
                cancelled += found.iter().filter(|found| **found).count();
            }
            Ok(cancelled)
        })
    }

    /// Cancels those that are due first, at most `limit`. Returns how many.
    ///
    /// They go in steps, each short for the server; a failed call leaves those that it
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

    /// Gives one another due time: a [`SystemTime`](std::time::SystemTime), or a
    /// [`Duration`](std::time::Duration) from now on. Its id stays. Returns whether it
    /// was scheduled.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a time that is too far away.
    pub fn reschedule(&self, id: ScheduleId, when: impl Into<When>) -> Result<bool> {
        let when = when.into().checked()?;
        let wait = self.with("rescheduling", |wire, keys| {
            command::reschedule(wire, keys, id, when)
        })?;
        if let Some(wait) = wait {
            self.alarm.set(wait);
        }
        Ok(wait.is_some())
    }

    /// Has one come to the stream now, behind others that are due. Returns whether it
    /// was scheduled.
    ///
    /// Where the stream takes nothing at the moment, such as with a full backup stream,
    /// it follows once there is room.
    pub fn run_now(&self, id: ScheduleId) -> Result<bool> {
        let is_scheduled = self.reschedule(id, Duration::ZERO)?;
        if is_scheduled {
            let mut promotion = Promotion::new(self.keys.clone());
            // This process may end before its own promoter gets to it.
            self.with("running", |wire, _| promotion.step(wire))?;
        }
        Ok(is_scheduled)
    }

    fn with<T>(
        &self,
        doing: &str,
        mut operation: impl FnMut(&mut Wire, &StreamKeys) -> Result<T>,
    ) -> Result<T> {
        let stream = self.keys.stream();
        self.topology
            .run_alone(stream.as_bytes(), |wire| operation(wire, &self.keys))
            .map_err(|e| self.failed(e, doing))
    }

    fn failed(&self, error: Error, doing: &str) -> Error {
        let stream = self.keys.stream();
        error.while_doing(format_args!("{doing} the scheduled messages of `{stream}`"))
    }
}

impl fmt::Debug for Scheduled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduled")
            .field("stream", &self.keys.stream())
            .finish_non_exhaustive()
    }
}
