//! The number of connections of a manager with many consumers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stream_lib::{BackupStreamConfig, ConsumerConfig, Delivery, HandlerResult, StreamManager};
use stream_tests::{Server, wait_until};

use crate::support::{DEADLINE, Order, Shop, ask, order};

const CONSUMERS: usize = 10;

fn stream(number: usize) -> String {
    format!("orders-{number}")
}

/// Ten consumers, and backup producers for two of their streams.
#[track_caller]
fn fleet(manager: &StreamManager, handled: &Arc<AtomicUsize>) {
    for number in 0..CONSUMERS {
        let handled = Arc::clone(handled);
        let handler = move |_: &Delivery<Order>| -> HandlerResult {
            handled.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        let config = ConsumerConfig::new(stream(number))
            .workers(1)
            .grace(Duration::from_secs(10));
        manager.consume(&stream(number), config, handler).unwrap();
    }
    for number in 0..2 {
        let config = BackupStreamConfig::new(stream(number));
        manager
            .create_backup_producer(&stream(number), config)
            .unwrap();
    }
}

/// The connections of the library, without those of the test.
fn connections(server: &Server) -> usize {
    let clients = ask::<String>(server, "CLIENT LIST");
    clients.lines().filter(|line| !line.is_empty()).count() - 1
}

fn completed(manager: &StreamManager) -> u64 {
    let consumers = manager.list_consumers().into_iter();
    consumers
        .map(|name| manager.consumer(&name).unwrap().stats().completed)
        .sum()
}

#[test]
fn ten_consumers_share_the_connections_that_do_not_wait() {
    let shop = Shop::open();
    let handled = Arc::default();
    fleet(&shop.manager, &handled);
    for number in 0..CONSUMERS {
        shop.add_by_hand(&stream(number), 20);
    }
    wait_until(DEADLINE, "all to be acknowledged", || {
        completed(&shop.manager) == 20 * CONSUMERS as u64
    });
    let many = connections(&shop.server);
    // One for each that reads, one that all share, and a few of the pool.
    assert!(many > CONSUMERS && many <= CONSUMERS + 6, "{many}");
    assert_eq!(handled.load(Ordering::SeqCst), 20 * CONSUMERS);
}

#[test]
fn acknowledgements_flow_where_the_server_takes_few_connections() {
    const ROUNDS: usize = 10;
    let server = Server::options().config("maxclients", "20").start();
    let shop = Shop::with(server.unwrap());
    let handled = Arc::default();
    fleet(&shop.manager, &handled);
    for round in 1..=ROUNDS {
        for number in 0..CONSUMERS {
            if number < 2 {
                for _ in 0..2 {
                    shop.manager.add_to(&stream(number), &order("1")).unwrap();
                }
            } else {
                shop.add_by_hand(&stream(number), 2);
            }
        }
        // While they run, not at the stop.
        wait_until(DEADLINE, format!("the acks of round {round}"), || {
            completed(&shop.manager) == (2 * CONSUMERS * round) as u64
        });
    }
    assert_eq!(handled.load(Ordering::SeqCst), 2 * CONSUMERS * ROUNDS);
}
