//! What can be seen from outside: counts, cheap facts, members and events.

mod counting;
mod polling;
mod roster;
mod telling;

use std::time::Duration;

use stream_lib::{RetryPolicy, StreamEvent, StreamEventKind, StreamManager};

/// A lease that lapses soon.
const LEASE: Duration = Duration::from_millis(300);

/// The events of `orders` of one kind, the oldest first.
#[track_caller]
fn events(manager: &StreamManager, kind: StreamEventKind) -> Vec<StreamEvent> {
    let mut events = manager.events("orders").unwrap().newest(1_000).unwrap();
    events.retain(|event| event.kind == kind);
    events.reverse();
    events
}

/// One delivery, and none after a failure.
fn once() -> RetryPolicy {
    RetryPolicy::exponential(LEASE).max_deliveries(1)
}
