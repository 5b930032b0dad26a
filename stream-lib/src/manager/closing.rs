//! Closes the producers after the last handler.
//!
//! Handlers add messages until they end, so producers outlive consumers. The manager and
//! each life of a consumer hold the same [`Closing`]; the manager drops its reference at
//! its shutdown, a life after its last handler has ended or its grace is over. The last
//! drop closes the producers. This covers lives that the shutdown doesn't see, too: those
//! of consumers that were removed, or that another thread stops. A handler that shuts its
//! manager down can't wait for its own end; the life's own thread drops the reference
//! later.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::RwLock;

use super::registry::NameRegistry;

/// Closes the producers of a registry when it is dropped. This only signals.
#[derive(Debug)]
pub(super) struct Closing {
    registry: Arc<RwLock<NameRegistry>>,
    /// Disconnects after the producers are closed, since fields drop after `drop` has
    /// run.
    _alive: Sender<()>,
}

impl Closing {
    /// Returns a channel that disconnects once the producers are closed, too.
    pub(super) fn of(registry: &Arc<RwLock<NameRegistry>>) -> (Arc<Self>, Receiver<()>) {
        let (alive, ended) = bounded(0);
        let closing = Self {
            registry: Arc::clone(registry),
            _alive: alive,
        };
        (Arc::new(closing), ended)
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        close_producers(&self.registry);
    }
}

/// Makes every further add fail with `Closed`.
pub(super) fn close_producers(registry: &RwLock<NameRegistry>) {
    let producers = {
        let mut registry = registry.write();
        registry.sealed = true;
        registry.all_producers()
    };
    for producer in producers {
        producer.close();
    }
}
