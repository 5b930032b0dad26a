//! Adds from many threads at once share pipelines, and nothing else.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use stream_lib::{ConnectionConfig, ErrorKind, Producer, StreamConfig, StreamManager};
use stream_tests::{Direction, Proxy, Server};

use crate::support::{Order, Shop, ask, order};

const THREADS: usize = 24;
const EACH: usize = 20;

/// Runs `body` on many threads at once, each with its number.
fn crowd<T: Send>(body: impl Fn(usize) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let body = &body;
        let threads: Vec<_> = (0..THREADS)
            .map(|number| scope.spawn(move || body(number)))
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

/// The ids of the orders in a stream, in its order.
fn stored(server: &Server, stream: &str) -> Vec<String> {
    let entries: Vec<(String, Vec<(String, String)>)> =
        ask(server, &format!("XRANGE {stream} - +"));
    entries
        .iter()
        .map(|(_, fields)| fields[0].1.clone())
        .collect()
}

fn unique(ids: &[String]) -> usize {
    ids.iter().collect::<HashSet<_>>().len()
}

#[test]
fn callers_share_round_trips_and_connections() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    manager.add(&order("first")).unwrap();
    // So that others come while one waits for its answer.
    proxy.delay(Direction::Replies, Duration::from_millis(3));
    proxy.reset_traffic();
    crowd(|thread| {
        for n in 0..EACH {
            manager.add(&order(format!("{thread}-{n}"))).unwrap();
        }
    });
    let traffic = proxy.traffic();
    let most = (THREADS * EACH / 2) as u64;
    assert!(traffic.round_trips < most, "{traffic:?}");
    assert!(traffic.connections <= 1, "{traffic:?}");
    let ids = stored(&server, "orders");
    assert_eq!(
        (ids.len(), unique(&ids)),
        (THREADS * EACH + 1, THREADS * EACH + 1)
    );
    // Each thread's own are in its order.
    for thread in 0..THREADS {
        let prefix = format!("{thread}-");
        let of_thread = ids.iter().filter_map(|id| id.strip_prefix(&prefix));
        assert!(of_thread.map(|n| n.parse::<usize>().unwrap()).eq(0..EACH));
    }
}

#[test]
fn each_caller_gets_its_own_answer_whatever_the_producer() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    let simple = |name: &str| manager.create_simple_producer(name, StreamConfig::new(name));
    for name in ["good", "other", "text"] {
        simple(name).unwrap();
    }
    manager
        .create_backup_producer("routed", StreamConfig::new("routed").max_length(100))
        .unwrap();
    server.command::<()>(&["SET", "text", "no stream"]);
    proxy.delay(Direction::Replies, Duration::from_millis(2));
    let names = ["good", "text", "routed", "other"];
    let all = crowd(|thread| {
        let name = names[thread % names.len()];
        let producer: Producer<Order> = manager.producer(name).unwrap();
        (0..EACH)
            .map(|n| {
                let order = order(format!("{thread}-{n}"));
                // Some by the script for keys, among those without.
                let added = match n % 3 {
                    0 => producer.add_with_key(&order, &order.order_id),
                    _ => producer.add(&order),
                };
                added.map(|added| (order.order_id, added.id().unwrap().to_string()))
            })
            .collect::<Vec<_>>()
    });
    let mut told = Vec::new();
    for (thread, results) in all.into_iter().enumerate() {
        for result in results {
            match (names[thread % names.len()], result) {
                ("text", result) => {
                    let error = result.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
                    assert!(error.to_string().contains("`text`"), "{error}");
                }
                (_, result) => told.push(result.unwrap()),
            }
        }
    }
    // What a caller was told is what the stream has under that id.
    let mut found = Vec::new();
    for stream in ["good", "other", "routed", "{routed}:backup"] {
        let range = ["XRANGE", stream, "-", "+"];
        let entries: Vec<(String, Vec<(String, String)>)> = server.command(&range);
        found.extend(entries.into_iter().map(|(id, f)| (f[0].1.clone(), id)));
    }
    told.sort();
    found.sort();
    assert_eq!(told, found);
}

#[test]
fn scripts_forgotten_all_the_time_lose_no_message_and_no_order() {
    let shop = Shop::open();
    let config = StreamConfig::new("orders")
        .max_length(1_000_000)
        .batch_size(5);
    shop.manager.create_backup_producer("p", config).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                shop.ask::<()>("SCRIPT FLUSH");
            }
        });
        crowd(|thread| {
            let producer: Producer<Order> = shop.manager.producer("p").unwrap();
            for n in 0..EACH {
                // A script may be forgotten again before it is run.
                let order = order(format!("{thread}-{n}"));
                while producer.add(&order).is_err() {}
            }
        });
        let many: Vec<Order> = (0..2_000).map(|n| order(format!("all-{n}"))).collect();
        let results = shop.manager.add_all(&many).unwrap();
        done.store(true, Ordering::SeqCst);
        let ids = stored(&shop.server, "orders");
        assert_eq!(unique(&ids), ids.len());
        let added: Vec<_> = ids
            .iter()
            .filter_map(|id| id.strip_prefix("all-"))
            .collect();
        let told = results.iter().enumerate().filter(|(_, r)| r.is_ok());
        assert_eq!(added, told.map(|(n, _)| n.to_string()).collect::<Vec<_>>());
        assert_eq!(ids.len() - added.len(), THREADS * EACH);
        assert!(!added.is_empty());
    });
}

#[test]
fn all_who_wait_for_a_server_that_is_away_hear_it_in_time() {
    let server = Server::start().unwrap();
    let config = ConnectionConfig::new(server.url()).unwrap().pool_size(2);
    let manager = StreamManager::connect_with(config).unwrap();
    let config = StreamConfig::new("orders").send_timeout(Duration::from_millis(300));
    manager.create_simple_producer("p", config).unwrap();
    manager.add(&order("first")).unwrap();
    server.kill();
    let errors = crowd(|_| manager.add(&order("in vain")).unwrap_err());
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    server.restart();
    let added = crowd(|thread| manager.add(&order(thread.to_string())));
    assert!(added.iter().all(Result::is_ok), "{added:?}");
}

#[test]
fn shutdown_ends_all_who_wait() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    manager.add(&order("first")).unwrap();
    let config = StreamConfig::new("orders").send_timeout(Duration::from_mins(30));
    manager.create_simple_producer("p", config).unwrap();
    server.kill();
    let started = std::sync::Barrier::new(THREADS + 1);
    let errors = thread::scope(|scope| {
        let crowd = scope.spawn(|| {
            crowd(|_| {
                started.wait();
                manager.add(&order("in vain")).unwrap_err()
            })
        });
        started.wait();
        manager.shutdown();
        crowd.join().unwrap()
    });
    for error in errors {
        let kind = error.kind();
        assert!(
            matches!(kind, ErrorKind::Closed | ErrorKind::Unavailable),
            "{error}"
        );
    }
}
