//! A cleanup by hand, some entries at a time.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::Arc;

use super::engine::{Total, Wish, announce, clean_some};
use crate::connection::Topology;
use crate::error::{Result, Shown};
use crate::keys::StreamKeys;

/// A cleanup of a stream that goes on step by step: see
/// [`StreamManager::cleanup_in_steps`](crate::StreamManager::cleanup_in_steps).
///
/// It holds no lock, and ends where it is dropped.
pub struct CleanupSteps {
    topology: Arc<Topology>,
    stream: String,
    wish: Wish,
    /// The streams that are still to be cleaned: this one, or its partitions.
    left: VecDeque<StreamKeys>,
    /// The settings of the first of them were announced.
    is_announced: bool,
    /// Of the first of them.
    total: Total,
}

impl CleanupSteps {
    pub(crate) fn new(
        topology: Arc<Topology>,
        keys: &StreamKeys,
        parts: Vec<StreamKeys>,
        wish: Wish,
    ) -> Self {
        Self {
            topology,
            stream: keys.stream().to_owned(),
            wish,
            left: parts.into(),
            is_announced: false,
            total: Total::default(),
        }
    }

    /// Removes the oldest entries that may go now, at most `most`, but at least one where
    /// there is any. Returns how many went (`XTRIM`): fewer than `most` are no sign that
    /// none are left.
    ///
    /// # Blocking
    ///
    /// A round trip or two.
    ///
    /// # Errors
    ///
    /// As [`StreamManager::cleanup_now`](crate::StreamManager::cleanup_now). Entries that
    /// were removed until then stay removed, and a further step goes on.
    pub fn step(&mut self, most: u64) -> Result<u64> {
        let Some(keys) = self.left.front() else {
            return Ok(0);
        };
        let (wish, is_announced) = (&self.wish, &mut self.is_announced);
        let before = self.total.removed;
        let mut total = self.total;
        let more = self
            .topology
            .run_alone(keys.stream().as_bytes(), |wire| {
                if !mem::replace(is_announced, true) {
                    announce(wire, keys, &wish.unsaid)?;
                }
                clean_some(wire, keys, wish, most.max(1), &mut total)
            })
            .map_err(|e| e.while_doing(format_args!("cleaning `{}`", Shown(&self.stream))))?;
        let removed = total.removed - before;
        self.total = total;
        if !more {
            self.left.pop_front();
            (self.is_announced, self.total) = (false, Total::default());
        }
        Ok(removed)
    }

    /// Whether nothing is left to remove, as far as the last step has seen.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.left.is_empty()
    }
}

impl fmt::Debug for CleanupSteps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CleanupSteps")
            .field("stream", &self.stream)
            .field("left", &self.left.len())
            .finish_non_exhaustive()
    }
}
