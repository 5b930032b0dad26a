//! Backup producers: the route of messages, the drain, and idempotency.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::type_complexity,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod consumers;
mod drain;
mod earlier_marks;
mod headers;
mod large_entries;
mod model;
mod narrow_gate;
mod once;
mod order;
mod route;
mod scenario;
mod spool;
mod spool_marks;
mod spool_refused;

use std::time::Duration;

use redis::Value;
use redis::streams::StreamRangeReply;
use stream_lib::{
    Added, BackupStreamConfig, ConnectionConfig, Producer, RawMessage, StreamManager,
};
use stream_tests::{Server, wait_until};

/// How long anything may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

const STREAM: &str = "orders";
const BACKUP: &str = "{orders}:backup";
const LOCK: &str = "{orders}:lock:drain";
const GROUP: &str = "orders_group";

/// A server, and a manager with a backup producer called `p`.
struct Rig {
    // Dropped first: it still talks to the server.
    manager: StreamManager,
    server: Server,
}

impl Rig {
    fn new(config: BackupStreamConfig) -> Self {
        Self::on(Server::start().unwrap(), config)
    }

    fn on(server: Server, config: BackupStreamConfig) -> Self {
        let manager = connect(&server);
        manager.create_backup_producer("p", config).unwrap();
        Self { manager, server }
    }

    /// With a drain that stands by: somebody else's lock, for long.
    fn still(config: BackupStreamConfig) -> Self {
        let server = Server::start().unwrap();
        hold_drain(&server);
        Self::on(server, config)
    }

    fn producer(&self) -> Producer<RawMessage> {
        self.manager.producer("p").unwrap()
    }

    /// Adds messages with these numbers, in one batch as far as it goes.
    fn add(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<stream_lib::Result<Added>> {
        let messages: Vec<_> = numbers.into_iter().map(message).collect();
        self.producer().add_all(&messages)
    }

    /// Adds, and says how many went to the stream and to its backup.
    fn placed(&self, numbers: impl IntoIterator<Item = usize>) -> (usize, usize) {
        let mut placed = (0, 0);
        for added in self.add(numbers) {
            match added.unwrap() {
                Added::Main(_) => placed.0 += 1,
                Added::Backup(_) => placed.1 += 1,
                other => panic!("{other:?}"),
            }
        }
        placed
    }

    fn make_group(&self) {
        make_group(&self.server);
    }

    /// Reads up to `count` entries with the group, and acknowledges them.
    fn consume(&self, count: usize) -> usize {
        let ids = self.read(count);
        self.ack(&ids);
        ids.len()
    }

    fn read(&self, count: usize) -> Vec<String> {
        let count = count.to_string();
        let read: Option<Vec<(String, Vec<(String, Value)>)>> = self.server.command(&[
            "XREADGROUP",
            "GROUP",
            GROUP,
            "c",
            "COUNT",
            &count,
            "STREAMS",
            STREAM,
            ">",
        ]);
        let entries = read.into_iter().flatten().flat_map(|(_, entries)| entries);
        entries.map(|(id, _)| id).collect()
    }

    fn ack(&self, ids: &[String]) {
        let mut words = vec!["XACK", STREAM, GROUP];
        words.extend(ids.iter().map(String::as_str));
        if !ids.is_empty() {
            self.server.command::<()>(&words);
        }
    }
}

fn connect(server: &Server) -> StreamManager {
    connect_to(&server.url())
}

fn connect_to(url: &str) -> StreamManager {
    let config = ConnectionConfig::new(url).unwrap();
    StreamManager::connect_with(config).unwrap()
}

fn make_group(server: &Server) {
    server.command::<()>(&["XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
}

/// Keeps every drain from moving anything.
fn hold_drain(server: &Server) {
    server.command::<()>(&["SET", LOCK, "a test", "PX", "1000000"]);
}

fn release_drain(server: &Server) {
    server.command::<()>(&["DEL", LOCK]);
}

/// A configuration whose drain looks often.
fn quick(max_length: u64) -> BackupStreamConfig {
    BackupStreamConfig::new(STREAM)
        .max_length(max_length)
        .fast_timeout(Duration::from_millis(5))
        .slow_timeout(Duration::from_millis(5))
}

fn message(number: usize) -> RawMessage {
    RawMessage::new().with("n", number.to_string())
}

fn length(server: &Server, key: &str) -> usize {
    server.command(&["XLEN", key])
}

/// The numbers of the entries of a stream, in its order.
fn numbers(server: &Server, key: &str) -> Vec<usize> {
    let entries: StreamRangeReply = server.command(&["XRANGE", key, "-", "+"]);
    let numbers = entries.ids.iter().map(|entry| entry.get("n").unwrap());
    numbers.collect()
}

#[track_caller]
fn wait_for_length(server: &Server, key: &str, expected: usize) {
    wait_until(
        DEADLINE,
        format_args!("{expected} entries in {key}"),
        || length(server, key) == expected,
    );
}
