//! Finding streams among all keys.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::found_stream::{FoundStream, StreamKind};
use super::own_streams::{
    AUDIT, OwnStream, stem_of_partition, stem_of_schedule, stream_of, tag_of,
};
use crate::command;
use crate::connection::{Node, Topology};
use crate::error::{ErrorKind, Result};
use crate::keys::StreamKeys;
use crate::partition::Partitions;
use crate::split::{Split, Splits};

/// An iterator over the streams among the keys of all servers, in steps: returned by
/// [`StreamManager::find_streams`](crate::StreamManager::find_streams).
///
/// Each call of `next` is one request, which takes a server well below a millisecond
/// (`SCAN`, 250 keys), and returns the streams that it found, which may be none; a name
/// that may be a partition's, a backup stream's of its own name, or a schedule's, costs one
/// more request per stem. Each stream is returned once. A stream that is created meanwhile may
/// be missing. After an error, the next call resumes at the same place; if a server was
/// replaced meanwhile, at the beginning of the new one.
pub struct FindStreams {
    topology: Arc<Topology>,
    splits: Arc<Splits>,
    /// `None` before the first step.
    nodes: Option<VecDeque<Arc<Node>>>,
    done: Vec<Arc<Node>>,
    cursor: u64,
    pass: Pass,
    seen: HashSet<Vec<u8>>,
    /// Names that may be whole streams of partitions, with the number of partitions of
    /// each.
    stems: BTreeMap<String, u16>,
    /// Streams that may have a backup stream with a name of its own.
    backups: BTreeMap<String, Option<String>>,
    /// Streams found before an error.
    found: Vec<FoundStream>,
}

/// A walk over all keys. `SCAN` takes one filter, so schedules need a walk of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// For streams, and for nothing else.
    Streams,
    /// For streams; the one for schedules comes later.
    First,
    Schedules,
}

impl FindStreams {
    /// Also finds streams that have only scheduled messages or recurring jobs so far, as
    /// [`StreamKind::Schedules`]. This takes a second walk over all keys, so about twice
    /// the time.
    #[must_use]
    pub fn with_schedules(mut self) -> Self {
        self.pass = Pass::First;
        self
    }

    pub(crate) fn new(topology: Arc<Topology>, splits: Arc<Splits>) -> Self {
        Self {
            topology,
            splits,
            nodes: None,
            done: Vec::new(),
            cursor: 0,
            pass: Pass::Streams,
            seen: HashSet::new(),
            stems: BTreeMap::new(),
            backups: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    fn step(&mut self) -> Result<Option<Vec<FoundStream>>> {
        let timeout = self.topology.connect_timeout();
        let mut node = self.node(timeout)?;
        if node.is_none() && self.pass == Pass::First {
            self.pass = Pass::Schedules;
            self.nodes = None;
            self.done.clear();
            node = self.node(timeout)?;
        }
        let Some(node) = node else {
            return Ok(None);
        };
        let cursor = self.cursor;
        let scanned = Topology::run_at(&node, timeout, |wire| match self.pass {
            Pass::Streams | Pass::First => command::scan_streams(wire, cursor),
            Pass::Schedules => command::scan_schedules(wire, cursor),
        });
        let (next, keys) = match scanned {
            Ok(scanned) => scanned,
            Err(e) => {
                // Other servers may hold the keys by now.
                self.topology.refresh();
                if node.is_retired() {
                    self.nodes = None;
                    self.cursor = 0;
                }
                return Err(e);
            }
        };
        for key in keys {
            let found = match self.pass {
                Pass::Streams | Pass::First => self.sort(&key)?,
                Pass::Schedules => self.scheduled(&key)?,
            };
            self.found.extend(found);
        }
        self.cursor = next;
        if next == 0 {
            self.done.push(node);
            if let Some(nodes) = &mut self.nodes {
                nodes.pop_front();
            }
        }
        Ok(Some(std::mem::take(&mut self.found)))
    }

    /// The server to ask next.
    fn node(&mut self, timeout: Duration) -> Result<Option<Arc<Node>>> {
        if self.nodes.is_none() {
            let mut masters: VecDeque<_> = self.topology.masters(timeout)?.into();
            masters.retain(|node| !self.done.iter().any(|done| Arc::ptr_eq(done, node)));
            self.nodes = Some(masters);
        }
        let nodes = self.nodes.as_ref();
        Ok(nodes.and_then(|nodes| nodes.front()).map(Arc::clone))
    }

    /// Classifies a key; `None` if its stream was seen before.
    fn sort(&mut self, key: &[u8]) -> Result<Option<FoundStream>> {
        if self.seen.contains(key) {
            return Ok(None);
        }
        let name = String::from_utf8_lossy(key).into_owned();
        let own = OwnStream::of(&name);
        // Partitions are reported once, as the whole stream.
        let whole = self.whole(own.map_or(name.as_str(), |(_, stem)| stem))?;
        let found = match (own, whole) {
            (None, None) if name == AUDIT => FoundStream::new(name, StreamKind::Audit),
            (None, None) => match self.backed_up(&name)? {
                Some(stream) => FoundStream {
                    of: Some(stream),
                    ..FoundStream::new(name, StreamKind::Backup)
                },
                None => FoundStream::new(name, StreamKind::Messages),
            },
            (None, Some((stem, count))) => FoundStream {
                partitions: Some(count),
                ..FoundStream::new(stem, StreamKind::Messages)
            },
            (Some((own, stem)), None) => FoundStream {
                of: Some(stream_of(stem).to_owned()),
                ..FoundStream::new(name.clone(), StreamKind::of(own))
            },
            (Some((own, _)), Some((stem, count))) => FoundStream {
                partitions: Some(count),
                of: Some(stem.clone()),
                ..FoundStream::new(own.key(&stem), StreamKind::of(own))
            },
        };
        self.seen.insert(key.to_vec());
        let is_itself = found.name.as_bytes() == key;
        let is_news = is_itself || self.seen.insert(found.name.clone().into_bytes());
        Ok(is_news.then_some(found))
    }

    /// The stream to which a key with schedules belongs; `None` if it was seen before.
    fn scheduled(&mut self, key: &[u8]) -> Result<Option<FoundStream>> {
        let name = String::from_utf8_lossy(key).into_owned();
        let Some((stem, kind)) = stem_of_schedule(&name) else {
            return Ok(None);
        };
        let stream = stream_of(stem);
        if self.seen.contains(stream.as_bytes()) {
            return Ok(None);
        }
        let whole = self.whole(stem)?;
        let stream = whole.as_ref().map_or(stream, |(whole, _)| whole);
        if self.seen.contains(stream.as_bytes()) {
            return Ok(None);
        }
        let time = self.topology.connect_timeout();
        let found = self
            .topology
            .run(key, time, |wire| command::key_type(wire, key));
        match found {
            Ok(found) if found == kind => {}
            Ok(_) => return Ok(None),
            // A key that is not the user's.
            Err(e) if e.kind() == ErrorKind::PermissionDenied => return Ok(None),
            Err(e) => return Err(e),
        }
        self.seen.insert(stream.as_bytes().to_vec());
        Ok(Some(FoundStream {
            partitions: whole.as_ref().map(|(_, count)| *count),
            ..FoundStream::new(stream.to_owned(), StreamKind::Schedules)
        }))
    }

    /// The whole stream of which `name` is a partition, and its number of partitions.
    fn whole(&mut self, name: &str) -> Result<Option<(String, u16)>> {
        let Some((stem, number)) = stem_of_partition(name) else {
            return Ok(None);
        };
        let count = if let Some(count) = self.stems.get(&stem) {
            *count
        } else {
            let split = match StreamKeys::of_any(&stem) {
                Ok(keys) => self.splits.look_up(&keys),
                Err(_) => Ok(Split::Whole),
            };
            let split = known_or(split, Split::Whole)?;
            let count = split.partitions().map_or(0, Partitions::count);
            self.stems.insert(stem.clone(), count);
            count
        };
        Ok((number < count).then_some((stem, count)))
    }

    /// The stream that has a backup stream of this name.
    fn backed_up(&mut self, name: &str) -> Result<Option<String>> {
        let Some(stream) = tag_of(name) else {
            return Ok(None);
        };
        if !self.backups.contains_key(stream) {
            let known = match StreamKeys::of_any(stream) {
                Ok(keys) => self.known_backup(&keys)?,
                Err(_) => None,
            };
            self.backups.insert(stream.to_owned(), known);
        }
        let known = self.backups.get(stream).and_then(Option::as_deref);
        Ok((known == Some(name)).then(|| stream.to_owned()))
    }

    fn known_backup(&self, keys: &StreamKeys) -> Result<Option<String>> {
        let (key, time) = (keys.stream().as_bytes(), self.topology.connect_timeout());
        let known = self
            .topology
            .run(key, time, |wire| command::known_backup(wire, keys));
        let known = known_or(known, None)?;
        Ok(known.map(|known| known.backup()))
    }
}

/// What a key beside a stream says; `otherwise` if the user may only look at streams, or
/// another program has written the key. One such stream must not end the search.
fn known_or<T>(known: Result<T>, otherwise: T) -> Result<T> {
    match known {
        Err(e) if matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::WrongType) => {
            Ok(otherwise)
        }
        known => known,
    }
}

impl Iterator for FindStreams {
    type Item = Result<Vec<FoundStream>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

impl fmt::Debug for FindStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FindStreams")
            .field("found", &self.seen.len())
            .field(
                "is_over",
                &self.nodes.as_ref().is_some_and(VecDeque::is_empty),
            )
            .finish_non_exhaustive()
    }
}
