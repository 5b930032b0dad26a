//! Repeats by an idempotency key, which make no second entry.

use std::thread;

use stream_lib::{Added, BackupStreamConfig, Producer, RawMessage, StreamManager};
use stream_tests::{Proxy, wait_until};

use super::{Fleet, PATIENT, SHORT, assert_main, lack, message, wanting};
use crate::support::{DEADLINE, ask};

#[test]
fn a_repeat_waits_for_the_first_entry() {
    let fleet = Fleet::of(1);
    let manager = fleet.connect();
    let simple = manager
        .create_simple_producer("simple", wanting("simple", 1, SHORT))
        .unwrap();
    let routed = BackupStreamConfig::from(wanting("routed", 1, SHORT));
    let routed = manager.create_backup_producer("routed", routed).unwrap();
    for handle in [simple, routed] {
        let producer = handle.typed::<RawMessage>();
        let stream = handle.stream();
        // So that the connections have written something that is confirmed.
        wait_until(DEADLINE, "the replica", || {
            producer.add(&message(0)).is_ok()
        });
        fleet.freeze();
        let first = lack(producer.add_with_key(&message(1), "k")).added;
        assert!(matches!(first, Added::Main(_)));
        let id = first.id().unwrap();
        let key = format!("{{{stream}}}:once:k");
        let lapses: u64 = ask(&fleet.master, &format!("PEXPIRETIME {key}"));
        let kept: String = ask(&fleet.master, &format!("GET {key}"));
        // By other connections, too, which have written nothing before.
        let other = fleet.connect();
        let config = BackupStreamConfig::from(wanting(stream, 1, SHORT));
        let other: Producer<RawMessage> = if handle.is_backup() {
            other.create_backup_producer("p", config)
        } else {
            other.create_simple_producer("p", wanting(stream, 1, SHORT))
        }
        .unwrap()
        .typed();
        for producer in [&producer, &other] {
            let sets = fleet.master.calls("set");
            let again = lack(producer.add_with_key(&message(1), "k"));
            assert_eq!(
                (again.added, again.confirmed),
                (Added::Duplicate(id), Some(0))
            );
            assert_eq!(fleet.master.calls("set"), sets + 1);
        }
        // Its key is as it was, and lapses when it would have.
        assert_eq!(
            ask::<u64>(&fleet.master, &format!("PEXPIRETIME {key}")),
            lapses
        );
        assert_eq!(ask::<String>(&fleet.master, &format!("GET {key}")), kept);
        fleet.thaw();
        wait_until(
            DEADLINE,
            "the replica",
            || matches!(other.add_with_key(&message(1), "k"), Ok(Added::Duplicate(same)) if same == id),
        );
        let replica = &fleet.replicas[0];
        assert_eq!(
            ask::<u64>(replica, &format!("XLEN {stream}")),
            fleet.length(stream)
        );
    }
}

#[test]
fn a_connection_that_is_lost_while_waiting_decides_nothing_for_a_key() {
    for key in [None, Some("k")] {
        let fleet = Fleet::of(1);
        let proxy = Proxy::in_front_of(&fleet.master);
        let manager = StreamManager::connect(fleet.master.url_at(proxy.port())).unwrap();
        let producer: Producer<RawMessage> = manager
            .create_simple_producer("p", wanting("orders", 1, PATIENT))
            .unwrap()
            .typed();
        // The script is known from then on.
        assert_main(producer.add_with_key(&message(0), "first"));
        fleet.freeze();
        proxy.reset_traffic();
        thread::scope(|scope| {
            let adding = scope.spawn(|| match key {
                Some(key) => producer.add_with_key(&message(1), key),
                None => producer.add(&message(1)),
            });
            // The id has come, and the answer to WAIT has not.
            wait_until(DEADLINE, "the id", || proxy.traffic().reply_bytes >= 20);
            let id = fleet.ids("orders")[1].clone();
            proxy.close();
            let has_id = |added: Added| assert_eq!(added.id().unwrap().to_string(), id);
            if key.is_none() {
                let found = lack(adding.join().unwrap());
                assert_eq!(found.confirmed, None);
                has_id(found.added);
                return;
            }
            wait_until(DEADLINE, "another try", || proxy.traffic().connections > 0);
            assert!(!adding.is_finished());
            fleet.thaw();
            let added = adding.join().unwrap().unwrap();
            assert!(matches!(added, Added::Main(_)), "{added:?}");
            has_id(added);
        });
        assert_eq!(fleet.length("orders"), 2);
    }
}

#[test]
fn a_server_that_forgets_scripts_is_told_them_again() {
    let fleet = Fleet::of(1);
    let manager = fleet.connect();
    let routed = BackupStreamConfig::from(wanting("routed", 1, PATIENT));
    let producers = [
        manager.create_simple_producer("simple", wanting("simple", 1, PATIENT)),
        manager.create_backup_producer("routed", routed),
    ];
    for (round, flush) in (0..).zip([false, true, true]) {
        for handle in &producers {
            let producer = handle.as_ref().unwrap().typed::<RawMessage>();
            let key = |n: usize| format!("{round}-{n}");
            if flush {
                fleet.master.command::<()>(&["SCRIPT", "FLUSH"]);
            }
            thread::scope(|scope| {
                for n in 0..8 {
                    let (producer, key) = (&producer, key(n));
                    scope.spawn(move || assert_main(producer.add_with_key(&message(n), &key)));
                }
            });
            if flush {
                fleet.master.command::<()>(&["SCRIPT", "FLUSH"]);
            }
            let added = producer.add_all(&[message(8), message(9)]);
            assert!(added.iter().all(Result::is_ok), "{added:?}");
            let again = producer.add_with_key(&message(0), &key(0));
            assert!(again.unwrap().is_duplicate());
        }
    }
}
