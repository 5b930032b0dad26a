//! Entries that no delivery could complete.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::command::reserved::{
    DEAD_CONSUMER, DEAD_DELIVERIES, DEAD_ERROR, DEAD_GROUP, DEAD_ID, DEAD_REASON, DEAD_TIME,
};
use crate::command::{self, Entries, Redriven};
use crate::connection::{Topology, Wire};
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::message::{DecodeError, EntryId, Fields, OwnedMessage, RawMessage};

/// The dead letters of one stream, `{<stream>}:dead` in Redis.
///
/// An entry comes here after a permanent failure, when it can't be decoded, and
/// when its deliveries are used up: with its fields byte for byte, and reserved
/// ones that say why. The newest 100,000 of at most 14 days are kept.
///
/// # Blocking
///
/// Every method waits for Redis: up to 5 s for a connection, and as long for
/// each answer.
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
/// println!("putting back {}", dead.count()?);
/// dead.redrive_all()?;
/// # Ok::<(), stream_lib::Error>(())
/// ```
pub struct DeadLetters {
    topology: Arc<Topology>,
    keys: StreamKeys,
}

/// How a redrive went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RedriveReport {
    /// Entries put back into the stream.
    pub redriven: usize,
    /// Ids without a dead letter.
    pub missing: usize,
    /// Dead letters whose body was too large to be kept; they stay.
    pub without_body: usize,
}

/// Entries in one script: a server is busy for less than a millisecond.
const CHUNK: usize = 50;
/// Entries listed in one answer.
const PAGE: usize = 100;

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

    /// At most `limit` dead letters after `after`: the next page.
    pub fn list_after(&self, after: Option<EntryId>, limit: usize) -> Result<Vec<DeadLetter>> {
        self.with("listing", |wire, keys| {
            let mut letters = Vec::new();
            let mut after = after;
            while letters.len() < limit {
                let most = (limit - letters.len()).min(PAGE);
                let page = command::dead_letters(wire, keys, after, most)?;
                letters.extend((0..page.len()).map(|index| DeadLetter::new(&page, index)));
                if page.len() < most {
                    break;
                }
                after = letters.last().map(DeadLetter::id);
            }
            Ok(letters)
        })
    }

    /// Puts these dead letters back into the stream, for the group that failed
    /// on them; other groups skip them. Each is moved in one step.
    pub fn redrive(&self, ids: &[EntryId]) -> Result<RedriveReport> {
        self.with("redriving", |wire, keys| {
            let mut report = RedriveReport::default();
            for chunk in ids.chunks(CHUNK) {
                report.count(&command::redrive(wire, keys, chunk)?);
            }
            Ok(report)
        })
    }

    /// Puts the oldest ones back, at most `limit`; see [`redrive`](Self::redrive).
    pub fn redrive_some(&self, limit: usize) -> Result<RedriveReport> {
        self.with("redriving", |wire, keys| {
            let mut report = RedriveReport::default();
            let mut after = None;
            let mut left = limit;
            // Entries that fail again meanwhile come behind the newest.
            let Some(last) = command::newest_dead_letter(wire, keys)? else {
                return Ok(report);
            };
            while left > 0 {
                let page = command::dead_letters(wire, keys, after, left.min(CHUNK))?;
                let ids: Vec<_> = (0..page.len())
                    .map(|index| page.id(index))
                    .filter(|id| *id <= last)
                    .collect();
                if ids.is_empty() {
                    break;
                }
                left -= ids.len();
                after = ids.last().copied();
                report.count(&command::redrive(wire, keys, &ids)?);
            }
            Ok(report)
        })
    }

    /// Puts all of them back; see [`redrive`](Self::redrive).
    pub fn redrive_all(&self) -> Result<RedriveReport> {
        self.redrive_some(usize::MAX)
    }

    fn with<T>(
        &self,
        doing: &str,
        operation: impl FnOnce(&mut Wire, &StreamKeys) -> Result<T>,
    ) -> Result<T> {
        let stream = self.keys.stream();
        let node = self.topology.node_for(stream.as_bytes());
        node.dedicated()
            .and_then(|mut wire| operation(&mut wire, &self.keys))
            .map_err(|e| e.while_doing(format_args!("{doing} the dead letters of `{stream}`")))
    }
}

impl RedriveReport {
    fn count(&mut self, outcomes: &[Redriven]) {
        for outcome in outcomes {
            match outcome {
                Redriven::As(_) => self.redriven += 1,
                Redriven::Gone => self.missing += 1,
                Redriven::Bare => self.without_body += 1,
            }
        }
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters")
            .field("stream", &self.keys.stream())
            .finish_non_exhaustive()
    }
}

/// An entry that no delivery could complete.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    id: EntryId,
    original_id: EntryId,
    group: String,
    consumer: String,
    reason: String,
    error: String,
    deliveries: u64,
    time_ms: u64,
    message: RawMessage,
}

impl DeadLetter {
    fn new(page: &Entries, index: usize) -> Self {
        let fields = page.fields(index);
        let text = |name| String::from_utf8_lossy(fields.header(name).unwrap_or_default());
        Self {
            id: page.id(index),
            original_id: text(DEAD_ID).parse().unwrap_or(EntryId::MIN),
            group: text(DEAD_GROUP).into_owned(),
            consumer: text(DEAD_CONSUMER).into_owned(),
            reason: text(DEAD_REASON).into_owned(),
            error: text(DEAD_ERROR).into_owned(),
            deliveries: text(DEAD_DELIVERIES).parse().unwrap_or(0),
            time_ms: text(DEAD_TIME).parse().unwrap_or(0),
            message: body(fields),
        }
    }

    /// Its id among the dead letters, for [`DeadLetters::redrive`].
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// The id it had in the stream.
    pub fn original_id(&self) -> EntryId {
        self.original_id
    }

    /// The group that failed on it.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The consumer that failed on it last.
    pub fn consumer(&self) -> &str {
        &self.consumer
    }

    /// Why it is here: `retries-exhausted`, `permanent`, `undecodable` or
    /// `crashed`.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What the handler's last error said.
    pub fn error(&self) -> &str {
        &self.error
    }

    /// How often it was delivered.
    pub fn deliveries(&self) -> u64 {
        self.deliveries
    }

    /// When it came here, by the server's clock.
    pub fn time(&self) -> SystemTime {
        let since = Duration::from_millis(self.time_ms);
        SystemTime::UNIX_EPOCH
            .checked_add(since)
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// Its fields, as they were in the stream.
    pub fn message(&self) -> &RawMessage {
        &self.message
    }

    /// Its fields as a message type.
    pub fn decode<M: OwnedMessage>(&self) -> Result<M, DecodeError> {
        self.message.decode()
    }
}

/// Shows no payload.
impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("id", &self.id)
            .field("original_id", &self.original_id)
            .field("group", &self.group)
            .field("reason", &self.reason)
            .field("deliveries", &self.deliveries)
            .finish_non_exhaustive()
    }
}

fn body(fields: Fields<'_>) -> RawMessage {
    fields.iter().collect()
}
