//! Observation: metrics, stream statistics, members and events.

mod counting;
mod polling;
mod roster;
mod sensitive;
mod telling;

use std::time::Duration;

use stream_lib::{ConnectionConfig, RetryPolicy, StreamEvent, StreamEventKind, StreamManager};
use stream_tests::Server;

use crate::support::{DEADLINE, Shop};

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

/// A shop whose manager waits for a busy machine.
fn patient_shop() -> Shop {
    let server = Server::start().unwrap();
    let manager = patient(&server.url());
    Shop { manager, server }
}

fn patient(url: &str) -> StreamManager {
    let config = ConnectionConfig::new(url).unwrap();
    StreamManager::connect_with(config.response_timeout(DEADLINE)).unwrap()
}
