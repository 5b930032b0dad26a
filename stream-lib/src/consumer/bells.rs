//! The bells by which the threads that all consumers share are called.

use crate::runtime::Bell;

/// The bells of a member.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bells {
    pub(crate) keeper: Bell,
    pub(crate) settler: Bell,
}
