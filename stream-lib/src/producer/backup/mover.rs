//! One step of a drain: a batch moves back from the backup stream.

use crate::command::{DrainLease, DrainState, Drained};
use crate::connection::Wire;
use crate::error::Result;

/// Moves entries, a batch at a time.
#[derive(Debug)]
pub(super) struct Mover {
    pub(super) lease: DrainLease,
    pub(super) batch: u64,
}

impl Mover {
    /// Moves one batch.
    pub(super) fn step(&self, wire: &mut Wire) -> Result<Drained> {
        let mut drained = self.lease.drain(wire, self.batch)?;
        if let (DrainState::TooLarge(id), 0) = (&drained.state, drained.moved) {
            let id = *id;
            if self.lease.move_large(wire, id)? {
                log::warn!(
                    "the entry {id} in the backup stream of `{}` has more fields than a script \
                     can move, and was moved by itself",
                    self.stream()
                );
                drained.moved = 1;
                drained.left = drained.left.saturating_sub(1);
            }
        }
        Ok(drained)
    }

    pub(super) fn stream(&self) -> &str {
        self.lease.keys().stream()
    }
}
