//! The pending entries of a group.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::entry::PendingPage;
use super::filter::PendingFilter;
use super::holders::Holders;
use super::report::PendingReport;
use super::walk::Walk;
use crate::command::{
    self, DeadHands, Group, HandsOutcome, Judgement, NewEvent, Signs, StreamEventKind, tell_event,
};
use crate::connection::Topology;
use crate::error::{Error, Result, Shown, with_causes};
use crate::inspect::address::EntryAddress;
use crate::inspect::parts::{StreamPart, StreamParts};
use crate::keys::StreamKeys;
use crate::message::EntryId;
use crate::message::dead_reason::DeadReason;
use crate::split::Splits;

/// The pending entries of one group: delivered, and not acknowledged. Returned by
/// [`StreamManager::pending`](crate::StreamManager::pending), for any group, also for
/// those of other libraries.
///
/// An entry that no living consumer holds can be [released](Self::release),
/// [buried](Self::bury) and [acknowledged](Self::ack). A consumer of this library lives
/// as long as its sign of life is good. A consumer of another library gives none: it
/// counts as alive while Redis has heard of it, or the entry was delivered, less than
/// [`dead_after`](Self::dead_after) ago.
///
/// # Blocking
///
/// Every method waits for Redis: up to 5 s for a connection, and as long for each answer.
/// Each request is short for the server.
///
/// # Errors
///
/// [`NoGroup`](crate::ErrorKind::NoGroup) if the stream or the group doesn't exist,
/// [`Unavailable`](crate::ErrorKind::Unavailable) while Redis can't be reached,
/// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the connection is lost before
/// the answer to a write, [`PermissionDenied`](crate::ErrorKind::PermissionDenied) if the
/// Redis user lacks a permission, [`WrongType`](crate::ErrorKind::WrongType) if the key
/// is no stream.
///
/// # Examples
///
/// ```no_run
/// use stream_lib::PendingFilter;
///
/// # let manager = stream_lib::StreamManager::from_env()?;
/// let pending = manager.pending("orders", "billing")?;
/// for suspect in pending.list(&PendingFilter::suspects())?.entries {
///     println!("{} was delivered {} times", suspect.at, suspect.deliveries);
///     println!("{}", pending.bury(&[suspect.at], "it has killed two processes")?);
/// }
/// # Ok::<(), stream_lib::Error>(())
/// ```
pub struct Pending {
    stream: StreamParts,
    group: String,
    dead_after: Duration,
}

/// Entries per script, if they are not large.
const CHUNK: usize = 50;

impl Pending {
    pub(crate) fn new(
        topology: Arc<Topology>,
        splits: Arc<Splits>,
        keys: StreamKeys,
        group: &str,
    ) -> Self {
        Self {
            stream: StreamParts::new(topology, splits, keys),
            group: group.to_owned(),
            dead_after: Duration::from_secs(60),
        }
    }

    /// Sets how long a consumer of another library may be silent, and an entry that it
    /// holds idle, before the consumer counts as dead. Its handlers should take less.
    /// Defaults to a minute.
    #[must_use]
    pub const fn dead_after(mut self, time: Duration) -> Self {
        self.dead_after = time;
        self
    }

    /// Lists pending entries (`XPENDING`) with their holders.
    ///
    /// # Blocking
    ///
    /// A few round trips, and one for each 1,000 entries looked at, whose number
    /// [`PendingFilter::look`] bounds.
    pub fn list(&self, filter: &PendingFilter) -> Result<PendingPage> {
        self.pages(filter).map_err(|e| self.failed(e, "listing"))
    }

    /// Has entries read again by any consumer of the group, as if they waited for a retry
    /// that is due now. Their deliveries stay counted. In a group without a consumer of
    /// this library they wait for an `XAUTOCLAIM`.
    ///
    /// # Delivery
    ///
    /// One script sees that no living consumer holds the entry, and releases it. Entries
    /// of living consumers stay there, and the report names these consumers.
    pub fn release(&self, entries: &[EntryAddress]) -> Result<PendingReport> {
        self.act(entries, DeadHands::Release)
            .map_err(|e| self.failed(e, "releasing"))
    }

    /// Moves entries to the dead letters, as `by-hand`, with `why` as their error. The
    /// bounds of the dead letters are applied at the next burial by a consumer.
    ///
    /// # Delivery
    ///
    /// As [`release`](Self::release): there is exactly one copy, and the entry is
    /// acknowledged with it.
    pub fn bury(&self, entries: &[EntryAddress], why: &str) -> Result<PendingReport> {
        let act = DeadHands::Bury {
            reason: DeadReason::ByHand.as_str(),
            error: why,
        };
        let report = self
            .act(entries, act)
            .map_err(|e| self.failed(e, "burying"))?;
        self.tell_buried(&report);
        Ok(report)
    }

    /// Acknowledges entries (`XACK`): for this group they are done.
    ///
    /// # Delivery
    ///
    /// As [`release`](Self::release).
    pub fn ack(&self, entries: &[EntryAddress]) -> Result<PendingReport> {
        self.act(entries, DeadHands::Ack)
            .map_err(|e| self.failed(e, "acknowledging"))
    }

    /// Records dead letters in the events of the stream.
    fn tell_buried(&self, report: &PendingReport) {
        if report.done == 0 {
            return;
        }
        let event = NewEvent {
            kind: StreamEventKind::Buried,
            group: self.group.clone(),
            consumer: String::new(),
            count: report.done as u64,
            text: DeadReason::ByHand.to_string(),
        };
        let keys = &self.stream.keys;
        let told = self.stream.alone(keys, |wire| {
            tell_event(wire, keys, &event);
            Ok(())
        });
        if let Err(e) = told {
            log::debug!("recording a burial failed: {}", with_causes(&e));
        }
    }

    fn stem(&self) -> Group {
        Group::new(self.stream.keys.clone(), &self.group)
    }

    fn group_of(&self, part: &StreamPart) -> Group {
        Group::new(part.keys.clone(), &self.group)
    }

    fn signs(&self) -> Result<Signs> {
        self.stream.ensure_whole()?;
        let stem = self.stem();
        self.stream
            .looking(&self.stream.keys, |wire| Signs::ask(wire, &stem))
    }

    fn act(&self, entries: &[EntryAddress], act: DeadHands<'_>) -> Result<PendingReport> {
        let mut report = PendingReport::default();
        self.stream.ensure_whole()?;
        for (part, ids) in self.stream.of_each(entries)? {
            let group = self.group_of(&part);
            let mut left = ids;
            while !left.is_empty() {
                let chunk: Vec<EntryId> = left.drain(..left.len().min(CHUNK)).collect();
                // For partitions, the signs are kept at the stem, in another slot.
                let signs = match part.partition {
                    Some(_) => self.signs()?,
                    None => Signs::default(),
                };
                let judgement = Judgement {
                    signs: &signs,
                    patience: self.dead_after,
                };
                let outcomes = self.stream.alone(&part.keys, |wire| {
                    command::act_on_dead_hands(wire, &group, judgement, act, &chunk)
                })?;
                for (id, outcome) in chunk.iter().zip(&outcomes) {
                    report.count(part.address(*id), outcome);
                    if *outcome == HandsOutcome::Later {
                        left.push(*id);
                    }
                }
            }
        }
        Ok(report)
    }

    fn pages(&self, filter: &PendingFilter) -> Result<PendingPage> {
        let parts = self.stream.all()?;
        if let Some(after) = filter.after {
            // Fails for an entry of another stream.
            self.stream.of_each(&[after])?;
        }
        let signs = self.signs()?;
        let mut page = PendingPage::default();
        let mut look = filter.look.max(1);
        for part in &parts {
            if filter
                .after
                .is_some_and(|after| part.partition < after.partition)
            {
                continue;
            }
            let holders = self.holders(part, &signs)?;
            let group = self.group_of(part);
            let mut walk = Walk::new(&self.stream, part, group, filter, holders);
            if walk.go(&mut page, &mut look)? {
                return Ok(page);
            }
        }
        Ok(page)
    }

    /// The consumers of one part.
    fn holders(&self, part: &StreamPart, signs: &Signs) -> Result<Holders> {
        let group = self.group_of(part);
        let consumers = self
            .stream
            .looking(&part.keys, |wire| command::consumers(wire, &group))?;
        Ok(Holders::new(consumers, signs, self.dead_after))
    }

    fn failed(&self, error: Error, doing: &str) -> Error {
        error.while_doing(format_args!(
            "{doing} pending entries of the group `{}` of `{}`",
            Shown(&self.group),
            Shown(self.stream.keys.stream())
        ))
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("stream", &self.stream.keys.stream())
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
