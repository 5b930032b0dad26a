//! What a worker thread does, whatever its handler's type.

use std::sync::Arc;

use crossbeam_channel::Receiver;

use crate::consumer::member::Member;

/// What each worker thread of a consumer does.
pub(crate) trait Work: Send + Sync {
    /// Works until `ended` disconnects.
    fn work(&self, member: &Arc<Member>, ended: &Receiver<()>);

    /// How many entries a worker takes at a time at most.
    fn batch_size(&self) -> usize;
}
