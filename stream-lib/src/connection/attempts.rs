//! Attempts to connect, which a shutdown ends.

use parking_lot::Mutex;

use crate::runtime::Interrupt;

/// The attempts to connect that are under way; `None` once no more are allowed.
#[derive(Debug)]
pub(super) struct Attempts(Mutex<Option<Vec<Interrupt>>>);

impl Default for Attempts {
    fn default() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }
}

impl Attempts {
    /// Begins an attempt, which [`close`](Self::close) ends; `None` after that.
    pub(super) fn begin(&self) -> Option<Interrupt> {
        let interrupt = Interrupt::new();
        self.enter(&interrupt).then_some(interrupt)
    }

    /// As [`begin`](Self::begin), with an interrupt that others may know; returns whether
    /// attempts are still allowed.
    pub(super) fn enter(&self, attempt: &Interrupt) -> bool {
        let mut attempts = self.0.lock();
        let attempts = attempts.as_mut();
        attempts
            .map(|attempts| attempts.push(attempt.clone()))
            .is_some()
    }

    /// Notes that an attempt is over.
    pub(super) fn end(&self, attempt: &Interrupt) {
        if let Some(attempts) = &mut *self.0.lock() {
            attempts.retain(|other| !other.is(attempt));
        }
    }

    /// Ends the attempts, now and later.
    pub(super) fn close(&self) {
        let attempts = self.0.lock().take();
        for attempt in attempts.unwrap_or_default() {
            attempt.end();
        }
    }
}
