//! Hooks of a consumer.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::event::{
    Completed, Connected, DeadLettered, DeadLettersDropped, Disconnected, GroupRecreated,
    LeaseLost, Panicked, Retried, Stopped, TakenOver,
};
use crate::error::one_line;
use crate::runtime::panic_text;

/// Hooks that a consumer calls when something happens, for metrics and alarms.
///
/// Every method does nothing unless it is overridden, and gets one argument, a struct of
/// [`events`](crate::events). A panic in a hook is caught and logged.
///
/// An `Arc` of hooks implements the trait as well, so the program can keep a clone to
/// read from.
///
/// # Blocking
///
/// Hooks run on the library's threads, several at the same time, and hold those threads
/// up; two of them work for all consumers of the manager. Count, or send to a channel,
/// and return.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use stream_lib::{ConsumerConfig, ConsumerEvents, events};
///
/// #[derive(Default)]
/// struct Metrics {
///     completed: AtomicU64,
///     dead: AtomicU64,
/// }
///
/// impl ConsumerEvents for Metrics {
///     fn completed(&self, event: &events::Completed<'_>) {
///         self.completed.fetch_add(event.entries as u64, Ordering::Relaxed);
///     }
///
///     fn dead_lettered(&self, event: &events::DeadLettered<'_>) {
///         self.dead.fetch_add(1, Ordering::Relaxed);
///         eprintln!("{} of `{}` is dead: {}", event.id, event.stream, event.reason);
///     }
/// }
///
/// let metrics = Arc::new(Metrics::default());
/// let config = ConsumerConfig::new("orders").events(Arc::clone(&metrics));
/// // Wherever the numbers are asked for:
/// println!("{} dead letters", metrics.dead.load(Ordering::Relaxed));
/// ```
#[allow(unused_variables, reason = "the defaults do nothing")]
pub trait ConsumerEvents: Send + Sync + 'static {
    /// The consumer reaches Redis: at the start, and after each
    /// [`disconnected`](Self::disconnected).
    fn connected(&self, event: &Connected<'_>) {}

    /// A connection failed, Redis refuses to serve, or a permission or the password was
    /// withdrawn. The consumer retries until it succeeds. Called once for all of its
    /// connections, and again when the cause changes. The outage counts as over, and
    /// [`connected`](Self::connected) is called, once nothing has failed for a second.
    fn disconnected(&self, event: &Disconnected<'_>) {}

    /// The group had vanished and was created again, at the beginning of the stream.
    fn group_recreated(&self, event: &GroupRecreated<'_>) {}

    /// Another process holds the entry while a handler still runs here.
    fn lease_lost(&self, event: &LeaseLost<'_>) {}

    /// Entries were taken over from consumers that let their leases lapse.
    fn taken_over(&self, event: &TakenOver<'_>) {}

    /// Entries were handled with success, and Redis has confirmed their acknowledgement.
    /// Called once for each acknowledgement; acknowledgements grow with the load, so the
    /// cost per entry is small.
    fn completed(&self, event: &Completed<'_>) {}

    /// A delivery failed and will be repeated.
    fn retried(&self, event: &Retried<'_>) {}

    /// An entry is now a dead letter.
    fn dead_lettered(&self, event: &DeadLettered<'_>) {}

    /// A burial has removed the oldest dead letters, because there were more than
    /// [`dead_letter_max_length`](crate::ConsumerConfig::dead_letter_max_length) or they
    /// were older than
    /// [`dead_letter_max_age`](crate::ConsumerConfig::dead_letter_max_age).
    fn dead_letters_dropped(&self, event: &DeadLettersDropped<'_>) {}

    /// A handler panicked.
    fn panicked(&self, event: &Panicked<'_>) {}

    /// An error that waiting doesn't cure has ended the consumer.
    fn stopped(&self, event: &Stopped<'_>) {}
}

impl<E: ConsumerEvents + ?Sized> ConsumerEvents for Arc<E> {
    fn connected(&self, event: &Connected<'_>) {
        (**self).connected(event);
    }

    fn disconnected(&self, event: &Disconnected<'_>) {
        (**self).disconnected(event);
    }

    fn group_recreated(&self, event: &GroupRecreated<'_>) {
        (**self).group_recreated(event);
    }

    fn lease_lost(&self, event: &LeaseLost<'_>) {
        (**self).lease_lost(event);
    }

    fn taken_over(&self, event: &TakenOver<'_>) {
        (**self).taken_over(event);
    }

    fn completed(&self, event: &Completed<'_>) {
        (**self).completed(event);
    }

    fn retried(&self, event: &Retried<'_>) {
        (**self).retried(event);
    }

    fn dead_lettered(&self, event: &DeadLettered<'_>) {
        (**self).dead_lettered(event);
    }

    fn dead_letters_dropped(&self, event: &DeadLettersDropped<'_>) {
        (**self).dead_letters_dropped(event);
    }

    fn panicked(&self, event: &Panicked<'_>) {
        (**self).panicked(event);
    }

    fn stopped(&self, event: &Stopped<'_>) {
        (**self).stopped(event);
    }
}

/// The hooks of one consumer, or none.
#[derive(Clone, Default)]
pub(crate) struct Events(Option<Arc<dyn ConsumerEvents>>);

impl Events {
    pub(crate) fn new(events: impl ConsumerEvents) -> Self {
        Self(Some(Arc::new(events)))
    }

    /// Whether hooks are set.
    pub(crate) fn are_set(&self) -> bool {
        self.0.is_some()
    }

    /// Calls one hook.
    pub(crate) fn tell(&self, call: impl FnOnce(&dyn ConsumerEvents)) {
        if let Some(events) = &self.0
            && let Err(panic) = catch_unwind(AssertUnwindSafe(|| call(&**events)))
        {
            let text = panic_text(panic);
            log::error!("a hook of a consumer panicked: {}", one_line(&text));
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "set" } else { "none" })
    }
}

/// Compares identity: a clone is equal, other hooks never are.
impl PartialEq for Events {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (one, two) => one.is_none() && two.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use parking_lot::Mutex;

    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::message::EntryId;
    use crate::message::dead_reason::DeadReason;

    #[derive(Default)]
    struct Diary(Mutex<Vec<&'static str>>);

    macro_rules! noted {
        ($($hook:ident: $event:ident),* $(,)?) => {
            impl ConsumerEvents for Diary {
                $(fn $hook(&self, _: &$event<'_>) {
                    self.0.lock().push(stringify!($hook));
                })*
            }
        };
    }

    noted!(
        connected: Connected,
        disconnected: Disconnected,
        group_recreated: GroupRecreated,
        lease_lost: LeaseLost,
        taken_over: TakenOver,
        completed: Completed,
        retried: Retried,
        dead_lettered: DeadLettered,
        panicked: Panicked,
        stopped: Stopped,
    );

    #[test]
    fn hooks_behind_an_arc_are_told_everything() {
        let diary = Arc::new(Diary::default());
        let events = Events::new(Arc::clone(&diary));
        let (stream, group, consumer) = ("orders", "g", "c-1");
        let (id, attempt) = (EntryId::MIN, 1);
        let own = Error::new(ErrorKind::Unavailable, "gone");
        events.tell(|e| {
            e.connected(&Connected {
                stream,
                group,
                consumer,
            });
            e.disconnected(&Disconnected {
                stream,
                group,
                consumer,
                error: &own,
            });
            e.group_recreated(&GroupRecreated {
                stream,
                group,
                consumer,
            });
            e.lease_lost(&LeaseLost {
                stream,
                group,
                consumer,
                id,
                attempt,
            });
            e.taken_over(&TakenOver {
                stream,
                group,
                consumer,
                entries: 1,
            });
            let handler_time = Duration::ZERO;
            e.completed(&Completed {
                stream,
                group,
                consumer,
                entries: 1,
                handler_time,
            });
            let (error, delay) = (&fmt::Error, Duration::ZERO);
            e.retried(&Retried {
                stream,
                group,
                consumer,
                id,
                attempt,
                delay,
                error,
            });
            let reason = DeadReason::Permanent;
            e.dead_lettered(&DeadLettered {
                stream,
                group,
                consumer,
                id,
                attempt,
                reason,
                error,
            });
            e.panicked(&Panicked {
                stream,
                group,
                consumer,
                id,
                attempt,
                text: "boom",
            });
            e.stopped(&Stopped {
                stream,
                group,
                consumer,
                error: &own,
            });
        });
        assert_eq!(
            *diary.0.lock(),
            [
                "connected",
                "disconnected",
                "group_recreated",
                "lease_lost",
                "taken_over",
                "completed",
                "retried",
                "dead_lettered",
                "panicked",
                "stopped",
            ]
        );
    }
}
