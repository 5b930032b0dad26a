//! The parts of a stream: the stream itself, or each of its partitions.

use std::sync::Arc;

use crate::connection::{Topology, Wire};
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::split::Splits;

/// Finds the parts of one stream.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    topology: Arc<Topology>,
    splits: Arc<Splits>,
    stem: StreamKeys,
}

/// A stream without partitions, or one partition.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) number: Option<u16>,
    pub(super) keys: StreamKeys,
}

impl Parts {
    pub(super) fn new(topology: Arc<Topology>, splits: Arc<Splits>, stem: StreamKeys) -> Self {
        Self {
            topology,
            splits,
            stem,
        }
    }

    pub(super) fn stream(&self) -> &str {
        self.stem.stream()
    }

    /// All parts, in order.
    ///
    /// # Errors
    ///
    /// As [`Splits::look_up`].
    pub(super) fn all(&self) -> Result<Vec<Part>> {
        let Some(partitions) = self.splits.look_up(&self.stem)?.partitions() else {
            return Ok(vec![Part {
                number: None,
                keys: self.stem.clone(),
            }]);
        };
        let part = |number| Part {
            number: Some(number),
            keys: self.stem.partition(number),
        };
        Ok(partitions.all().map(part).collect())
    }

    /// The part of this number; `None` if the stream has no such partition.
    ///
    /// # Errors
    ///
    /// As [`Splits::look_up`].
    pub(super) fn one(&self, number: Option<u16>) -> Result<Option<Part>> {
        let all = self.all()?;
        Ok(all.into_iter().find(|part| part.number == number))
    }

    /// Runs an operation on a connection to the server of a part.
    ///
    /// # Errors
    ///
    /// Those of the connection, and of the operation.
    pub(super) fn run<T>(
        &self,
        part: &Part,
        mut operation: impl FnMut(&mut Wire, &StreamKeys) -> Result<T>,
    ) -> Result<T> {
        let key = part.keys.stream().as_bytes();
        self.topology
            .run_alone(key, |wire| operation(wire, &part.keys))
    }
}
