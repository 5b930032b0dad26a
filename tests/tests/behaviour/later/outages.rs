//! Scheduling while Redis is away, has no memory, or loses an answer.

use std::thread;
use std::time::Duration;

use stream_lib::{Added, BackupStreamConfig, ErrorKind, StreamConfig, StreamManager, WhenTaken};
use stream_tests::{Fsync, Server, wait_until};
use tempfile::TempDir;

use super::{id_of, keys_of_later, server_time};
use crate::lossy_relay::LossyRelay;
use crate::support::{DEADLINE, HOUR, Order, Shop, numbers, order};

const MS: Duration = Duration::from_millis(1);

#[test]
fn nothing_is_scheduled_and_nothing_spooled_while_redis_is_away() {
    let dir = TempDir::new().unwrap();
    let shop = Shop::open();
    let config = StreamConfig::new("orders").send_timeout(300 * MS);
    let config = BackupStreamConfig::from(config).spool_dir(dir.path());
    let producer = shop.manager.create_backup_producer("p", config).unwrap();
    let producer = producer.typed::<Order>();
    assert!(matches!(producer.add(&order("1")), Ok(Added::Main(_))));
    shop.server.kill();
    let message = order("2");
    let error = producer.with(&message).after(HOUR).add().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(producer.add(&order("3")).unwrap(), Added::Spooled);
    shop.server.restart();
    wait_until(DEADLINE, "the spooled one", || {
        numbers(&shop.server, "orders") == [3]
    });
    assert_eq!(keys_of_later(&shop), [""; 0]);
}

#[test]
fn what_was_due_during_an_outage_comes_after_it_in_order() {
    let server = Server::options().appendonly(Fsync::Always).start().unwrap();
    let shop = Shop::with(server);
    let begin = server_time(&shop);
    for number in [3, 1, 2] {
        let message = order(number.to_string());
        let due = begin + HOUR + number * MS;
        shop.manager.with(&message).at(due).add().unwrap();
    }
    shop.server.kill();
    shop.server.restart();
    // All of them are due by now.
    let ids: Vec<String> = shop.ask("ZRANGE {orders}:due 0 -1");
    let sets = (1..).zip(&ids).map(|(number, id)| format!("{number} {id}"));
    let sets: Vec<_> = sets.collect();
    shop.ask::<u64>(&format!("ZADD {{orders}}:due {}", sets.join(" ")));
    wait_until(DEADLINE, "all entries", || {
        numbers(&shop.server, "orders") == [1, 2, 3]
    });
}

#[test]
fn full_memory_schedules_nothing_and_moves_what_is_due() {
    let shop = Shop::open();
    let (now, later) = (order("1"), order("2"));
    let id = id_of(shop.manager.with(&now).after(HOUR).add().unwrap());
    shop.ask::<()>("CONFIG SET maxmemory 1");
    let error = shop.manager.with(&later).after(HOUR).add().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    let counted: Vec<String> = shop.ask("HMGET {orders}:meta later");
    assert_eq!(counted, ["1"], "nothing was written");
    // A due time by hand, since that would take memory.
    shop.ask::<()>("CONFIG SET maxmemory 0");
    shop.ask::<u64>(&format!("ZADD {{orders}}:due 1 {id}"));
    shop.ask::<()>("CONFIG SET maxmemory 1");
    wait_until(DEADLINE, "the entry", || {
        numbers(&shop.server, "orders") == [1]
    });
}

#[test]
fn lost_answer_schedules_once_where_a_key_tells() {
    let server = Server::start().unwrap();
    let source = concat!(
        include_str!("../../../../stream-lib/src/command/scripts/part_once.lua"),
        include_str!("../../../../stream-lib/src/command/scripts/later.lua")
    );
    let relay = LossyRelay::before(server.address(), source);
    let manager = StreamManager::connect(server.url_at(relay.port)).unwrap();
    let message = order("1");
    // The script is known to the server from now on.
    manager.with(&message).after(HOUR).add().unwrap();
    let count = || manager.scheduled("orders").unwrap().count().unwrap();
    assert_eq!(count(), 1);

    relay.lose_next();
    let error = manager.with(&message).after(HOUR).add().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    relay.open();
    assert_eq!(count(), 2, "and it was scheduled");

    for is_unique in [false, true] {
        relay.lose_next();
        let (manager, message) = (&manager, &message);
        thread::scope(|scope| {
            let adding = scope.spawn(move || {
                let draft = manager.with(message).after(HOUR);
                let draft = if is_unique {
                    draft.unique("u", WhenTaken::Refuse)
                } else {
                    draft.idempotency_key("k")
                };
                draft.add()
            });
            relay.wait_until_lost();
            relay.open();
            id_of(adding.join().unwrap().unwrap());
        });
        assert_eq!(count(), 3 + u64::from(is_unique));
    }
}
