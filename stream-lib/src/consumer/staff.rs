//! The threads that all consumers of a manager share.

use std::time::Instant;

use super::bells::Bells;
use crate::runtime::Rounds;

/// Two threads for all consumers: one keeps their entries, the other settles their
/// deliveries. They begin with the first consumer and end after the last.
#[derive(Debug)]
pub(crate) struct Staff {
    pub(crate) keeper: Rounds,
    pub(crate) settler: Rounds,
}

impl Default for Staff {
    fn default() -> Self {
        Self {
            keeper: Rounds::new("stream-keeper"),
            settler: Rounds::new("stream-settler"),
        }
    }
}

impl Staff {
    /// The bells of one more consumer.
    pub(crate) fn bells(&self) -> Bells {
        Bells {
            keeper: self.keeper.bell(),
            settler: self.settler.bell(),
        }
    }

    /// Joins the threads that have no consumer left, until `deadline`.
    pub(crate) fn join_idle(&self, deadline: Instant) {
        self.keeper.join_idle(deadline);
        self.settler.join_idle(deadline);
    }
}
