//! The master is demoted while producers wait for replicas.

use std::thread;

use stream_lib::{Added, BackupStreamConfig, Producer, RawMessage, StreamManager};
use stream_tests::{Proxy, wait_until};
use tempfile::TempDir;

use super::{Fleet, PATIENT, assert_main, message, wanting};
use crate::support::{DEADLINE, ask, numbers};

#[test]
fn what_the_demoted_master_refuses_is_confirmed_by_its_successor() {
    const EACH: usize = 50;
    let fleet = Fleet::of(1);
    let (old, new) = (&fleet.master, &fleet.replicas[0]);
    let proxy = Proxy::in_front_of(old);
    let dir = TempDir::new().unwrap();
    // Managers of their own: each has connections to the old master.
    let names = ["single", "batches", "sent", "keyed", "routed", "spooled"];
    let shops: Vec<(StreamManager, Producer<RawMessage>)> = names
        .iter()
        .map(|name| {
            let manager = StreamManager::connect(old.url_at(proxy.port())).unwrap();
            let config = wanting(name, 1, PATIENT);
            let backup = || BackupStreamConfig::from(config.clone());
            let made = match *name {
                "routed" => manager.create_backup_producer("p", backup()),
                "spooled" => manager.create_backup_producer("p", backup().spool_dir(dir.path())),
                _ => manager.create_simple_producer("p", config.clone()),
            };
            let producer = made.unwrap().typed();
            assert_main(producer.add(&message(0)));
            (manager, producer)
        })
        .collect();
    ask::<()>(new, "REPLICAOF NO ONE");
    ask::<()>(old, &format!("REPLICAOF 127.0.0.1 {}", new.port()));
    proxy.redirect(new.address());
    thread::scope(|scope| {
        for (name, (_, producer)) in names.iter().zip(&shops) {
            scope.spawn(move || match *name {
                "batches" => {
                    let all: Vec<_> = (1..=EACH).map(message).collect();
                    producer.add_all(&all).into_iter().for_each(assert_main);
                }
                "sent" => {
                    let all: Vec<_> = (1..=EACH)
                        .map(|n| producer.send(&message(n)).unwrap())
                        .collect();
                    for receipt in all {
                        assert_main(receipt.wait());
                    }
                }
                "keyed" => {
                    for n in 1..=EACH {
                        assert_main(producer.add_with_key(&message(n), &n.to_string()));
                    }
                }
                "spooled" => {
                    for n in 1..=EACH {
                        let added = producer.add(&message(n));
                        assert!(
                            matches!(added, Ok(Added::Main(_) | Added::Spooled)),
                            "{added:?}"
                        );
                    }
                }
                _ => (1..=EACH).for_each(|n| assert_main(producer.add(&message(n)))),
            });
        }
    });
    for name in names {
        wait_until(DEADLINE, "the replica", || {
            numbers(old, name) == (0..=EACH).collect::<Vec<_>>()
        });
        assert_eq!(numbers(new, name), (0..=EACH).collect::<Vec<_>>(), "{name}");
    }
}
