//! Events of a consumer, for a program that listens.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::message::EntryId;

/// Hooks that a consumer calls when something happens, for metrics and alarms.
///
/// Every method does nothing unless it is overridden. They are called on the
/// consumer's own threads, several at the same time, and hold these up: count,
/// or send to a channel, and return. A panic in one is caught and logged.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use stream_lib::{ConsumerConfig, ConsumerEvents, EntryId};
///
/// #[derive(Default)]
/// struct Alarms {
///     dead: AtomicU64,
/// }
///
/// impl ConsumerEvents for Alarms {
///     fn dead_lettered(&self, _id: EntryId, _reason: &str) {
///         self.dead.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// let config = ConsumerConfig::new("orders").events(Alarms::default());
/// ```
#[allow(unused_variables, reason = "the defaults do nothing")]
pub trait ConsumerEvents: Send + Sync + 'static {
    /// The consumer reaches Redis: at the start, and after each
    /// [`disconnected`](Self::disconnected).
    fn connected(&self) {}

    /// A connection failed, or Redis refuses to serve. The consumer tries until
    /// it works again; this is called once for it.
    fn disconnected(&self, error: &Error) {}

    /// The group had vanished and was made again, at the beginning.
    fn group_recreated(&self) {}

    /// Another process has the entry while a handler still runs here.
    fn lease_lost(&self, id: EntryId) {}

    /// So many entries were taken over from consumers that let their leases
    /// lapse.
    fn taken_over(&self, entries: usize) {}

    /// Delivery number `attempt` failed; the next comes after `delay`.
    fn retried(&self, id: EntryId, attempt: u32, delay: Duration) {}

    /// An entry stands among the dead letters: `retries-exhausted`,
    /// `permanent`, `undecodable` or `crashed`.
    fn dead_lettered(&self, id: EntryId, reason: &str) {}

    /// A handler panicked.
    fn panicked(&self, id: EntryId, text: &str) {}

    /// The consumer has ended by an error that waiting won't mend.
    fn stopped(&self, error: &Error) {}
}

/// The hooks of one consumer, or none.
#[derive(Clone, Default)]
pub(crate) struct Events(Option<Arc<dyn ConsumerEvents>>);

impl Events {
    pub(crate) fn new(events: impl ConsumerEvents) -> Self {
        Self(Some(Arc::new(events)))
    }

    /// Calls one hook.
    pub(crate) fn tell(&self, call: impl FnOnce(&dyn ConsumerEvents)) {
        if let Some(events) = &self.0
            && catch_unwind(AssertUnwindSafe(|| call(&**events))).is_err()
        {
            log::error!("a hook of a consumer panicked");
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "set" } else { "none" })
    }
}

/// The same hooks, not equal ones.
impl PartialEq for Events {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (one, two) => one.is_none() && two.is_none(),
        }
    }
}
