//! Stops while the lookup of the host name hangs.

use std::time::{Duration, Instant};

use super::stream_manager::StreamManager;
use crate::config::{BackupStreamConfig, ConnectionConfig, ConsumerConfig};
use crate::connection::black_hole;
use crate::consumer::{Delivery, HandlerResult};
use crate::message::raw::RawMessage;

/// Less than a hanging lookup takes, and more than a stop.
const AMPLE: Duration = Duration::from_secs(20);

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is a handler, and never called"
)]
fn done(_: &Delivery<RawMessage>) -> HandlerResult {
    Ok(())
}

fn manager(host: &str) -> StreamManager {
    let url = format!("redis://{host}{}", black_hole::DOMAIN);
    // Only the stop ends an attempt.
    let config = ConnectionConfig::new(url)
        .unwrap()
        .connect_timeout(Duration::from_secs(3_600));
    StreamManager::connect_lazy(config).unwrap()
}

#[test]
fn shutdown_waits_for_no_lookup() {
    let manager = manager("shutdown");
    for stream in ["orders", "payments"] {
        let config = ConsumerConfig::new(stream).grace(Duration::from_secs(1_000));
        manager.consume(stream, config, done).unwrap();
        let config = BackupStreamConfig::new(stream).max_length(5);
        manager.create_backup_producer(stream, config).unwrap();
    }
    while black_hole::hanging() == 0 {
        std::thread::yield_now();
    }
    let begin = Instant::now();
    let report = manager.shutdown();
    assert!(begin.elapsed() < AMPLE, "{:?}", begin.elapsed());
    assert_eq!(report.still_running, 0);
}

#[test]
fn stopped_consumer_starts_and_stops_again_while_the_lookup_hangs() {
    let manager = manager("again");
    let config = ConsumerConfig::new("orders").grace(Duration::from_secs(1_000));
    let consumer = manager.consume("c", config, done).unwrap();
    let begin = Instant::now();
    for _ in 0..3 {
        consumer.stop();
        assert!(!consumer.is_running());
        consumer.start().unwrap();
    }
    assert!(begin.elapsed() < AMPLE, "{:?}", begin.elapsed());
}
