//! Holds of groups.

use std::time::SystemTime;

use super::stream_manager::StreamManager;
use crate::command::{self, Group, NewEvent, StreamEventKind, tell_event};
use crate::connection::Wire;
use crate::error::{Error, ErrorKind, Result, Shown};
use crate::inspect::Hold;
use crate::keys::StreamKeys;

/// The latest end of a hold, in milliseconds since 1970.
const YEAR_10000: u64 = 253_402_300_800_000;

/// The longest reason, in bytes.
const LONGEST_REASON: usize = 1_000;

impl StreamManager {
    /// Holds a group until a time: its consumers, in all processes, read nothing and take
    /// back no entry that waits for a retry or was abandoned, so that no retries are used
    /// up. It is meant for an outage of a service that the handlers need.
    ///
    /// Running handlers finish, and their entries are acknowledged. Entries that have not
    /// started are given back, as if they had never been delivered. Each consumer notices
    /// within about a third of its lease, and writes one line to the log then and one at
    /// the end. The hold ends by itself, at its time by the server's clock;
    /// [`release`](Self::release) ends it sooner. It replaces an existing hold; a time in
    /// the past holds nothing. `why`, at most 1,000 bytes, is for the log and for people.
    /// [`Consumer::held_until`](crate::Consumer::held_until) returns its end.
    ///
    /// # Blocking
    ///
    /// Two round trips: the second records it in the [events](Self::events).
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) for a name that no stream can have, a time before
    /// 1970, or too long a reason; [`Unavailable`](ErrorKind::Unavailable) while Redis
    /// can't be reached, [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) if the connection
    /// is lost before the answer, [`PermissionDenied`](ErrorKind::PermissionDenied).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::{Duration, SystemTime};
    ///
    /// # let manager = stream_lib::StreamManager::connect("redis://127.0.0.1:6379")?;
    /// let until = SystemTime::now() + Duration::from_secs(3_600);
    /// manager.hold("orders", "orders_group", until, "the bank is down")?;
    /// manager.release("orders", "orders_group")?;
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    pub fn hold(&self, stream: &str, group: &str, until: SystemTime, why: &str) -> Result<()> {
        self.on_group(stream, group, "holding", |wire, members| {
            let refused = |text: &str| Error::new(ErrorKind::Config, text);
            if why.len() > LONGEST_REASON {
                return Err(refused("the reason is longer than 1000 bytes"));
            }
            let until = until.duration_since(SystemTime::UNIX_EPOCH);
            let until = until.map_err(|_| refused("the time is before 1970"))?;
            let until = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
            command::hold(wire, members, until.min(YEAR_10000), why)?;
            let event = event_of(StreamEventKind::Held, group, why);
            tell_event(wire, members.keys(), &event);
            Ok(())
        })
    }

    /// Ends the hold of a group. Returns whether it was held. Its consumers notice
    /// within about a third of their lease.
    ///
    /// # Blocking
    ///
    /// Two round trips: the second records it in the [events](Self::events).
    ///
    /// # Errors
    ///
    /// As [`hold`](Self::hold).
    pub fn release(&self, stream: &str, group: &str) -> Result<bool> {
        self.on_group(stream, group, "releasing", |wire, members| {
            let was_held = command::release(wire, members)?;
            if was_held {
                let event = event_of(StreamEventKind::Released, group, "");
                tell_event(wire, members.keys(), &event);
            }
            Ok(was_held)
        })
    }

    /// The hold of a group; `None` if it isn't held.
    ///
    /// # Blocking
    ///
    /// A round trip.
    ///
    /// # Errors
    ///
    /// As [`hold`](Self::hold).
    pub fn held(&self, stream: &str, group: &str) -> Result<Option<Hold>> {
        let held = self.on_group(stream, group, "looking at", command::held)?;
        Ok(held.map(Hold::of))
    }

    fn on_group<T>(
        &self,
        stream: &str,
        group: &str,
        doing: &str,
        mut operation: impl FnMut(&mut Wire, &Group) -> Result<T>,
    ) -> Result<T> {
        self.origin.ensure_here()?;
        let members = Group::new(StreamKeys::new(stream)?, group);
        self.topology
            .run_alone(stream.as_bytes(), |wire| operation(wire, &members))
            .map_err(|e| {
                e.while_doing(format_args!(
                    "{doing} the group `{}` of `{}`",
                    Shown(group),
                    Shown(stream)
                ))
            })
    }
}

fn event_of(kind: StreamEventKind, group: &str, text: &str) -> NewEvent {
    NewEvent {
        kind,
        group: group.to_owned(),
        consumer: String::new(),
        count: 1,
        text: text.to_owned(),
    }
}
