//! A bell that ends all work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stream_tests::poll;

/// Rings once, for all.
#[derive(Debug, Default)]
pub(super) struct Bell(AtomicBool);

impl Bell {
    pub(super) fn ring(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_rung(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Lets the load go on for a time: nothing is awaited, time is to pass.
pub(super) fn let_work(time: Duration) {
    poll(time, || None::<()>);
}
