//! The streams that outputs go to.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::connection::Topology;
use crate::error::Result;
use crate::keys::StreamKeys;

/// The most streams to remember: programs have a few.
const MOST: usize = 1_000;

/// A stream that outputs go to.
#[derive(Debug)]
pub(crate) struct OutputStream {
    name: String,
    /// With the backup stream that it is believed to have.
    keys: Mutex<StreamKeys>,
    is_near: bool,
}

/// Those of one consumer, by their names.
#[derive(Debug)]
pub(crate) struct OutputStreams {
    topology: Arc<Topology>,
    /// The stream that the deliveries come from.
    from: String,
    known: Mutex<HashMap<String, Arc<OutputStream>>>,
    is_told: AtomicBool,
}

impl OutputStream {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its keys, with the backup stream that it is believed to have.
    pub(crate) fn keys(&self) -> StreamKeys {
        self.keys.lock().clone()
    }

    /// Notes which backup stream it has.
    pub(crate) fn learn(&self, keys: StreamKeys) {
        *self.keys.lock() = keys;
    }

    /// Whether one script can write to it and acknowledge.
    pub(crate) fn is_near(&self) -> bool {
        self.is_near
    }
}

impl OutputStreams {
    pub(crate) fn new(topology: &Arc<Topology>, from: &str) -> Self {
        Self {
            topology: Arc::clone(topology),
            from: from.to_owned(),
            known: Mutex::default(),
            is_told: AtomicBool::new(false),
        }
    }

    /// The stream of this name. Fails with `Config` where none can have it.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<OutputStream>> {
        let mut known = self.known.lock();
        if let Some(stream) = known.get(name) {
            return Ok(Arc::clone(stream));
        }
        let stream = Arc::new(OutputStream {
            name: name.to_owned(),
            keys: Mutex::new(StreamKeys::new(name)?),
            is_near: self.topology.is_one_slot(&self.from, name),
        });
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(name.to_owned(), Arc::clone(&stream));
        drop(known);
        if !stream.is_near && !self.is_told.swap(true, Ordering::Relaxed) {
            log::warn!(
                "outputs of `{from}` to `{name}` are written before the acknowledgement, and not \
                 in one step with it, since a Redis Cluster has the two in different slots: after \
                 a crash in between they are written again unless that is within the window of \
                 their idempotency keys; a common hash tag puts both into one slot, such as \
                 `{{shop}}:{from}` and `{{shop}}:{name}`",
                from = self.from,
            );
        }
        Ok(stream)
    }
}
