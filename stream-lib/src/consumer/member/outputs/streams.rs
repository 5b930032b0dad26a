//! The streams that outputs go to.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::{known_backup, known_partitions};
use crate::connection::{Topology, Wire};
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::message::{EntryId, Schema};
use crate::partition::{Partitions, hash_of, partition_of};
use crate::schema_book::{SchemaBook, Types};

/// The most streams to remember; programs have a few.
const MOST: usize = 1_000;

/// How long one request may take, since entries of other consumers wait meanwhile.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long the known partitions of a stream are relied on: it may be deleted and made
/// again.
const KNOWN: Duration = Duration::from_secs(25);

/// A stream that outputs go to.
#[derive(Debug)]
pub(crate) struct OutputStream {
    /// The keys of the stem.
    keys: StreamKeys,
    known: Mutex<Known>,
    types: Types,
}

/// The known facts of a stream. Scripts notice when they no longer hold.
#[derive(Debug, Default)]
struct Known {
    /// When they were last asked for.
    asked: Option<Instant>,
    partitions: Option<Partitions>,
    /// The keys of parts whose backup streams have names of their own.
    backups: BTreeMap<Option<u16>, StreamKeys>,
}

/// The target of an output: a stream, or one of its partitions.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    stream: Arc<OutputStream>,
    partition: Option<u16>,
}

/// The output streams of one consumer, by name.
#[derive(Debug)]
pub(crate) struct OutputStreams {
    topology: Arc<Topology>,
    book: Option<Arc<SchemaBook>>,
    /// The stream that the deliveries come from.
    from: String,
    known: Mutex<HashMap<String, Arc<OutputStream>>>,
    is_told: AtomicBool,
}

impl OutputStream {
    fn new(keys: StreamKeys, book: Option<Arc<SchemaBook>>) -> Self {
        Self {
            types: Types::new(keys.clone(), book),
            keys,
            known: Mutex::default(),
        }
    }

    /// Notes the type of an output.
    pub(crate) fn note(&self, schema: &'static Schema) {
        self.types.note(schema);
    }

    /// Whether a noted type may have to be stored before an output is written.
    pub(crate) fn has_new_type(&self) -> bool {
        self.types.are_due()
    }

    /// Stores the noted types that have to be stored before an output is written.
    ///
    /// # Blocking
    ///
    /// Until `deadline`.
    pub(crate) fn store_types(&self, deadline: Instant) -> Result<()> {
        let left = || deadline.saturating_duration_since(Instant::now());
        self.types.store_first(left)
    }

    /// The name that the handler gave.
    #[cfg(feature = "test-util")]
    pub(crate) fn name(&self) -> &str {
        self.keys.stream()
    }
}

#[cfg(test)]
impl Target {
    /// A stream without known facts.
    pub(crate) fn named(name: &str) -> Self {
        let keys = StreamKeys::new(name).unwrap();
        Self::whole(&Arc::new(OutputStream::new(keys, None)))
    }
}

impl Target {
    /// The target of a message to `stream` whose key has this hash: the partition that a
    /// producer would choose; without a key, a partition chosen by the entry.
    pub(super) fn new(stream: &Arc<OutputStream>, hash: Option<u32>, entry: EntryId) -> Self {
        let partitions = stream.known.lock().partitions;
        let hash = || hash.unwrap_or_else(|| hash_of(entry.to_string().as_bytes()));
        Self {
            stream: Arc::clone(stream),
            partition: partitions.map(|partitions| partition_of(hash(), partitions)),
        }
    }

    /// The stream itself, whatever partitions it has.
    pub(crate) fn whole(stream: &Arc<OutputStream>) -> Self {
        Self {
            stream: Arc::clone(stream),
            partition: None,
        }
    }

    /// Its keys, with the last known backup stream.
    pub(crate) fn keys(&self) -> StreamKeys {
        let known = self.stream.known.lock();
        if let Some(keys) = known.backups.get(&self.partition) {
            return keys.clone();
        }
        drop(known);
        match self.partition {
            Some(number) => self.stream.keys.partition(number),
            None => self.stream.keys.clone(),
        }
    }

    /// Whether the partitions of its stream were looked up lately.
    pub(crate) fn is_known(&self) -> bool {
        let asked = self.stream.known.lock().asked;
        asked.is_some_and(|asked| asked.elapsed() < KNOWN)
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.stream, &other.stream) && self.partition == other.partition
    }
}

impl OutputStreams {
    pub(crate) fn new(topology: &Arc<Topology>, book: Option<Arc<SchemaBook>>, from: &str) -> Self {
        Self {
            topology: Arc::clone(topology),
            book,
            from: from.to_owned(),
            known: Mutex::default(),
            is_told: AtomicBool::new(false),
        }
    }

    /// The stream of this name. Fails with `Config` for an invalid name.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<OutputStream>> {
        let mut known = self.known.lock();
        if let Some(stream) = known.get(name) {
            return Ok(Arc::clone(stream));
        }
        let stream = OutputStream::new(StreamKeys::new(name)?, self.book.clone());
        let stream = Arc::new(stream);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(name.to_owned(), Arc::clone(&stream));
        Ok(stream)
    }

    /// Whether one script can write there and acknowledge. If not, that is logged once.
    pub(crate) fn is_near(&self, target: &Target) -> bool {
        if !self.topology.is_spread() {
            return true;
        }
        let keys = target.keys();
        let is_near = self.topology.is_one_slot(&self.from, keys.stream());
        if !is_near && !self.is_told.swap(true, Ordering::Relaxed) {
            log::warn!(
                "outputs of `{from}` to `{to}` are written before the acknowledgement, and not in \
                 one step with it, since a Redis Cluster has the two in different slots: after a \
                 crash in between they are written again unless that is within the window of \
                 their idempotency keys; a common hash tag puts two streams without partitions \
                 into one slot, such as `{{shop}}:orders` and `{{shop}}:settled`",
                from = self.from,
                to = keys.stream(),
            );
        }
        is_near
    }

    /// Looks up the partitions of a stream, and the backup stream of a target.
    ///
    /// # Blocking
    ///
    /// For two short exchanges.
    pub(crate) fn learn(&self, target: &Target) -> Result<()> {
        self.learn_by(target, Instant::now() + PATIENCE)
    }

    /// As [`learn`](Self::learn) until `deadline`, for a stream without known facts, or
    /// with outdated ones. Fails if nothing is known of it then.
    pub(crate) fn learn_first(&self, target: &Target, deadline: Instant) -> Result<()> {
        if target.is_known() {
            return Ok(());
        }
        let asked = target.stream.known.lock().asked;
        let learned = self.learn_by(target, deadline);
        if learned.is_err() && asked.is_some() {
            // The next outputs need not look it up.
            target.stream.known.lock().asked = Some(Instant::now());
            return Ok(());
        }
        learned
    }

    fn learn_by(&self, target: &Target, deadline: Instant) -> Result<()> {
        let (keys, stem) = (target.keys(), &target.stream.keys);
        let partitions = self.ask(stem, deadline, known_partitions)?;
        let backup = self.ask(&keys, deadline, known_backup)?;
        let mut known = target.stream.known.lock();
        known.asked = Some(Instant::now());
        known.partitions = partitions;
        if let Some(backup) = backup {
            known.backups.insert(target.partition, backup);
        }
        Ok(())
    }

    /// Whether outputs may belong to other servers than the acknowledgement.
    pub(crate) fn is_spread(&self) -> bool {
        self.topology.is_spread()
    }

    fn ask<T>(
        &self,
        keys: &StreamKeys,
        deadline: Instant,
        mut question: impl FnMut(&mut Wire, &StreamKeys) -> Result<T>,
    ) -> Result<T> {
        let key = keys.stream().as_bytes();
        let left = deadline.saturating_duration_since(Instant::now());
        self.topology.run(key, left, |wire| {
            wire.answer_by(deadline);
            question(wire, keys)
        })
    }
}
