//! A program behind sentinels, and the time of its failover.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use stream_lib::{ConnectionConfig, ConsumerConfig, RawMessage, StreamConfig, StreamManager};
use stream_tests::{Sentinels, poll, wait_until};

use crate::DEADLINE;

/// Two addresses: of the master before, and of the new one.
pub(super) type Moves = Arc<Mutex<Vec<(String, String)>>>;

/// Connects, and notes each failover.
#[track_caller]
pub(super) fn connect(config: ConnectionConfig) -> (StreamManager, Moves) {
    let moves = Moves::default();
    let noted = Arc::clone(&moves);
    let config = config.on_failover(move |event| {
        let mut moves = noted.lock();
        moves.push((event.from.to_owned(), event.to.to_owned()));
    });
    (StreamManager::connect_with(config).unwrap(), moves)
}

/// Adds orders and handles them, one after the other, all the while.
pub(super) struct Work {
    shared: Arc<Shared>,
    adding: thread::JoinHandle<()>,
    manager: Arc<StreamManager>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    added: Mutex<Vec<Instant>>,
    handled: Mutex<Vec<Instant>>,
    failed: Mutex<Vec<stream_lib::Error>>,
}

impl Work {
    pub(super) fn begin(manager: StreamManager) -> Self {
        let shared = Arc::new(Shared::default());
        manager
            .create_simple_producer("orders", StreamConfig::new("orders").send_timeout(DEADLINE))
            .unwrap();
        let seen = Arc::clone(&shared);
        manager
            .consume_fn::<RawMessage>(
                "orders_consumer",
                ConsumerConfig::new("orders"),
                move |_| {
                    seen.handled.lock().push(Instant::now());
                    Ok(())
                },
            )
            .unwrap();
        let manager = Arc::new(manager);
        let adding = {
            let (shared, manager) = (Arc::clone(&shared), Arc::clone(&manager));
            let thread = thread::Builder::new().name("adding".to_owned());
            thread.spawn(move || shared.add(&manager)).unwrap()
        };
        let work = Self {
            shared,
            adding,
            manager,
        };
        work.wait_for_more(Instant::now());
        work
    }

    /// Waits until orders are added and handled after `from`.
    #[track_caller]
    pub(super) fn wait_for_more(&self, from: Instant) {
        let after = |times: &Mutex<Vec<Instant>>| first_after(&times.lock(), from).is_some();
        wait_until(DEADLINE, "orders to be added", || after(&self.shared.added));
        wait_until(DEADLINE, "orders to be handled", || {
            after(&self.shared.handled)
        });
    }

    /// How long after `from` the first order was added, and the first one handled
    /// that was so by the master of then.
    pub(super) fn delays(&self, from: Instant) -> (Duration, Duration) {
        let after = |times: &Mutex<Vec<Instant>>| {
            let at = first_after(&times.lock(), from);
            at.map_or(Duration::MAX, |at| at - from)
        };
        (after(&self.shared.added), after(&self.shared.handled))
    }

    /// Ends it; the errors of adds.
    pub(super) fn end(self) -> Vec<stream_lib::Error> {
        self.shared.over.store(true, Ordering::SeqCst);
        self.adding.join().unwrap();
        self.manager.shutdown();
        std::mem::take(&mut self.shared.failed.lock())
    }
}

impl Shared {
    fn add(&self, manager: &StreamManager) {
        let mut number = 0_u64;
        while !self.over.load(Ordering::SeqCst) {
            number += 1;
            let order = RawMessage::new().with("n", number.to_string());
            match manager.add_to("orders", &order) {
                Ok(_) => self.added.lock().push(Instant::now()),
                Err(e) => self.failed.lock().push(e),
            }
        }
    }
}

fn first_after(times: &[Instant], from: Instant) -> Option<Instant> {
    let place = times.partition_point(|at| *at <= from);
    times.get(place).copied()
}

/// There is one event for each failover that the sentinels made: nobody went back to
/// a master of before, whatever some sentinel said.
#[track_caller]
pub(super) fn follows_no_more_than_happened(sentinels: &Sentinels, moves: &Moves) {
    let moves = moves.lock().clone();
    // A sentinel names the new master before it writes so into its log.
    let seen = poll(DEADLINE, || {
        (moves.len() <= sentinels.failovers()).then_some(())
    });
    let failovers = sentinels.failovers();
    assert!(
        seen.is_some(),
        "{failovers} failovers, followed by {moves:?}"
    );
}

/// The configuration for these sentinels.
#[track_caller]
pub(super) fn config(sentinels: &Sentinels) -> ConnectionConfig {
    ConnectionConfig::new(sentinels.url()).unwrap()
}

/// Has a planned failover made, and returns when the first sentinel named the new
/// master. One that the sentinels give up, on a busy machine, is asked for again.
#[track_caller]
pub(super) fn fail_over(sentinels: &Sentinels) -> Instant {
    let watch = sentinels.watch(sentinels.master());
    for _ in 0..3 {
        sentinels.failover();
        if let Some(named) = poll(DEADLINE, || watch.first()) {
            return named;
        }
    }
    watch.wait(DEADLINE)
}
