//! Entries that no delivery could complete: listed, put back, removed.

use std::fmt;
use std::sync::Arc;

use super::dead_letter::DeadLetter;
use super::dead_pages::DeadPages;
use super::dead_report::{RedriveReport, RemoveReport};
use crate::command::{self, Redriven};
use crate::connection::{Topology, Wire};
use crate::error::{Error, Result};
use crate::keys::StreamKeys;
use crate::message::EntryId;

/// The dead letters of one stream, `{<stream>}:dead` in Redis.
///
/// An entry comes here after a permanent failure, and when its deliveries are used
/// up, or earlier where it can't be decoded and
/// [`on_undecodable`](crate::ConsumerConfig::on_undecodable) says so: with its fields byte for byte, and reserved
/// ones that say why. How many are kept, and for how long, are settings of the
/// consumers: [`dead_letter_max_length`](crate::ConsumerConfig::dead_letter_max_length)
/// and [`dead_letter_max_age`](crate::ConsumerConfig::dead_letter_max_age).
///
/// # Blocking
///
/// Every method waits for Redis: up to 5 s for a connection, and as long for
/// each answer, counted from the last bytes that came. Large dead letters are listed
/// by small pages; to put them back or to remove them, none is fetched.
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
/// # let manager = stream_lib::StreamManager::from_env()?;
/// let dead = manager.dead_letters("orders")?;
/// for letter in dead.list(10)? {
///     println!("{} failed: {}", letter.original_id(), letter.error());
/// }
/// println!("{} dead letters: {}", dead.count()?, dead.redrive_all()?);
/// # Ok::<(), stream_lib::Error>(())
/// ```
pub struct DeadLetters {
    topology: Arc<Topology>,
    keys: StreamKeys,
}

/// Entries in one script, if they are not large: a server is busy for less than a
/// millisecond.
const CHUNK: usize = 50;

impl DeadLetters {
    pub(crate) fn new(topology: Arc<Topology>, stream: &str) -> Result<Self> {
        Ok(Self {
            topology,
            keys: StreamKeys::new(stream)?,
        })
    }

    /// How many there are (`XLEN`).
    pub fn count(&self) -> Result<u64> {
        self.with("counting", |wire, keys| command::length(wire, &keys.dead()))
    }

    /// The oldest ones, at most `limit`.
    pub fn list(&self, limit: usize) -> Result<Vec<DeadLetter>> {
        self.list_after(None, limit)
    }

    /// At most `limit` dead letters after `after`: the next page. All of them are in
    /// memory then.
    pub fn list_after(&self, after: Option<EntryId>, limit: usize) -> Result<Vec<DeadLetter>> {
        let mut pages = DeadPages::new(&self.topology, &self.keys, after);
        let mut letters = Vec::new();
        while let Some(page) = pages
            .next(limit - letters.len())
            .map_err(|e| self.failed(e, "listing"))?
        {
            letters.extend((0..page.len()).map(|index| DeadLetter::new(&page, index)));
        }
        Ok(letters)
    }

    /// Puts these dead letters back into the stream, for the group that failed
    /// on them; other groups skip them. Each is moved in one step.
    ///
    /// The entry gets a new id, and its deliveries are counted from 1 again; the
    /// message keeps its first id
    /// ([`Delivery::original_id`](crate::Delivery::original_id)) and its age, and
    /// [`Delivery::redrives`](crate::Delivery::redrives) counts on.
    pub fn redrive(&self, ids: &[EntryId]) -> Result<RedriveReport> {
        self.with("redriving", |wire, keys| {
            let mut report = RedriveReport::default();
            for chunk in ids.chunks(CHUNK) {
                let mut chunk = chunk.to_vec();
                while !chunk.is_empty() {
                    let outcomes = command::redrive(wire, keys, &chunk)?;
                    report.count(&outcomes);
                    let mut later = outcomes.iter().map(|o| *o == Redriven::Later);
                    chunk.retain(|_| later.next().unwrap_or(false));
                }
            }
            Ok(report)
        })
    }

    /// Puts the oldest ones back, at most `limit`; see [`redrive`](Self::redrive).
    pub fn redrive_some(&self, limit: usize) -> Result<RedriveReport> {
        self.with("redriving", |wire, keys| {
            let mut report = RedriveReport::default();
            // Entries that fail again meanwhile come behind the newest.
            let Some(last) = command::newest_dead_letter(wire, keys)? else {
                return Ok(report);
            };
            let (mut after, mut left) = (None, limit);
            while left > 0 {
                let most = left.min(CHUNK);
                let step = command::redrive_oldest(wire, keys, after, last, most)?;
                report.redriven += step.redriven;
                report.without_body += step.bare;
                left = left.saturating_sub(step.redriven + step.bare);
                if step.next.is_none() {
                    break;
                }
                after = step.next;
            }
            Ok(report)
        })
    }

    /// Puts all of them back; see [`redrive`](Self::redrive).
    pub fn redrive_all(&self) -> Result<RedriveReport> {
        self.redrive_some(usize::MAX)
    }

    /// Removes these dead letters for good (`XDEL`). Their entries are gone from
    /// the stream's backlog already: the group acknowledged them when they came
    /// here.
    pub fn remove(&self, ids: &[EntryId]) -> Result<RemoveReport> {
        self.with("removing", |wire, keys| {
            let mut report = RemoveReport::default();
            for chunk in ids.chunks(CHUNK) {
                let removed = command::remove_dead_letters(wire, keys, chunk)?;
                report.removed += removed;
                report.missing += chunk.len().saturating_sub(removed);
            }
            Ok(report)
        })
    }

    /// Removes the oldest ones, at most `limit`; see [`remove`](Self::remove).
    ///
    /// Dead letters that come in meanwhile stay. They go in steps, each short
    /// for the server; a failed call leaves those that it hadn't reached.
    pub fn remove_some(&self, limit: usize) -> Result<RemoveReport> {
        self.with("removing", |wire, keys| {
            let mut report = RemoveReport::default();
            let Some(last) = command::newest_dead_letter(wire, keys)? else {
                return Ok(report);
            };
            while report.removed < limit {
                let most = (limit - report.removed).min(CHUNK);
                let (removed, more) = command::remove_dead_letters_until(wire, keys, last, most)?;
                report.removed += removed;
                if !more {
                    break;
                }
            }
            Ok(report)
        })
    }

    /// Removes all of them; see [`remove_some`](Self::remove_some).
    pub fn remove_all(&self) -> Result<RemoveReport> {
        self.remove_some(usize::MAX)
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
        error.while_doing(format_args!("{doing} the dead letters of `{stream}`"))
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters")
            .field("stream", &self.keys.stream())
            .finish_non_exhaustive()
    }
}
