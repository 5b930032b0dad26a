//! A stream made by hand, entry by entry.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::{Cmd, Connection, FromRedisValue, ToRedisArgs, cmd};
use stream_lib::EntryId;
use stream_tests::Server;

/// For commands that need no more than the stream.
pub(crate) const NO_ARGS: &[&str] = &[];

/// A stream on a server, and a connection to work on it.
pub(crate) struct Stream {
    pub(crate) name: String,
    connection: Connection,
}

impl Stream {
    pub(crate) fn new(server: &Server, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            connection: server.connect().unwrap(),
        }
    }

    /// Runs a command on the stream: its name comes first among the arguments.
    pub(crate) fn run<T: FromRedisValue>(&mut self, command: &str, args: impl ToRedisArgs) -> T {
        let mut words = command.split(' ');
        let mut query = cmd(words.next().unwrap());
        query.arg(words.collect::<Vec<_>>());
        query.arg(&self.name).arg(args);
        self.query(&query)
    }

    pub(crate) fn query<T: FromRedisValue>(&mut self, command: &Cmd) -> T {
        command.query(&mut self.connection).unwrap()
    }

    pub(crate) fn add(&mut self, id: EntryId) {
        self.run::<()>("XADD", &[id.to_string().as_str(), "order_id", "A-1"]);
    }

    /// Adds `count` entries with ids of the server.
    pub(crate) fn add_many(&mut self, count: usize) {
        let mut adds = redis::pipe();
        for number in 0..count {
            adds.cmd("XADD")
                .arg(&self.name)
                .arg("*")
                .arg("order_id")
                .arg(number)
                .ignore();
        }
        adds.exec(&mut self.connection).unwrap();
    }

    /// Makes a group at the beginning.
    pub(crate) fn group(&mut self, group: &str) {
        self.run::<()>("XGROUP CREATE", &[group, "0", "MKSTREAM"]);
    }

    /// Reads the next `count` entries for a group, and returns their ids.
    pub(crate) fn read(&mut self, group: &str, count: usize) -> Vec<String> {
        if count == 0 {
            return Vec::new();
        }
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(group).arg("someone");
        read.arg("COUNT").arg(count);
        read.arg("STREAMS").arg(&self.name).arg(">");
        let reply: redis::streams::StreamReadReply = self.query(&read);
        let entries = reply.keys.into_iter().flat_map(|key| key.ids);
        entries.map(|entry| entry.id).collect()
    }

    pub(crate) fn ack(&mut self, group: &str, ids: &[String]) {
        if !ids.is_empty() {
            self.run::<()>("XACK", (group, ids));
        }
    }

    /// Reads and acknowledges the next `count` entries.
    pub(crate) fn handle(&mut self, group: &str, count: usize) {
        let ids = self.read(group, count);
        self.ack(group, &ids);
    }

    pub(crate) fn len(&mut self) -> usize {
        self.run("XLEN", NO_ARGS)
    }

    pub(crate) fn ids(&mut self) -> Vec<EntryId> {
        let entries: redis::streams::StreamRangeReply = self.run("XRANGE", &["-", "+"]);
        let ids = entries.ids.iter();
        ids.map(|entry| entry.id.parse().unwrap()).collect()
    }

    /// What a group has read and not acknowledged.
    pub(crate) fn pending(&mut self, group: &str) -> BTreeSet<EntryId> {
        let pending: redis::streams::StreamPendingCountReply =
            self.run("XPENDING", (group, "-", "+", 1_000_000));
        let ids = pending.ids.iter();
        ids.map(|entry| entry.id.parse().unwrap()).collect()
    }

    /// A field of what processes tell each other about the stream.
    pub(crate) fn meta(&mut self, field: &str) -> Option<String> {
        let mut get = cmd("HGET");
        get.arg(format!("{{{}}}:meta", self.name)).arg(field);
        self.query(&get)
    }

    /// The server's clock, in ms.
    pub(crate) fn now(&mut self) -> u64 {
        let (seconds, micros): (u64, u64) = self.query(&cmd("TIME"));
        seconds * 1_000 + micros / 1_000
    }

    /// The first id of the time `age` ago.
    pub(crate) fn ago(&mut self, age: Duration) -> EntryId {
        let age = u64::try_from(age.as_millis()).unwrap();
        EntryId::new(self.now() - age, 0)
    }
}

/// Milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
