//! A type with sensitive fields is stored before its first message is written.

use std::fs;
use std::path::Path;
use std::time::Duration;

use stream_lib::{
    Added, BackupStreamConfig, ConnectionConfig, Cron, Crons, ErrorKind, Producer, RawMessage,
    RunState, StreamConfig, StreamManager, StreamMessage,
};
use stream_tests::{LogCapture, Server, wait_until};
use tempfile::TempDir;

use crate::monitor::Monitor;
use crate::support::{DEADLINE, HOUR, Seen, quick};

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

fn split_all(manager: &StreamManager, stream: &str, _: &Path) {
    let config = StreamConfig::new(stream).partitions(4);
    let producer = manager.create_simple_producer(stream, config).unwrap();
    for added in producer
        .typed()
        .add_all(&[payment(stream), payment(stream)])
    {
        added.unwrap();
    }
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

/// Declares a job, which a manager that connects lazily does in a moment.
fn declare(manager: &StreamManager, stream: &str) -> Crons {
    let (to, yearly) = (stream.to_owned(), Cron::parse("0 0 1 1 *").unwrap());
    let message = move || payment(&to);
    manager.cron_to(stream, "job", yearly, message).unwrap();
    let crons = manager.crons(stream).unwrap();
    wait_until(DEADLINE, "the job", || !crons.list().unwrap().is_empty());
    crons
}

fn run_now(manager: &StreamManager, stream: &str, _: &Path) {
    declare(manager, stream).run_now("job").unwrap();
}

fn asked_run(manager: &StreamManager, stream: &str, _: &Path) {
    let request = declare(manager, stream).ask_to_run("job", HOUR).unwrap();
    wait_until(DEADLINE, "its end", || {
        request.look().unwrap() == RunState::Ran
    });
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
    ("split-all", split_all),
    ("produce", produce),
    ("run-now", run_now),
    ("asked-run", asked_run),
];

fn connect(server: &Server) -> StreamManager {
    let config = ConnectionConfig::new(server.url()).unwrap();
    let manager = StreamManager::connect_with(config.response_timeout(DEADLINE)).unwrap();
    keep_busy(&manager);
    manager
}

fn connect_lazy(server: &Server) -> StreamManager {
    let config = ConnectionConfig::new(server.url()).unwrap();
    let manager = StreamManager::connect_lazy(config.response_timeout(DEADLINE)).unwrap();
    keep_busy(&manager);
    manager
}

/// The thread that stores types in the background looks at other streams first.
fn keep_busy(manager: &StreamManager) {
    for other in 0..OTHERS {
        simple(manager, &format!("other-{other}"));
    }
}

/// The places of a text in requests.
fn places(text: &str, requests: &[String]) -> Vec<usize> {
    let all = requests.iter().enumerate();
    let with = all.filter(|(_, request)| request.contains(text));
    with.map(|(place, _)| place).collect()
}

/// Waits for the payment of a stream, and finds that its type was stored before, but
/// after the last request with the text `since`.
#[track_caller]
fn assert_type_goes_first(monitor: &Monitor, stream: &str, since: Option<&str>) {
    let mut requests = Vec::new();
    let value = pin(stream);
    wait_until(DEADLINE, format!("the message of {stream}"), || {
        requests = monitor.requests().into_iter().map(|r| r.text).collect();
        !places(&value, &requests).is_empty()
    });
    let written = places(&value, &requests)[0];
    let stored = places(&format!("{{{stream}}}:schema\""), &requests);
    let since = since.map_or(0, |text| places(text, &requests).pop().unwrap());
    assert!(
        stored.iter().any(|at| (since..written).contains(at)),
        "{stream}: {since} {stored:?} {written} {requests:#?}"
    );
}

#[test]
fn no_message_goes_before_its_type() {
    for connect in [connect, connect_lazy] {
        let server = Server::start().unwrap();
        let monitor = Monitor::start(&server);
        for (stream, go) in WAYS {
            let dir = TempDir::new().unwrap();
            let manager = connect(&server);
            go(&manager, stream, dir.path());
            manager.shutdown();
        }
        for (stream, _) in WAYS {
            assert_type_goes_first(&monitor, stream, None);
        }
    }
}

/// A server that takes nothing for a while.
struct Memory<'s>(&'s Server);

impl Memory<'_> {
    fn fill(&self) {
        self.0
            .command::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        self.0.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    }

    fn free(&self) {
        self.0.command::<String>(&["PING", FREE]);
        self.0.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    }
}

/// The text of a request just before it takes all again.
const FREE: &str = "memory is freed";

/// A way of a message to a stream of this name, whose type can't be stored at first.
type LateWay = fn(&StreamManager, &str, &Path, &Memory<'_>);

#[track_caller]
fn wait_until_spool_is_empty(manager: &StreamManager, producer: &str) {
    wait_until(DEADLINE, "the spool to be empty", || {
        let stats = manager.spool_stats(producer).unwrap();
        stats.is_some_and(|spool| spool.messages == 0)
    });
}

fn late_add(manager: &StreamManager, stream: &str, _: &Path, memory: &Memory<'_>) {
    memory.fill();
    let producer = simple(manager, stream);
    let error = producer.add(&payment(stream)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    memory.free();
    producer.add(&payment(stream)).unwrap();
}

fn late_add_all(manager: &StreamManager, stream: &str, _: &Path, memory: &Memory<'_>) {
    memory.fill();
    let producer = simple(manager, stream);
    let messages = [payment(stream), payment(stream)];
    for added in producer.add_all(&messages) {
        assert_eq!(added.unwrap_err().kind(), ErrorKind::Refused);
    }
    memory.free();
    for added in producer.add_all(&messages) {
        added.unwrap();
    }
}

fn late_send(manager: &StreamManager, stream: &str, _: &Path, memory: &Memory<'_>) {
    memory.fill();
    let producer = simple(manager, stream);
    let refused = producer.send(&payment(stream)).unwrap().wait().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
    memory.free();
    producer.send(&payment(stream)).unwrap().wait().unwrap();
}

fn late_schedule(manager: &StreamManager, stream: &str, _: &Path, memory: &Memory<'_>) {
    memory.fill();
    let producer = simple(manager, stream);
    let schedule = || producer.with(&payment(stream)).after(HOUR).add();
    assert_eq!(schedule().unwrap_err().kind(), ErrorKind::Refused);
    memory.free();
    schedule().unwrap();
}

fn late_spool(manager: &StreamManager, stream: &str, dir: &Path, memory: &Memory<'_>) {
    let config = BackupStreamConfig::new(stream).spool_dir(dir);
    spool_and_free(manager, config, stream, memory);
}

fn late_split(manager: &StreamManager, stream: &str, dir: &Path, memory: &Memory<'_>) {
    let config = BackupStreamConfig::new(stream).partitions(4).spool_dir(dir);
    spool_and_free(manager, config, stream, memory);
}

fn spool_and_free(
    manager: &StreamManager,
    config: BackupStreamConfig,
    stream: &str,
    memory: &Memory<'_>,
) {
    let producer = manager.create_backup_producer(stream, config).unwrap();
    memory.fill();
    let added = producer.typed().add(&payment(stream)).unwrap();
    assert!(matches!(added, Added::Spooled), "{added:?}");
    memory.free();
    wait_until_spool_is_empty(manager, stream);
}

fn late_split_all(manager: &StreamManager, stream: &str, _: &Path, memory: &Memory<'_>) {
    let config = StreamConfig::new(stream).partitions(4);
    let producer = manager.create_simple_producer(stream, config).unwrap();
    let raw = producer.clone().typed::<RawMessage>();
    raw.add(&RawMessage::new().with("n", "1")).unwrap();
    memory.fill();
    let producer = producer.typed();
    for added in producer.add_all(&[payment(stream), payment(stream)]) {
        assert_eq!(added.unwrap_err().kind(), ErrorKind::Refused);
    }
    memory.free();
    for added in producer.add_all(&[payment(stream), payment(stream)]) {
        added.unwrap();
    }
}

fn late_produce(manager: &StreamManager, stream: &str, _: &Path, memory: &Memory<'_>) {
    let (from, to) = (format!("{stream}-from"), stream.to_owned());
    let raw = manager.create_simple_producer(&from, StreamConfig::new(&from));
    let raw = raw.unwrap().typed();
    raw.add(&RawMessage::new().with("n", "1")).unwrap();
    memory.fill();
    let produced = Seen::default();
    let noted = produced.clone();
    let consumer = manager
        .consume_fn::<RawMessage>(&from, quick(&from), move |message| {
            message.produce_to(&to, &payment(&to))?;
            noted.push(());
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "it to produce", || produced.count() == 1);
    memory.free();
    wait_until(DEADLINE, "it to be handled", || {
        consumer.stats().completed == 1
    });
    assert_eq!(produced.count(), 1, "its handler need not run again");
}

#[test]
fn no_message_goes_before_a_type_that_could_not_be_stored_at_first() {
    let ways: [(&str, LateWay); 8] = [
        ("late-add", late_add),
        ("late-add-all", late_add_all),
        ("late-send", late_send),
        ("late-schedule", late_schedule),
        ("late-spool", late_spool),
        ("late-split", late_split),
        ("late-split-all", late_split_all),
        ("late-produce", late_produce),
    ];
    let server = Server::start().unwrap();
    let monitor = Monitor::start(&server);
    for (stream, go) in ways {
        let dir = TempDir::new().unwrap();
        let manager = connect(&server);
        go(&manager, stream, dir.path(), &Memory(&server));
        let schema = format!("{{{stream}}}:schema");
        assert_eq!(server.command::<u64>(&["EXISTS", &schema]), 1, "{stream}");
        manager.shutdown();
        assert_type_goes_first(&monitor, stream, Some(FREE));
    }
}

#[test]
fn type_is_stored_again_with_the_first_output_after_its_stream_was_deleted() {
    let server = Server::start().unwrap();
    let manager = connect(&server);
    let consumer = manager
        .consume_fn::<RawMessage>("c", quick("from"), |message| {
            Ok(message.produce_to("to", &payment("to"))?)
        })
        .unwrap();
    let producer = simple(&manager, "from");
    for round in 1..=2 {
        producer.add(&payment("from")).unwrap();
        wait_until(DEADLINE, "it to be handled", || {
            consumer.stats().completed == round
        });
        assert_eq!(server.command::<u64>(&["EXISTS", "{to}:schema"]), 1);
        assert!(manager.delete_stream("to").unwrap());
        assert_eq!(server.command::<u64>(&["EXISTS", "{to}:schema"]), 0);
    }
}

#[test]
fn new_type_needs_no_connection_that_messages_before_it_hold() {
    let server = Server::start().unwrap();
    for partitions in [None, Some(4)] {
        let config = ConnectionConfig::new(server.url()).unwrap();
        let manager = StreamManager::connect_with(config.pool_size(1)).unwrap();
        let name = format!("with {partitions:?}");
        let mut config = StreamConfig::new(&name).batch_size(1);
        if let Some(partitions) = partitions {
            config = config.partitions(partitions);
        }
        let producer = manager.create_simple_producer(&name, config).unwrap();
        let all: Vec<_> = (0..4)
            .map(|n| RawMessage::new().with("n", n.to_string()))
            .collect();
        let messages = all.iter().enumerate().map(|(n, message)| {
            if n == 2 {
                // Those before are on their way.
                producer.clone().typed::<Payment>();
            }
            message
        });
        for added in producer.clone().typed::<RawMessage>().add_all(messages) {
            added.unwrap();
        }
        manager.shutdown();
    }
}

#[test]
fn spool_of_an_earlier_life_has_the_types_of_its_messages() {
    for partitions in [None, Some(4)] {
        let server = Server::start().unwrap();
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("spool.types");
        let create = |manager: &StreamManager| {
            let config = BackupStreamConfig::new("left").spool_dir(dir.path());
            let mut config = config.spool_grace(Duration::ZERO);
            if let Some(partitions) = partitions {
                config = config.partitions(partitions);
            }
            manager.create_backup_producer("left", config).unwrap()
        };
        server.kill();
        let config = ConnectionConfig::new(server.url()).unwrap();
        let manager = StreamManager::connect_lazy(config).unwrap();
        let producer = create(&manager);
        if partitions.is_some() {
            // The payment comes behind others.
            let raw = producer.clone().typed::<RawMessage>();
            let added = raw.add(&RawMessage::new().with("n", "1")).unwrap();
            assert!(matches!(added, Added::Spooled), "{added:?}");
        }
        let added = producer.typed().add(&payment("left")).unwrap();
        assert!(matches!(added, Added::Spooled), "{added:?}");
        manager.shutdown();
        let kept = fs::read_to_string(&file).unwrap();
        assert!(
            kept.contains("pin") && !kept.contains(&pin("left")),
            "{kept}"
        );

        server.restart();
        let monitor = Monitor::start(&server);
        let manager = connect(&server);
        // This life never says what type it has.
        create(&manager);
        wait_until_spool_is_empty(&manager, "left");
        manager.shutdown();
        assert_type_goes_first(&monitor, "left", None);

        let manager = connect(&server);
        create(&manager);
        assert!(!file.exists(), "nothing is left that has the type");
        manager.shutdown();
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
