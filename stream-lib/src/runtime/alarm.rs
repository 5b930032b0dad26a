//! Alarms for things that are due later.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Called with the partition, if the stream has any, and the time until something is due
/// there, if that is known.
type Ring = dyn Fn(Option<u16>, Option<Duration>) + Send + Sync;

/// Tells of things that are due later, in one stream. Clones are the same alarm. A
/// default one does nothing.
#[derive(Clone, Default)]
pub(crate) struct Alarm(Option<Arc<Ring>>);

impl Alarm {
    /// An alarm that calls `ring`, which is to be quick.
    pub(crate) fn new(
        ring: impl Fn(Option<u16>, Option<Duration>) + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(ring)))
    }

    /// Something is due after `wait`, and this process has scheduled it.
    pub(crate) fn set(&self, partition: Option<u16>, wait: Duration) {
        self.ring(partition, Some(wait));
    }

    /// Something is due at an unknown time.
    pub(crate) fn look(&self, partition: Option<u16>) {
        self.ring(partition, None);
    }

    fn ring(&self, partition: Option<u16>, wait: Option<Duration>) {
        if let Some(ring) = &self.0 {
            ring(partition, wait);
        }
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alarm").field(&self.0.is_some()).finish()
    }
}
