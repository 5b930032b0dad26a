//! Adds that wait for replicas, some of which are frozen, gone, or back.

mod adding;
mod consuming;
mod failing_over;
mod refusing;
mod repeating;
mod sharing;
mod spooling;

use std::time::Duration;

use stream_lib::{Added, Error, ErrorKind, NotReplicated, RawMessage, StreamConfig, StreamManager};
use stream_tests::{Server, wait_until};

use crate::support::{DEADLINE, ask};

/// Long enough for replicas that are there, on a busy machine.
const PATIENT: Duration = Duration::from_secs(20);
/// Short, since the replica is frozen.
const SHORT: Duration = Duration::from_millis(100);

/// A master and its replicas.
struct Fleet {
    master: Server,
    replicas: Vec<Server>,
}

impl Fleet {
    fn of(replicas: usize) -> Self {
        let master = server();
        let replicas = (0..replicas).map(|_| replica_of(&master)).collect();
        let fleet = Self { master, replicas };
        fleet.wait_until_linked();
        fleet
    }

    fn connect(&self) -> StreamManager {
        StreamManager::connect(self.master.url()).unwrap()
    }

    /// Waits until all replicas follow; then commands count from zero. Redis calls
    /// them online before.
    fn wait_until_linked(&self) {
        let wanted = self.replicas.len();
        let mut connection = self.master.connect().unwrap();
        wait_until(DEADLINE, "the replicas", || {
            let mut pipe = redis::pipe();
            pipe.cmd("SET").arg("linked").arg(1).ignore();
            pipe.cmd("WAIT").arg(wanted).arg(100);
            pipe.query(&mut connection) == Ok((wanted,))
        });
        ask::<()>(&self.master, "CONFIG RESETSTAT");
    }

    fn freeze(&self) {
        self.replicas.iter().for_each(Server::freeze);
    }

    fn thaw(&self) {
        self.replicas.iter().for_each(Server::thaw);
    }

    fn length(&self, stream: &str) -> u64 {
        ask(&self.master, &format!("XLEN {stream}"))
    }

    /// The ids of a stream, in order.
    fn ids(&self, stream: &str) -> Vec<String> {
        let entries: redis::streams::StreamRangeReply =
            ask(&self.master, &format!("XRANGE {stream} - +"));
        entries.ids.into_iter().map(|entry| entry.id).collect()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.thaw();
    }
}

fn server() -> Server {
    let options = Server::options().config("repl-diskless-sync-delay", "0");
    options.start().unwrap()
}

fn replica_of(master: &Server) -> Server {
    let replica = server();
    ask::<()>(&replica, &format!("REPLICAOF 127.0.0.1 {}", master.port()));
    replica
}

/// Asks for so many replicas.
fn wanting(stream: &str, replicas: u32, timeout: Duration) -> StreamConfig {
    StreamConfig::new(stream)
        .send_timeout(2 * PATIENT)
        .replicas(replicas, timeout)
}

fn message(n: usize) -> RawMessage {
    RawMessage::new().with("n", n.to_string())
}

/// The facts in the error of a message that is not on enough replicas.
#[track_caller]
fn lack(result: stream_lib::Result<Added>) -> NotReplicated {
    let error: Error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReplicated, "{error}");
    assert!(!error.is_retryable());
    let lack = *NotReplicated::of(&error).unwrap();
    let id = lack.added.id().unwrap().to_string();
    assert!(error.to_string().contains(&id), "{error}");
    lack
}

#[track_caller]
fn assert_main(result: stream_lib::Result<Added>) {
    let added = result.unwrap();
    assert!(matches!(added, Added::Main(_)), "{added:?}");
}
