//! The outputs of deliveries whose handlers run.
//!
//! # Protocol
//!
//! A handler's call puts an output in and then checks whether its delivery has ended;
//! after the handler has returned, the worker checks whether there are outputs. An output
//! that was put in before the handler returned is found. While the whole reply has no
//! outputs, the worker pays for one load.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::list::{Output, Outputs};
use crate::error::Result;

/// The outputs of the deliveries of one reply, by their places in it.
#[derive(Debug, Default)]
pub(crate) struct HeldOutputs {
    has_any: AtomicBool,
    all: Mutex<BTreeMap<usize, Outputs>>,
}

impl HeldOutputs {
    /// Adds an output.
    pub(crate) fn push(&self, index: usize, output: Output) -> Result<()> {
        let mut all = self.all.lock();
        self.has_any.store(true, Ordering::Release);
        all.entry(index).or_default().push(output)
    }

    /// Takes all outputs of a delivery.
    pub(crate) fn take(&self, index: usize) -> Option<Outputs> {
        if !self.has_any.load(Ordering::Acquire) {
            return None;
        }
        self.all.lock().remove(&index)
    }

    /// Reads the outputs of a delivery, which stay.
    #[cfg(feature = "test-util")]
    pub(crate) fn read<T>(&self, index: usize, mut read: impl FnMut(&Output) -> T) -> Vec<T> {
        let all = self.all.lock();
        let outputs = all.get(&index);
        outputs
            .into_iter()
            .flat_map(Outputs::iter)
            .map(&mut read)
            .collect()
    }
}
