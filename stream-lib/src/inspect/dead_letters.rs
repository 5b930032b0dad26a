//! Entries that no delivery could complete: listed, put back, removed.

use std::fmt;
use std::sync::Arc;

use super::dead_id::DeadLetterId;
use super::dead_letter::DeadLetter;
use super::dead_pages::DeadPages;
use super::dead_report::{RedriveReport, RemoveReport};
use crate::command::{self, FieldEdit, NewEvent, Redriven, StreamEventKind, tell_event};
use crate::connection::{Topology, Wire};
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::keys::StreamKeys;
use crate::message::EntryId;
use crate::split::{Split, Splits};

/// The dead letters of one stream, `{<stream>}:dead` in Redis.
///
/// An entry is buried here after a permanent failure, or after its last permitted
/// delivery; an entry that can't be decoded is buried earlier if
/// [`on_undecodable`](crate::ConsumerConfig::on_undecodable) says so. It keeps its fields
/// byte for byte, and reserved fields say why it was buried. The consumers' settings
/// [`dead_letter_max_length`](crate::ConsumerConfig::dead_letter_max_length) and
/// [`dead_letter_max_age`](crate::ConsumerConfig::dead_letter_max_age) bound their number
/// and age.
///
/// # Blocking
///
/// Every method waits for Redis: up to 5 s for a connection, and as long for each answer,
/// counted from the last received bytes. Large dead letters are listed in small pages;
/// redrives and removals fetch none.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable) while Redis can't be reached,
/// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the connection is lost before
/// the answer to a write, [`PermissionDenied`](crate::ErrorKind::PermissionDenied) if the
/// Redis user lacks a permission, [`WrongType`](crate::ErrorKind::WrongType) if a key is
/// no stream, [`Refused`](crate::ErrorKind::Refused) while Redis takes no writes.
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
    splits: Arc<Splits>,
    keys: StreamKeys,
}

/// Entries per script, if they are not large: the server is busy for less than a
/// millisecond.
const CHUNK: usize = 50;

/// The dead letters of the stream, or of one partition.
pub(super) struct DeadPart {
    pub(super) partition: Option<u16>,
    keys: StreamKeys,
}

impl DeadLetters {
    pub(crate) fn new(topology: Arc<Topology>, splits: Arc<Splits>, stream: &str) -> Result<Self> {
        Ok(Self {
            topology,
            splits,
            keys: StreamKeys::new(stream)?,
        })
    }

    /// The number of dead letters (`XLEN`).
    pub fn count(&self) -> Result<u64> {
        self.of_all("counting", 0, |count, part| {
            let dead = part.keys.dead();
            let more = self.with(part, |wire, _| command::length(wire, &dead))?;
            Ok(count + more)
        })
    }

    /// The oldest dead letters, at most `limit`; for a stream with partitions, first
    /// those of one partition, then those of the next.
    pub fn list(&self, limit: usize) -> Result<Vec<DeadLetter>> {
        self.list_from(None, limit)
    }

    /// At most `limit` dead letters after `after`: the next page. All of them are held in
    /// memory.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for an id of a stream with partitions, which
    /// needs [`list_from`](Self::list_from), and as all methods.
    pub fn list_after(&self, after: Option<EntryId>, limit: usize) -> Result<Vec<DeadLetter>> {
        self.list_from(after.map(|id| DeadLetterId::new(None, id)), limit)
    }

    /// As [`list_after`](Self::list_after), also for a stream with partitions.
    pub fn list_from(&self, after: Option<DeadLetterId>, limit: usize) -> Result<Vec<DeadLetter>> {
        let first = after.map(|after| self.part_of(after)).transpose();
        let first = first.map_err(|e| self.failed(e, "listing"))?;
        self.of_all("listing", Vec::new(), |mut letters, part| {
            let partition = part.partition;
            let after = match &first {
                Some(first) if partition < first.partition => return Ok(letters),
                Some(first) if partition == first.partition => after.map(|after| after.id),
                _ => None,
            };
            let mut pages = DeadPages::new(&self.topology, &part.keys, after);
            while let Some(page) = pages.next(limit - letters.len())? {
                let places = 0..page.len();
                letters.extend(places.map(|index| DeadLetter::new(partition, &page, index)));
            }
            Ok(letters)
        })
    }

    /// Puts these dead letters back into the stream, for the group whose deliveries
    /// failed; other groups skip them. Each is moved atomically.
    ///
    /// The entry gets a new id, and its deliveries are counted from 1 again; the message
    /// keeps its first id ([`Delivery::original_id`](crate::Delivery::original_id)) and
    /// its age, and [`Delivery::redrives`](crate::Delivery::redrives) goes up by one.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a stream with partitions, which needs
    /// [`redrive_letters`](Self::redrive_letters), and as all methods.
    pub fn redrive(&self, ids: &[EntryId]) -> Result<RedriveReport> {
        self.redrive_letters(&without_partition(ids))
    }

    /// As [`redrive`](Self::redrive), also for a stream with partitions: each goes back
    /// into its own partition.
    pub fn redrive_letters(&self, ids: &[DeadLetterId]) -> Result<RedriveReport> {
        self.put_back(ids, &[])
    }

    /// As [`redrive_letters`](Self::redrive_letters), with some fields changed.
    pub(super) fn put_back(
        &self,
        ids: &[DeadLetterId],
        edits: &[FieldEdit],
    ) -> Result<RedriveReport> {
        let report = self.of_each(
            "redriving",
            ids,
            RedriveReport::default(),
            |report, part, ids| {
                self.with(part, |wire, keys| {
                    for chunk in ids.chunks(CHUNK) {
                        let mut chunk = chunk.to_vec();
                        while !chunk.is_empty() {
                            let outcomes = command::redrive(wire, keys, &chunk, edits)?;
                            report.count(&outcomes);
                            let mut later = outcomes.iter().map(|o| *o == Redriven::Later);
                            chunk.retain(|_| later.next().unwrap_or(false));
                        }
                    }
                    Ok(())
                })
            },
        )?;
        self.tell_redriven(&report);
        Ok(report)
    }

    /// Puts the oldest dead letters back, at most `limit`; see
    /// [`redrive`](Self::redrive).
    pub fn redrive_some(&self, limit: usize) -> Result<RedriveReport> {
        let begin = RedriveReport::default();
        let report = self.of_all("redriving", begin, |mut report, part| {
            let left = limit.saturating_sub(report.redriven + report.without_body);
            self.with(part, |wire, keys| {
                redrive_oldest(wire, keys, left, &mut report)
            })?;
            Ok(report)
        })?;
        self.tell_redriven(&report);
        Ok(report)
    }

    /// Records dead letters that were put back in the events of the stream.
    fn tell_redriven(&self, report: &RedriveReport) {
        if report.redriven == 0 {
            return;
        }
        let event = NewEvent {
            kind: StreamEventKind::Redriven,
            group: String::new(),
            consumer: String::new(),
            count: report.redriven as u64,
            text: String::new(),
        };
        let told = self
            .topology
            .run_alone(self.keys.stream().as_bytes(), |wire| {
                tell_event(wire, &self.keys, &event);
                Ok(())
            });
        if let Err(e) = told {
            log::debug!("recording a redrive failed: {}", with_causes(&e));
        }
    }

    /// Puts all dead letters back; see [`redrive`](Self::redrive).
    pub fn redrive_all(&self) -> Result<RedriveReport> {
        self.redrive_some(usize::MAX)
    }

    /// Removes these dead letters for good (`XDEL`). The group acknowledged their entries
    /// at the burial, so the stream's backlog doesn't change.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a stream with partitions, which needs
    /// [`remove_letters`](Self::remove_letters), and as all methods.
    pub fn remove(&self, ids: &[EntryId]) -> Result<RemoveReport> {
        self.remove_letters(&without_partition(ids))
    }

    /// As [`remove`](Self::remove), also for a stream with partitions.
    pub fn remove_letters(&self, ids: &[DeadLetterId]) -> Result<RemoveReport> {
        self.of_each(
            "removing",
            ids,
            RemoveReport::default(),
            |report, part, ids| {
                self.with(part, |wire, keys| {
                    for chunk in ids.chunks(CHUNK) {
                        let removed = command::remove_dead_letters(wire, keys, chunk)?;
                        report.removed += removed;
                        report.missing += chunk.len().saturating_sub(removed);
                    }
                    Ok(())
                })
            },
        )
    }

    /// Removes the oldest dead letters, at most `limit`; see [`remove`](Self::remove).
    ///
    /// Dead letters that arrive meanwhile stay. The removal takes several short steps; a
    /// failed call leaves those that it hadn't reached.
    pub fn remove_some(&self, limit: usize) -> Result<RemoveReport> {
        self.of_all("removing", RemoveReport::default(), |mut report, part| {
            self.with(part, |wire, keys| {
                let Some(last) = command::newest_dead_letter(wire, keys)? else {
                    return Ok(());
                };
                while report.removed < limit {
                    let most = (limit - report.removed).min(CHUNK);
                    let (removed, more) =
                        command::remove_dead_letters_until(wire, keys, last, most)?;
                    report.removed += removed;
                    if !more {
                        break;
                    }
                }
                Ok(())
            })?;
            Ok(report)
        })
    }

    /// Removes all dead letters; see [`remove_some`](Self::remove_some).
    pub fn remove_all(&self) -> Result<RemoveReport> {
        self.remove_some(usize::MAX)
    }

    /// Folds over the stream, or all its partitions.
    pub(super) fn of_all<T>(
        &self,
        doing: &str,
        begin: T,
        operation: impl FnMut(T, &DeadPart) -> Result<T>,
    ) -> Result<T> {
        let all = self
            .parts()
            .and_then(|parts| parts.iter().try_fold(begin, operation));
        all.map_err(|e| self.failed(e, doing))
    }

    /// Goes through the partitions that have any of these dead letters.
    fn of_each<T>(
        &self,
        doing: &str,
        ids: &[DeadLetterId],
        mut report: T,
        mut operation: impl FnMut(&mut T, &DeadPart, &[EntryId]) -> Result<()>,
    ) -> Result<T> {
        let mut parts: Vec<(DeadPart, Vec<EntryId>)> = Vec::new();
        let split = self.split().map_err(|e| self.failed(e, doing))?;
        for id in ids {
            let known = parts
                .iter_mut()
                .find(|(part, _)| part.partition == id.partition);
            if let Some((_, ids)) = known {
                ids.push(id.id);
                continue;
            }
            let part = self
                .part_in(split, *id)
                .map_err(|e| self.failed(e, doing))?;
            parts.push((part, vec![id.id]));
        }
        for (part, ids) in &parts {
            operation(&mut report, part, ids).map_err(|e| self.failed(e, doing))?;
        }
        Ok(report)
    }

    fn split(&self) -> Result<Split> {
        self.splits.look_up(&self.keys)
    }

    fn parts(&self) -> Result<Vec<DeadPart>> {
        let split = self.split()?;
        let has_any = split != Split::Whole;
        let parts = (0_u16..).zip(split.keys_of(&self.keys));
        let part = |(number, keys)| DeadPart {
            partition: has_any.then_some(number),
            keys,
        };
        Ok(parts.map(part).collect())
    }

    pub(super) fn part_of(&self, id: DeadLetterId) -> Result<DeadPart> {
        self.part_in(self.split()?, id)
    }

    fn part_in(&self, split: Split, id: DeadLetterId) -> Result<DeadPart> {
        let problem = match (split.partitions(), id.partition) {
            (None, None) => {
                let keys = self.keys.clone();
                let partition = None;
                return Ok(DeadPart { partition, keys });
            }
            (Some(partitions), Some(partition)) if partition < partitions.count() => {
                let keys = self.keys.partition(partition);
                let partition = Some(partition);
                return Ok(DeadPart { partition, keys });
            }
            (Some(partitions), None) => format!(
                "the stream has {} partitions, and `{id}` is of none: take \
                 `DeadLetter::letter_id`, for `redrive_letters`, `remove_letters` and `list_from`",
                partitions.count()
            ),
            (Some(partitions), Some(_)) => {
                format!(
                    "the stream has {} partitions, and none is that of `{id}`",
                    partitions.count()
                )
            }
            (None, Some(_)) => format!("the stream has no partitions, and `{id}` is of one"),
        };
        Err(Error::new(ErrorKind::Config, problem))
    }

    fn with<T>(
        &self,
        part: &DeadPart,
        mut operation: impl FnMut(&mut Wire, &StreamKeys) -> Result<T>,
    ) -> Result<T> {
        let key = part.keys.stream().as_bytes();
        self.topology
            .run_alone(key, |wire| operation(wire, &part.keys))
    }

    /// Runs an operation that may run twice.
    pub(super) fn looking<T>(
        &self,
        part: &DeadPart,
        mut operation: impl FnMut(&mut Wire, &StreamKeys) -> Result<T>,
    ) -> Result<T> {
        let (key, time) = (
            part.keys.stream().as_bytes(),
            self.topology.connect_timeout(),
        );
        self.topology
            .run(key, time, |wire| operation(wire, &part.keys))
    }

    pub(super) fn failed(&self, error: Error, doing: &str) -> Error {
        let stream = self.keys.stream();
        error.while_doing(format_args!("{doing} the dead letters of `{stream}`"))
    }
}

fn redrive_oldest(
    wire: &mut Wire,
    keys: &StreamKeys,
    limit: usize,
    report: &mut RedriveReport,
) -> Result<()> {
    if limit == 0 {
        return Ok(());
    }
    // Entries that fail again meanwhile have ids behind the newest.
    let Some(last) = command::newest_dead_letter(wire, keys)? else {
        return Ok(());
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
    Ok(())
}

fn without_partition(ids: &[EntryId]) -> Vec<DeadLetterId> {
    ids.iter().map(|id| DeadLetterId::new(None, *id)).collect()
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters")
            .field("stream", &self.keys.stream())
            .finish_non_exhaustive()
    }
}
