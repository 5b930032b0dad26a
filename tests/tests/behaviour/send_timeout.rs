//! An add takes no longer than its `send_timeout`, whatever hangs.

use std::thread;
use std::time::{Duration, Instant};

use stream_lib::{
    Added, BackupStreamConfig, ConnectionConfig, ErrorKind, Producer, RawMessage, Result,
    StreamConfig, StreamManager,
};
use stream_tests::Server;
use tempfile::TempDir;

use crate::support::DEADLINE;

const PATIENCE: Duration = Duration::from_millis(300);

/// A manager that would wait for answers much longer than any test may take.
fn connect(server: &Server) -> StreamManager {
    let config = ConnectionConfig::new(server.url()).unwrap();
    let config = config
        .response_timeout(5 * DEADLINE)
        .connect_timeout(DEADLINE);
    StreamManager::connect_with(config).unwrap()
}

fn message() -> RawMessage {
    RawMessage::new().with("n", "1")
}

#[track_caller]
fn in_time<T>(what: &str, add: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let added = add();
    assert!(
        begin.elapsed() < DEADLINE,
        "{what} took {:?}",
        begin.elapsed()
    );
    added
}

#[track_caller]
fn assert_unknown(added: &Result<Added>) {
    let error = added.as_ref().unwrap_err();
    // The pool may have had another place, and no connection in it.
    let kind = error.kind();
    let kinds = [ErrorKind::OutcomeUnknown, ErrorKind::Unavailable];
    assert!(kinds.contains(&kind), "{error}");
}

#[test]
fn a_silent_server_holds_up_no_add() {
    let (server, dir) = (Server::start().unwrap(), TempDir::new().unwrap());
    let plain = |stream: &str| StreamConfig::new(stream).send_timeout(PATIENCE);
    let backup = |stream: &str| BackupStreamConfig::from(plain(stream));
    let shops: Vec<(&str, StreamManager, Producer<RawMessage>)> =
        ["add", "key", "all", "send", "routed", "spooled"]
            .map(|name| {
                let manager = connect(&server);
                match name {
                    "routed" => manager.create_backup_producer("p", backup(name)),
                    "spooled" => {
                        manager.create_backup_producer("p", backup(name).spool_dir(dir.path()))
                    }
                    _ => manager.create_simple_producer("p", plain(name)),
                }
                .unwrap();
                let producer = manager.producer("p").unwrap();
                (name, manager, producer)
            })
            .into();
    for (_, _, producer) in &shops {
        producer.add(&message()).unwrap();
    }
    server.freeze();
    for (name, _, producer) in &shops {
        match *name {
            "key" => assert_unknown(&in_time(name, || producer.add_with_key(&message(), "k"))),
            "all" => {
                let all = vec![message(); 30];
                let results = in_time(name, || producer.add_all(&all));
                results.iter().for_each(assert_unknown);
            }
            "send" => {
                let receipt = producer.send(&message()).unwrap();
                assert_unknown(&in_time(name, || receipt.wait()));
            }
            "spooled" => {
                let added = in_time(name, || producer.add(&message()));
                assert!(matches!(added, Ok(Added::Spooled)), "{added:?}");
            }
            _ => assert_unknown(&in_time(name, || producer.add(&message()))),
        }
    }
    server.thaw();
}

#[test]
fn callers_of_a_shared_pipeline_return_each_in_its_time() {
    let server = Server::start().unwrap();
    let manager = connect(&server);
    let of = |stream: &str, time| StreamConfig::new(stream).send_timeout(time);
    let producer = |name: &str, time| -> Producer<RawMessage> {
        let made = manager.create_simple_producer(name, of(name, time));
        made.unwrap().typed()
    };
    // The first ones give up soon, and a patient one leads those that don't wait
    // as long as it does.
    let first = producer("first", PATIENCE);
    let patient = producer("patient", 2 * DEADLINE);
    let hurried = producer("hurried", 4 * PATIENCE);
    patient.add(&message()).unwrap();
    server.freeze();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| in_time("a first add", || first.add(&message())));
        }
        for _ in 0..2 {
            scope.spawn(|| patient.add(&message()));
        }
        let hurried: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| in_time("a hurried add", || hurried.add(&message()))))
            .collect();
        for add in hurried {
            assert_unknown(&add.join().unwrap());
        }
        server.thaw();
    });
}

#[test]
fn patient_caller_is_not_given_up_together_with_hurried_ones() {
    let server = Server::start().unwrap();
    let manager = connect(&server);
    let producer = |name: &str, time| -> Producer<RawMessage> {
        let config = StreamConfig::new(name).send_timeout(time);
        let made = manager.create_simple_producer(name, config);
        made.unwrap().typed()
    };
    let first = producer("first", PATIENCE);
    let hurried = producer("hurried", 4 * PATIENCE);
    let patient = producer("patient", 2 * DEADLINE);
    patient.add(&message()).unwrap();
    server.freeze();
    thread::scope(|scope| {
        // They lead, so that the others meet in the line.
        for _ in 0..2 {
            scope.spawn(|| first.add(&message()));
        }
        let hurried: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| hurried.add(&message())))
            .collect();
        let patient: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| patient.add(&message())))
            .collect();
        for add in hurried {
            assert_unknown(&add.join().unwrap());
        }
        server.thaw();
        for add in patient {
            let added = add.join().unwrap();
            assert!(matches!(added, Ok(Added::Main(_))), "{added:?}");
        }
    });
}
