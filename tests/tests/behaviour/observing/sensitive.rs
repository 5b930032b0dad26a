//! A type with sensitive fields is stored before its first message is written.

use std::path::Path;
use std::time::Duration;

use stream_lib::{
    BackupStreamConfig, ConnectionConfig, Cron, ErrorKind, Producer, RawMessage, StreamConfig,
    StreamManager, StreamMessage,
};
use stream_tests::{LogCapture, Server, wait_until};
use tempfile::TempDir;

use crate::monitor::Monitor;
use crate::support::{DEADLINE, HOUR, quick};

#[derive(StreamMessage)]
struct Payment {
    id: u64,
    #[stream(flatten)]
    card: Card,
}

#[derive(StreamMessage)]
struct Card {
    #[stream(sensitive)]
    pin: String,
}

/// A payment that is found among requests.
fn payment(stream: &str) -> Payment {
    let pin = pin(stream);
    Payment {
        id: 1,
        card: Card { pin },
    }
}

fn pin(stream: &str) -> String {
    format!("the pin of {stream} is")
}

/// A way of a message to a stream of this name.
type Way = fn(&StreamManager, &str, &Path);

fn simple(manager: &StreamManager, stream: &str) -> Producer<Payment> {
    let config = StreamConfig::new(stream);
    let producer = manager.create_simple_producer(stream, config).unwrap();
    producer.typed()
}

fn add(manager: &StreamManager, stream: &str, _: &Path) {
    simple(manager, stream).add(&payment(stream)).unwrap();
}

fn add_by_name(manager: &StreamManager, stream: &str, _: &Path) {
    let config = StreamConfig::new(stream);
    manager.create_simple_producer(stream, config).unwrap();
    manager.add_to(stream, &payment(stream)).unwrap();
}

fn add_all(manager: &StreamManager, stream: &str, _: &Path) {
    let messages = [payment(stream), payment(stream)];
    for added in simple(manager, stream).add_all(&messages) {
        added.unwrap();
    }
}

fn send(manager: &StreamManager, stream: &str, _: &Path) {
    let receipt = simple(manager, stream).send(&payment(stream)).unwrap();
    receipt.wait().unwrap();
}

fn schedule(manager: &StreamManager, stream: &str, _: &Path) {
    let producer = simple(manager, stream);
    producer.with(&payment(stream)).after(HOUR).add().unwrap();
}

fn route(manager: &StreamManager, stream: &str, _: &Path) {
    let config = StreamConfig::new(stream);
    let producer = manager.create_backup_producer(stream, config).unwrap();
    producer.typed().add(&payment(stream)).unwrap();
}

fn spool(manager: &StreamManager, stream: &str, dir: &Path) {
    let config = BackupStreamConfig::new(stream).spool_dir(dir);
    let producer = manager.create_backup_producer(stream, config).unwrap();
    producer.typed().add(&payment(stream)).unwrap();
}

fn split(manager: &StreamManager, stream: &str, _: &Path) {
    let config = StreamConfig::new(stream).partitions(4);
    let producer = manager.create_simple_producer(stream, config).unwrap();
    producer.typed().add(&payment(stream)).unwrap();
}

fn produce(manager: &StreamManager, stream: &str, _: &Path) {
    let (from, to) = (format!("{stream}-from"), stream.to_owned());
    let consumer = manager
        .consume_fn::<RawMessage>(&from, quick(&from), move |message| {
            Ok(message.produce_to(&to, &payment(&to))?)
        })
        .unwrap();
    let config = StreamConfig::new(&from);
    let producer = manager.create_simple_producer(&from, config).unwrap();
    producer
        .typed()
        .add(&RawMessage::new().with("n", "1"))
        .unwrap();
    wait_until(DEADLINE, "it to be handled", || {
        consumer.stats().completed == 1
    });
}

fn tick(manager: &StreamManager, stream: &str, _: &Path) {
    let (to, yearly) = (stream.to_owned(), Cron::parse("0 0 1 1 *").unwrap());
    let message = move || payment(&to);
    manager.cron_to(stream, "job", yearly, message).unwrap();
    manager.crons(stream).unwrap().run_now("job").unwrap();
}

/// The number of other streams.
const OTHERS: usize = 100;

const WAYS: &[(&str, Way)] = &[
    ("add", add),
    ("add-by-name", add_by_name),
    ("add-all", add_all),
    ("send", send),
    ("schedule", schedule),
    ("route", route),
    ("spool", spool),
    ("split", split),
    ("produce", produce),
    ("tick", tick),
];

#[test]
fn no_message_goes_before_its_type() {
    let server = Server::start().unwrap();
    let monitor = Monitor::start(&server);
    for (stream, go) in WAYS {
        let dir = TempDir::new().unwrap();
        let config = ConnectionConfig::new(server.url()).unwrap();
        let manager = StreamManager::connect_with(config.response_timeout(DEADLINE)).unwrap();
        // The thread that stores types in the background looks at these streams first.
        for other in 0..OTHERS {
            simple(&manager, &format!("other-{stream}-{other}"));
        }
        go(&manager, stream, dir.path());
        manager.shutdown();
    }
    let place = |seen: &str, of: &[String]| {
        let all = of
            .iter()
            .enumerate()
            .filter(|(_, text)| text.contains(seen));
        all.map(|(place, _)| place).collect::<Vec<_>>()
    };
    for (stream, _) in WAYS {
        let mut requests = Vec::new();
        let value = pin(stream);
        wait_until(DEADLINE, format!("the message of {stream}"), || {
            requests = monitor.requests().into_iter().map(|r| r.text).collect();
            !place(&value, &requests).is_empty()
        });
        let written = place(&value, &requests)[0];
        let stored = place(&format!("{{{stream}}}:schema\""), &requests);
        assert!(!stored.is_empty(), "the type is not stored: {stream}");
        assert!(
            stored.iter().all(|stored| *stored < written),
            "{stream}: {stored:?} {written} {requests:#?}"
        );
    }
}

#[test]
fn type_that_may_not_be_stored_is_warned_of_and_its_messages_go() {
    let options = Server::options().user("bob on >secret ~* +@all -hset");
    let server = options.start().unwrap();
    let log = LogCapture::start();
    let url = server.url().replace("redis://", "redis://bob:secret@");
    let manager = StreamManager::connect(url).unwrap();
    add(&manager, "refused", Path::new(""));
    assert_eq!(server.command::<u64>(&["XLEN", "refused"]), 1);
    let told = log.containing("sensitive fields");
    assert!(
        told[0]
            .text
            .contains("could not be stored in `{refused}:schema`")
    );
    manager.shutdown();
    assert_eq!(log.containing("sensitive fields").len(), 1, "{told:?}");
}

#[test]
fn type_is_stored_after_an_outage_at_its_first_message() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = StreamConfig::new("away").send_timeout(Duration::from_millis(200));
    let producer = manager.create_simple_producer("p", config).unwrap();
    server.kill();
    let error = producer.typed().add(&payment("away")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    server.restart();
    wait_until(DEADLINE, "its type", || {
        server.command::<u64>(&["EXISTS", "{away}:schema"]) == 1
    });
}
