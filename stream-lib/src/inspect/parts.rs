//! A stream, or all its partitions.

use std::sync::Arc;

use super::address::EntryAddress;
use super::own_streams::stem_of_partition;
use crate::connection::{Topology, Wire};
use crate::error::{Error, ErrorKind, Result, Shown};
use crate::keys::StreamKeys;
use crate::message::EntryId;
use crate::split::{Split, Splits};

/// The stream, or one partition of it.
#[derive(Debug, Clone)]
pub(super) struct StreamPart {
    pub(super) partition: Option<u16>,
    pub(super) keys: StreamKeys,
}

/// A stream with its partitions, and the means to reach them.
#[derive(Debug, Clone)]
pub(super) struct StreamParts {
    pub(super) topology: Arc<Topology>,
    splits: Arc<Splits>,
    /// The keys of the stem.
    pub(super) keys: StreamKeys,
}

impl StreamPart {
    pub(super) fn address(&self, id: EntryId) -> EntryAddress {
        EntryAddress::new(self.partition, id)
    }
}

impl StreamParts {
    pub(super) fn new(topology: Arc<Topology>, splits: Arc<Splits>, keys: StreamKeys) -> Self {
        Self {
            topology,
            splits,
            keys,
        }
    }

    /// Looks up the partitions.
    pub(super) fn all(&self) -> Result<Vec<StreamPart>> {
        let split = self.splits.look_up(&self.keys)?;
        let has_any = split != Split::Whole;
        let parts = (0_u16..).zip(split.keys_of(&self.keys));
        let part = |(number, keys)| StreamPart {
            partition: has_any.then_some(number),
            keys,
        };
        Ok(parts.map(part).collect())
    }

    /// Fails for a single partition: the members of a stream with partitions give their
    /// signs of life at its stem, so no request to one partition can tell who lives.
    ///
    /// # Errors
    ///
    /// `Config` for the name of a partition.
    pub(super) fn ensure_whole(&self) -> Result<()> {
        let name = self.keys.stream();
        let Some((stem, number)) = stem_of_partition(name) else {
            return Ok(());
        };
        let Ok(keys) = StreamKeys::of_any(&stem) else {
            return Ok(());
        };
        let partitions = self.splits.look_up(&keys)?.partitions();
        if partitions.is_some_and(|partitions| number < partitions.count()) {
            let text = format!(
                "it is a partition of `{}`; use the name of the whole stream",
                Shown(&stem)
            );
            return Err(Error::new(ErrorKind::Config, text));
        }
        Ok(())
    }

    /// The entries by their parts, in the order in which each part first occurs.
    ///
    /// # Errors
    ///
    /// `Config` for an entry in a partition that the stream doesn't have, or without a
    /// partition if the stream has some; and those of Redis.
    pub(super) fn of_each(
        &self,
        entries: &[EntryAddress],
    ) -> Result<Vec<(StreamPart, Vec<EntryId>)>> {
        let all = self.all()?;
        let mut parts: Vec<(StreamPart, Vec<EntryId>)> = Vec::new();
        for at in entries {
            let known = parts
                .iter_mut()
                .find(|(part, _)| part.partition == at.partition);
            if let Some((_, ids)) = known {
                ids.push(at.id);
                continue;
            }
            let part = all.iter().find(|part| part.partition == at.partition);
            let part = part.ok_or_else(|| misplaced(&all, *at))?;
            parts.push((part.clone(), vec![at.id]));
        }
        Ok(parts)
    }

    /// Runs an operation on a connection of its own, and again only if none of it was
    /// done.
    pub(super) fn alone<T>(
        &self,
        keys: &StreamKeys,
        operation: impl FnMut(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        self.topology.run_alone(keys.stream().as_bytes(), operation)
    }

    /// Runs an operation that may run twice.
    pub(super) fn looking<T>(
        &self,
        keys: &StreamKeys,
        operation: impl FnMut(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        let time = self.topology.connect_timeout();
        self.topology.run(keys.stream().as_bytes(), time, operation)
    }
}

fn misplaced(all: &[StreamPart], at: EntryAddress) -> Error {
    let has_any = all.iter().any(|part| part.partition.is_some());
    let text = match (has_any, at.partition) {
        (true, None) => format!(
            "the stream has {} partitions, and `{at}` is of none: name the partition in front, \
             as in `0:{at}`",
            all.len()
        ),
        (true, Some(_)) => format!(
            "the stream has {} partitions, from 0 on, and none is that of `{at}`",
            all.len()
        ),
        (false, _) => format!("the stream has no partitions, and `{at}` is of one"),
    };
    Error::new(ErrorKind::Config, text)
}
