//! Programs on a cluster, and checks of their results.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use stream_lib::{
    ConnectionConfig, ConsumerConfig, Error, Producer, RawMessage, RetryPolicy, StreamConfig,
    StreamManager,
};
use stream_tests::{Cluster, Server, wait_until};

use crate::DEADLINE;

/// The configuration for this cluster.
#[track_caller]
pub(super) fn config(cluster: &Cluster) -> ConnectionConfig {
    ConnectionConfig::new(cluster.url()).unwrap()
}

#[track_caller]
pub(super) fn connect(cluster: &Cluster) -> StreamManager {
    StreamManager::connect_with(config(cluster)).unwrap()
}

pub(super) fn message(number: usize) -> RawMessage {
    RawMessage::new().with("n", number.to_string())
}

/// The number of a message of [`message`]'s.
pub(super) fn number_of(message: &RawMessage) -> usize {
    message.get_str("n").unwrap().parse().unwrap()
}

/// A consumer that is quick in everything a test waits for.
pub(super) fn quick(stream: &str) -> ConsumerConfig {
    ConsumerConfig::new(stream)
        .workers(2)
        .grace(Duration::from_secs(10))
        .retry(RetryPolicy::exponential(Duration::from_millis(20)))
}

/// A master that isn't this one.
pub(super) fn other_than<'c>(cluster: &'c Cluster, node: &Server) -> &'c Server {
    let mut masters = cluster.masters().into_iter();
    masters.find(|m| m.port() != node.port()).unwrap()
}

/// How many entries of `<stream>_group` are pending.
pub(super) fn pending(cluster: &Cluster, stream: &str) -> usize {
    let node = cluster.node_of(stream);
    let group = format!("{stream}_group");
    let command = ["XPENDING", stream, &group, "-", "+", "100000"];
    node.command::<Vec<redis::Value>>(&command).len()
}

/// Adds messages to a stream one after the other, and handles them, all the while.
pub(super) struct Work {
    shared: Arc<Shared>,
    adding: thread::JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    /// The numbers that were confirmed, and when.
    added: Mutex<Vec<(usize, Instant)>>,
    /// By number, how often each was handled; and when the last ones were.
    handled: Mutex<BTreeMap<usize, usize>>,
    handled_at: Mutex<Vec<Instant>>,
    /// In the order in which they were handled first.
    order: Mutex<Vec<usize>>,
    failed: Mutex<Vec<(usize, Error)>>,
}

impl Work {
    /// With a consumer of its own, and a producer that is made as the caller says.
    #[track_caller]
    pub(super) fn begin(
        manager: &Arc<StreamManager>,
        stream: &str,
        change: impl FnOnce(ConsumerConfig) -> ConsumerConfig,
    ) -> Self {
        let config = StreamConfig::new(stream);
        manager.create_simple_producer(stream, config).unwrap();
        let producer: Producer<RawMessage> = manager.producer(stream).unwrap();
        Self::of(manager, stream, change, move |number| {
            producer.add(&message(number)).map(drop)
        })
    }

    /// As [`begin`](Self::begin), where messages are added so.
    #[track_caller]
    pub(super) fn of(
        manager: &Arc<StreamManager>,
        stream: &str,
        change: impl FnOnce(ConsumerConfig) -> ConsumerConfig,
        add: impl Fn(usize) -> stream_lib::Result<()> + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let consumer = format!("{stream}_consumer");
        manager
            .consume_fn::<RawMessage>(&consumer, change(quick(stream)), move |delivery| {
                seen.handle(number_of(delivery));
                Ok(())
            })
            .unwrap();
        let adds = Arc::clone(&shared);
        let adding = thread::Builder::new().name("test-adding".to_owned());
        let adding = adding.spawn(move || adds.add(add)).unwrap();
        let work = Self { shared, adding };
        work.wait_for_more(Instant::now());
        work
    }

    /// Waits until messages are added and handled after `from`.
    #[track_caller]
    pub(super) fn wait_for_more(&self, from: Instant) {
        wait_until(DEADLINE, "messages to be added", || {
            self.first_added(from).is_some()
        });
        wait_until(DEADLINE, "messages to be handled", || {
            self.first_handled(from).is_some()
        });
    }

    /// When the first message was added after `from`.
    pub(super) fn first_added(&self, from: Instant) -> Option<Instant> {
        let added = self.shared.added.lock();
        let place = added.partition_point(|(_, at)| *at <= from);
        added.get(place).map(|(_, at)| *at)
    }

    /// When the first message was handled after `from`.
    pub(super) fn first_handled(&self, from: Instant) -> Option<Instant> {
        let handled = self.shared.handled_at.lock();
        let place = handled.partition_point(|at| *at <= from);
        handled.get(place).copied()
    }

    /// Ends the adding, and waits until all that was confirmed was handled. The errors
    /// of adds.
    #[track_caller]
    pub(super) fn end(self) -> Vec<(usize, Error)> {
        self.stop().failed
    }

    /// As [`end`](Self::end), with everything that was seen.
    #[track_caller]
    pub(super) fn stop(self) -> Ledger {
        self.shared.over.store(true, Ordering::SeqCst);
        self.adding.join().unwrap();
        let shared = &self.shared;
        let missing = || {
            let (added, handled) = (shared.added.lock(), shared.handled.lock());
            let missing = added.iter().filter(|(n, _)| !handled.contains_key(n));
            missing.map(|(n, _)| *n).collect::<Vec<_>>()
        };
        let whole = stream_tests::poll(DEADLINE, || missing().is_empty().then_some(()));
        assert!(whole.is_some(), "never handled: {:?}", missing());
        Ledger {
            failed: std::mem::take(&mut shared.failed.lock()),
            order: std::mem::take(&mut shared.order.lock()),
        }
    }
}

/// What has become of the messages.
pub(super) struct Ledger {
    pub(super) failed: Vec<(usize, Error)>,
    /// In the order in which they were handled first.
    pub(super) order: Vec<usize>,
}

impl Shared {
    fn add(&self, add: impl Fn(usize) -> stream_lib::Result<()>) {
        for number in 1.. {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            match add(number) {
                Ok(()) => self.added.lock().push((number, Instant::now())),
                Err(e) => self.failed.lock().push((number, e)),
            }
        }
    }

    fn handle(&self, number: usize) {
        let mut handled = self.handled.lock();
        let count = handled.entry(number).or_default();
        *count += 1;
        if *count == 1 {
            self.order.lock().push(number);
        }
        drop(handled);
        self.handled_at.lock().push(Instant::now());
    }
}
