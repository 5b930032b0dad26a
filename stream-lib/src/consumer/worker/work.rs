//! The work of a worker thread, for every type of handler, and the state that
//! the threads share for it.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use parking_lot::Mutex;

use crate::consumer::member::Member;
use crate::consumer::worker::open_replies::OpenReplies;

/// The work of each worker thread of a consumer.
pub(crate) trait Work: Send + Sync {
    /// Works until the crew's `ended` disconnects.
    fn work(&self, crew: &Crew);

    /// How many entries a worker takes at a time at most.
    fn batch_size(&self) -> usize;
}

/// The workers of one life: the state that they share.
pub(crate) struct Crew {
    pub(crate) member: Arc<Member>,
    /// Disconnects when the workers are to end.
    pub(crate) ended: Receiver<()>,
    /// The replies that batches are gathered from, one worker at a time.
    pub(crate) open: Mutex<OpenReplies>,
}

impl Crew {
    pub(crate) fn new(member: &Arc<Member>, ended: Receiver<()>) -> Self {
        Self {
            member: Arc::clone(member),
            ended,
            open: Mutex::default(),
        }
    }
}
