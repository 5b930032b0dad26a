//! Adding many messages allocates for the call and for its batches, not for
//! each message.

use stream_lib::{BackupStreamConfig, Producer, StreamConfig, StreamManager, StreamMessage};
use stream_tests::Server;

use crate::allocations;

#[derive(StreamMessage)]
struct Order {
    id: String,
    amount: f64,
}

fn orders(count: usize) -> Vec<Order> {
    let order = |n| Order {
        id: format!("ORD-{n}"),
        amount: 9.5,
    };
    (0..count).map(order).collect()
}

fn adding(producer: &Producer<Order>, count: usize) -> u64 {
    let orders = orders(count);
    let add = || assert!(producer.add_all(&orders).iter().all(Result::is_ok));
    // Buffers have their size after the first time.
    add();
    allocations(add)
}

/// Most are for buffers, which double.
const OF_A_BATCH: u64 = 50;

const BATCH: usize = 500;

fn config() -> StreamConfig {
    StreamConfig::new("orders")
        .batch_size(BATCH)
        .max_length(1 << 30)
}

#[test]
fn many_messages_cost_as_many_allocations_as_their_batches() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    manager.create_simple_producer("simple", config()).unwrap();
    manager
        .create_backup_producer("backup", BackupStreamConfig::from(config()))
        .unwrap();
    for name in ["simple", "backup"] {
        let producer = manager.producer(name).unwrap();
        for batches in [1, 8] {
            let count = adding(&producer, batches * BATCH);
            let most = OF_A_BATCH * batches as u64;
            assert!(count <= most, "{name}: {count} for {batches} batches");
        }
    }
}
