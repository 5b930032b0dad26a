//! Shared parts of the tests: a message, a shop with a server of its own, and handlers
//! that record deliveries.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use redis::FromRedisValue;
use stream_lib::{
    ConsumerConfig, Delivery, HandlerResult, RetryPolicy, StreamManager, StreamMessage,
};
use stream_tests::{Server, wait_until};

/// More than anything here needs, also on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);

#[derive(StreamMessage, Debug, Clone, PartialEq)]
#[stream(name = "orders")]
#[expect(clippy::struct_field_names, reason = "it is called so in the stream")]
pub(crate) struct Order {
    pub(crate) order_id: String,
    pub(crate) amount: f64,
    pub(crate) note: Option<String>,
}

pub(crate) fn order(id: impl Into<String>) -> Order {
    Order {
        order_id: id.into(),
        amount: 9.5,
        note: None,
    }
}

/// Names and values, in order.
pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A manager and its server. The manager goes first.
pub(crate) struct Shop {
    pub(crate) manager: StreamManager,
    pub(crate) server: Server,
}

impl Shop {
    #[track_caller]
    pub(crate) fn open() -> Self {
        Self::with(Server::start().unwrap())
    }

    #[track_caller]
    pub(crate) fn with(server: Server) -> Self {
        let manager = StreamManager::connect(server.url()).unwrap();
        Self { manager, server }
    }

    /// Runs a command and reads the answer.
    #[track_caller]
    pub(crate) fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        ask(&self.server, command)
    }

    /// Adds orders `0 … count-1` to a stream, as another program would.
    #[track_caller]
    pub(crate) fn add_by_hand(&self, stream: &str, count: usize) {
        let mut connection = self.server.connect().unwrap();
        let mut pipe = redis::pipe();
        pipe.atomic();
        for number in 0..count {
            pipe.cmd("XADD").arg(stream).arg("*");
            pipe.arg("order_id").arg(number).arg("amount").arg("9.5");
        }
        let _: Vec<String> = pipe.query(&mut connection).unwrap();
    }

    /// The pending entries of `<stream>_group`.
    #[track_caller]
    pub(crate) fn pending(&self, stream: &str) -> Vec<Pending> {
        pending(&self.server, stream)
    }

    /// The names of the consumers of `<stream>_group`, without those of the
    /// library itself.
    #[track_caller]
    pub(crate) fn consumers(&self, stream: &str) -> Vec<String> {
        let consumers: Vec<Vec<redis::Value>> =
            self.ask(&format!("XINFO CONSUMERS {stream} {stream}_group"));
        let names = consumers
            .iter()
            .map(|fields| redis::from_redis_value_ref::<String>(&fields[1]).unwrap());
        names.filter(|name| !name.starts_with('~')).collect()
    }

    /// Waits until nothing is pending in `<stream>_group`.
    #[track_caller]
    pub(crate) fn wait_until_settled(&self, stream: &str) {
        wait_until(DEADLINE, format!("{stream} to be settled"), || {
            self.pending(stream).is_empty()
        });
    }

    /// The dead letters of a stream, fields in order.
    #[track_caller]
    pub(crate) fn dead(&self, stream: &str) -> Vec<(String, Pairs)> {
        self.ask(&format!("XRANGE {{{stream}}}:dead - +"))
    }
}

/// One pending entry, as `XPENDING` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) id: String,
    pub(crate) consumer: String,
    pub(crate) deliveries: u64,
}

#[track_caller]
pub(crate) fn ask<T: FromRedisValue>(server: &Server, command: &str) -> T {
    let words: Vec<_> = command.split_whitespace().collect();
    server.command(&words)
}

/// Waits until the type of the stream's messages is stored. Another thread does it, by a
/// connection of the same pool, soon after the first message.
#[track_caller]
pub(crate) fn wait_for_type(server: &Server, stream: &str) {
    let key = format!("{{{stream}}}:schema");
    wait_until(DEADLINE, format!("the type of {stream}"), || {
        server.command::<u64>(&["EXISTS", &key]) == 1
    });
}

/// The numbers that the first fields of a stream's entries hold, in its order.
#[track_caller]
pub(crate) fn numbers(server: &Server, stream: &str) -> Vec<usize> {
    let entries: Vec<(String, Vec<(String, String)>)> =
        ask(server, &format!("XRANGE {stream} - +"));
    let number = |fields: &[(String, String)]| fields[0].1.parse().unwrap();
    entries.iter().map(|(_, fields)| number(fields)).collect()
}

#[track_caller]
pub(crate) fn pending(server: &Server, stream: &str) -> Vec<Pending> {
    let command = format!("XPENDING {stream} {stream}_group - + 100000");
    let rows: Vec<(String, String, u64, u64)> = ask(server, &command);
    rows.into_iter()
        .map(|(id, consumer, _, deliveries)| Pending {
            id,
            consumer,
            deliveries,
        })
        .collect()
}

/// Reads new entries as a consumer that does nothing more with them.
#[track_caller]
pub(crate) fn read_and_die(server: &Server, consumer: &str, count: usize) {
    let read = format!("XREADGROUP GROUP orders_group {consumer} COUNT {count} STREAMS orders >");
    ask::<redis::Value>(server, &read);
}

/// A consumer that is quick in everything a test waits for.
pub(crate) fn quick(stream: &str) -> ConsumerConfig {
    ConsumerConfig::new(stream)
        .workers(2)
        .grace(Duration::from_secs(10))
        .retry(RetryPolicy::exponential(Duration::from_millis(20)))
}

/// What handlers saw, in order.
#[derive(Debug)]
pub(crate) struct Seen<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Seen<T> {
    pub(crate) fn push(&self, thing: T) {
        self.0.lock().push(thing);
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.0.lock().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().len()
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) {
        let seen = || self.count();
        wait_until(DEADLINE, format!("{count} seen, {} now", seen()), || {
            seen() >= count
        });
    }
}

impl<T> Clone for Seen<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// A handler that notes each order's id and attempt.
pub(crate) fn noting(
    seen: &Seen<(String, u32)>,
) -> impl Fn(&Delivery<Order>) -> HandlerResult + Send + Sync + use<> {
    let seen = seen.clone();
    move |order| {
        seen.push((order.order_id.clone(), order.attempt()));
        Ok(())
    }
}

/// Keeps handlers waiting until it is opened, or dropped: a test that fails
/// must not wait for them.
#[derive(Debug, Default)]
pub(crate) struct Gate(Arc<Doorway>);

/// A handler's side of a [`Gate`].
#[derive(Debug, Default)]
pub(crate) struct Doorway {
    open: Mutex<bool>,
    change: Condvar,
}

impl Gate {
    pub(crate) fn doorway(&self) -> Arc<Doorway> {
        Arc::clone(&self.0)
    }

    pub(crate) fn open(&self) {
        *self.0.open.lock() = true;
        self.0.change.notify_all();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

impl Doorway {
    pub(crate) fn pass(&self) {
        let mut open = self.open.lock();
        while !*open {
            self.change.wait(&mut open);
        }
    }
}

/// The names of this process's threads that start with `prefix`, as the system
/// shows them: cut to 15 bytes.
pub(crate) fn threads(prefix: &str) -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .map(|name| name.trim_end().to_owned())
        .filter(|name| name.starts_with(prefix))
        .collect()
}

/// Waits until no thread's name starts with `prefix`.
#[track_caller]
pub(crate) fn wait_until_threads_ended(prefix: &str) {
    wait_until(
        DEADLINE,
        format!("the threads `{prefix}…` to end"),
        || threads(prefix).is_empty(),
    );
}
