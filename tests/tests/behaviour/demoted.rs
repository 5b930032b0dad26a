//! A server is demoted while its connections stay open: nothing more is written on them,
//! and no error is seen.

use std::thread;

use stream_lib::{Added, BackupStreamConfig, Producer, RawMessage, StreamConfig, StreamManager};
use stream_tests::{Proxy, Server, wait_until};
use tempfile::TempDir;

use crate::support::{DEADLINE, Seen, ask, noting, numbers, order, quick};

/// A master, its replica, and what stands before them: it sends new connections
/// to the one that is master now, and leaves the others alone.
struct Pair {
    old: Server,
    new: Server,
    proxy: Proxy,
}

impl Pair {
    fn start() -> Self {
        let (old, new) = (Server::start().unwrap(), Server::start().unwrap());
        ask::<()>(&new, &format!("REPLICAOF 127.0.0.1 {}", old.port()));
        wait_until(DEADLINE, "the replica", || {
            ask::<String>(&new, "INFO replication").contains("master_link_status:up")
        });
        let proxy = Proxy::in_front_of(&old);
        Self { old, new, proxy }
    }

    fn connect(&self) -> StreamManager {
        StreamManager::connect(self.old.url_at(self.proxy.port())).unwrap()
    }

    /// Waits until the replica has what the master has.
    fn wait_for_replica(&self, stream: &str) {
        let length = |server| ask::<u64>(server, &format!("XLEN {stream}"));
        wait_until(DEADLINE, "the replica", || {
            length(&self.new) == length(&self.old)
        });
    }

    fn fail_over(&self) {
        ask::<()>(&self.new, "REPLICAOF NO ONE");
        ask::<()>(
            &self.old,
            &format!("REPLICAOF 127.0.0.1 {}", self.new.port()),
        );
        self.proxy.redirect(self.new.address());
    }
}

fn message(n: usize) -> RawMessage {
    RawMessage::new().with("n", n.to_string())
}

fn all_main(added: impl IntoIterator<Item = stream_lib::Result<Added>>) {
    for added in added {
        let added = added.unwrap();
        assert!(matches!(added, Added::Main(_)), "{added:?}");
    }
}

#[test]
fn no_add_of_any_kind_fails() {
    const EACH: usize = 250;
    let pair = Pair::start();
    let dir = TempDir::new().unwrap();
    // Managers of their own: each has connections to the old master.
    let names = ["single", "batches", "sent", "keyed", "routed", "spooled"];
    let shops: Vec<(StreamManager, Producer<RawMessage>)> = names
        .iter()
        .map(|name| {
            let manager = pair.connect();
            let plain = || StreamConfig::new(*name);
            match *name {
                "routed" => manager.create_backup_producer("p", BackupStreamConfig::new(*name)),
                "spooled" => {
                    let config = BackupStreamConfig::new(*name).spool_dir(dir.path());
                    manager.create_backup_producer("p", config)
                }
                _ => manager.create_simple_producer("p", plain()),
            }
            .unwrap();
            let producer: Producer<RawMessage> = manager.producer("p").unwrap();
            all_main([producer.add(&message(0))]);
            pair.wait_for_replica(name);
            (manager, producer)
        })
        .collect();
    pair.fail_over();
    thread::scope(|scope| {
        for (name, (_, producer)) in names.iter().zip(&shops) {
            scope.spawn(move || match *name {
                "batches" => {
                    let all: Vec<_> = (1..=EACH).map(message).collect();
                    all_main(producer.add_all(&all));
                }
                "sent" => {
                    let all: Vec<_> = (1..=EACH)
                        .map(|n| producer.send(&message(n)).unwrap())
                        .collect();
                    all_main(all.into_iter().map(stream_lib::Receipt::wait));
                }
                "keyed" => {
                    all_main(
                        (1..=EACH).map(|n| producer.add_with_key(&message(n), &n.to_string())),
                    );
                }
                _ => all_main((1..=EACH).map(|n| producer.add(&message(n)))),
            });
        }
    });
    for name in names {
        assert_eq!(
            numbers(&pair.new, name),
            (0..=EACH).collect::<Vec<_>>(),
            "{name}"
        );
    }
}

#[test]
fn no_caller_of_a_shared_pipeline_hears_of_it() {
    const CALLERS: usize = 16;
    let pair = Pair::start();
    let manager = pair.connect();
    manager
        .create_backup_producer("routed", BackupStreamConfig::new("routed"))
        .unwrap();
    let plain = manager
        .create_simple_producer("plain", StreamConfig::new("plain"))
        .unwrap();
    let (plain, routed): (Producer<RawMessage>, Producer<RawMessage>) =
        (plain.typed(), manager.producer("routed").unwrap());
    let add_all = || {
        thread::scope(|scope| {
            for caller in 0..CALLERS {
                let producer = if caller % 2 == 0 { &plain } else { &routed };
                scope.spawn(move || {
                    for n in 0..10 {
                        all_main([producer.add(&message(10 * caller + n))]);
                    }
                });
            }
        });
    };
    add_all();
    pair.wait_for_replica("plain");
    pair.wait_for_replica("routed");
    pair.fail_over();
    add_all();
    for stream in ["plain", "routed"] {
        assert_eq!(
            ask::<usize>(&pair.new, &format!("XLEN {stream}")),
            10 * CALLERS
        );
    }
}

#[test]
fn consumers_start_work_and_stop_as_before() {
    let pair = Pair::start();
    let manager = pair.connect();
    let seen = Seen::default();
    let before = manager
        .consume("before", quick("orders"), noting(&seen))
        .unwrap();
    manager.add(&order("0")).unwrap();
    seen.wait_for(1);
    let stopping = pair.connect();
    let stopped = stopping
        .consume("c", quick("others"), noting(&seen))
        .unwrap();
    let starting = pair.connect();
    starting.add(&order("1")).unwrap();
    seen.wait_for(2);
    pair.wait_for_replica("orders");
    wait_until(DEADLINE, "the replica", || {
        let members = "XINFO CONSUMERS others others_group";
        ask::<Vec<redis::Value>>(&pair.new, members).len() == 1
    });
    pair.fail_over();

    // Its pooled connection is to the old master.
    let started = starting
        .consume("after", quick("orders"), noting(&seen))
        .unwrap();
    assert!(started.is_running());
    stopped.stop();
    let members = "XINFO CONSUMERS others others_group";
    assert!(ask::<Vec<redis::Value>>(&pair.new, members).is_empty());
    for n in 2..20 {
        manager.add(&order(n.to_string())).unwrap();
    }
    seen.wait_for(20);
    assert!(before.is_running() && started.is_running());
    wait_until(DEADLINE, "all to be acknowledged", || {
        crate::support::pending(&pair.new, "orders").is_empty()
    });
    let stats = manager.stream_stats("orders").unwrap();
    assert_eq!((stats.length, stats.groups[0].pending), (20, 0));
    assert_eq!(manager.dead_letters("orders").unwrap().count().unwrap(), 0);
    manager.cleanup_now("orders").unwrap();
}

#[test]
fn a_server_that_loads_is_waited_for() {
    let options = Server::options().config("enable-debug-command", "yes");
    let server = options.start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    manager.add(&order("0")).unwrap();
    // Loads for about a second, half a millisecond for each key, and answers
    // meanwhile.
    ask::<()>(&server, "DEBUG POPULATE 2000 key 2000");
    ask::<()>(&server, "CONFIG SET key-load-delay 500");
    ask::<()>(
        &server,
        "CONFIG SET loading-process-events-interval-bytes 1024",
    );
    thread::scope(|scope| {
        let reload = scope.spawn(|| ask::<()>(&server, "DEBUG RELOAD"));
        while !reload.is_finished() {
            manager.add(&order("n")).unwrap();
        }
        reload.join().unwrap();
    });
    manager.add(&order("1")).unwrap();
}
