//! The number of threads of consumers.

use stream_lib::StreamManager;
use stream_tests::{Server, wait_until};

use crate::dropping::alone;
use crate::support::{DEADLINE, Order, Seen, noting, quick, threads, wait_until_threads_ended};

#[test]
fn consumers_share_the_threads_that_look_after_them() {
    const CONSUMERS: usize = 10;
    alone(
        "idle::threads::consumers_share_the_threads_that_look_after_them",
        || {
            let server = Server::start().unwrap();
            let manager = StreamManager::connect(server.url()).unwrap();
            let before = threads("").len();
            let seen = Seen::default();
            let start = |number: usize| {
                let config = quick(&format!("orders-{number}")).workers(1);
                manager
                    .consume::<Order>(&format!("c{number}"), config, noting(&seen))
                    .unwrap()
            };
            let mut consumers: Vec<_> = (0..CONSUMERS).map(start).collect();
            // A reader and a worker each; a keeper, a settler, a cleaner, one that looks
            // for backup streams, and, with its feature, one that publishes metrics, for
            // all of them.
            wait_until(DEADLINE, "the threads to have names", || {
                threads("orders-").len() == 2 * CONSUMERS
                    && threads("stream-keeper").len() == 1
                    && threads("stream-settler").len() == 1
            });
            assert!(
                threads("").len() <= before + 2 * CONSUMERS + 5,
                "{:?}",
                threads("")
            );
            let last = consumers.pop().unwrap();
            for consumer in consumers {
                consumer.stop();
            }
            assert_eq!(threads("stream-keeper").len(), 1, "one has it still");
            last.stop();
            assert!(threads("stream-keeper").is_empty(), "joined with the last");
            assert!(threads("stream-settler").is_empty());
            last.start().unwrap();
            server.command::<String>(&["XADD", "orders-9", "*", "order_id", "1", "amount", "1"]);
            seen.wait_for(1);
            wait_until(DEADLINE, "the entry to be settled", || {
                last.stats().completed == 1
            });
            drop(manager);
            wait_until_threads_ended("stream-keeper");
            wait_until_threads_ended("stream-settler");
        },
    );
}
