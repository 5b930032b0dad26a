//! Failures of nodes, and their failovers.

use std::sync::Arc;
use std::time::Instant;

use stream_lib::{ErrorKind, StreamManager};
use stream_tests::{Cluster, Fsync, Server, wait_until};

use super::support::{Work, config, connect, other_than};
use crate::DEADLINE;

/// One program on each of two masters; the first node is the one that fails.
struct Two<'c> {
    manager: Arc<StreamManager>,
    failing: &'c Server,
    slot: u16,
    there: Work,
    elsewhere: Work,
}

impl<'c> Two<'c> {
    #[track_caller]
    fn begin(cluster: &'c Cluster, manager: StreamManager) -> Self {
        let manager = Arc::new(manager);
        let failing = cluster.node_of("orders");
        let other = cluster.name_on(other_than(cluster, failing), "parcels");
        Self {
            there: Work::begin(&manager, "orders", |consumer| consumer),
            elsewhere: Work::begin(&manager, &other, |consumer| consumer),
            slot: cluster.slot_of("orders"),
            manager,
            failing,
        }
    }

    /// Waits until work goes on after `named`, and says when it did.
    #[track_caller]
    fn goes_on(&self, named: Instant) {
        self.there.wait_for_more(named);
        let after = |at: Option<Instant>| at.map(|at| at - named);
        let (added, handled) = (
            after(self.there.first_added(named)),
            after(self.there.first_handled(named)),
        );
        eprintln!("added after {added:?}, handled after {handled:?}");
    }

    #[track_caller]
    fn end(self) -> Vec<stream_lib::Error> {
        let elsewhere = self.elsewhere.end();
        assert!(elsewhere.is_empty(), "{elsewhere:?}");
        let failed = self.there.end();
        self.manager.shutdown();
        failed.into_iter().map(|(_, error)| error).collect()
    }
}

#[test]
fn a_killed_master_is_followed_and_others_are_undisturbed() {
    let cluster = Cluster::start().unwrap();
    let moves = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let noted = Arc::clone(&moves);
    let config = config(&cluster).on_failover(move |event| {
        let mut moves = noted.lock();
        moves.push((event.from.to_owned(), event.to.to_owned()));
    });
    let two = Two::begin(&cluster, StreamManager::connect_with(config).unwrap());
    let old = two.failing;
    let watch = cluster.watch(two.slot, old);
    // What isn't replicated yet may be lost.
    old.command::<u64>(&["WAIT", "1", "1000"]);
    old.kill();
    two.elsewhere.wait_for_more(Instant::now());
    let named = watch.wait(DEADLINE);
    let new = cluster.wait_for_switch(two.slot, old);
    two.goes_on(named);
    let failed = two.end();
    // Of one add the outcome may be unknown: it was under way.
    assert!(failed.len() <= 1, "{failed:?}");
    let unknown = |e: &stream_lib::Error| e.kind() == ErrorKind::OutcomeUnknown;
    assert!(failed.iter().all(unknown), "{failed:?}");
    let expected = [old, new].map(|server| server.address().to_string());
    let [from, to] = expected;
    assert_eq!(*moves.lock(), [(from, to)]);
}

#[test]
fn a_planned_failover_fails_no_add() {
    let cluster = Cluster::start().unwrap();
    let two = Two::begin(&cluster, connect(&cluster));
    // There and back.
    for _ in 0..2 {
        let old = cluster.node_of("orders");
        let watch = cluster.watch(two.slot, old);
        cluster.failover(old);
        two.goes_on(watch.wait(DEADLINE));
        cluster.wait_until_whole();
    }
    let failed = two.end();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn a_frozen_master_is_left() {
    let cluster = Cluster::start().unwrap();
    let two = Two::begin(&cluster, connect(&cluster));
    let old = two.failing;
    let watch = cluster.watch(two.slot, old);
    old.command::<u64>(&["WAIT", "1", "1000"]);
    old.freeze();
    let named = watch.wait(DEADLINE);
    two.goes_on(named);
    old.thaw();
    cluster.wait_until_whole();
    two.there.wait_for_more(Instant::now());
    let failed = two.end();
    assert!(failed.len() <= 2, "{failed:?}");
}

#[test]
fn a_master_that_comes_back_at_once_is_used_again() {
    let cluster = Cluster::options()
        .servers(|server| server.appendonly(Fsync::Always))
        .start()
        .unwrap();
    let two = Two::begin(&cluster, connect(&cluster));
    two.failing.restart();
    two.goes_on(Instant::now());
    let failed = two.end();
    assert!(failed.len() <= 1, "{failed:?}");
    wait_until(DEADLINE, "nothing to be pending", || {
        super::support::pending(&cluster, "orders") == 0
    });
}
