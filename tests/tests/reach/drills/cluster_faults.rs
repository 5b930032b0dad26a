//! Faults of a cluster in the drills: they strike the master that all streams are on.

use std::time::{Duration, Instant};

use stream_tests::{Server, wait_until};

use super::bell::let_work;
use super::faults::Times;
use super::servers::Servers;
use super::stage::Stage;
use crate::DEADLINE;

/// Strikes, waits until the first node's map shows another master, and until all are
/// back at work.
fn switched(stage: &Stage, strike: impl FnOnce(&Server)) -> Times {
    let cluster = stage.cluster();
    let slot = cluster.slot_of(stage.any_stream());
    let old = cluster.node_of(stage.any_stream());
    let watch = cluster.watch(slot, old);
    let struck = Instant::now();
    strike(old);
    let named = watch.wait(DEADLINE);
    stage.wait_until_back(named);
    Times { struck, named }
}

/// `kill -9`; later it is there again, and follows.
pub(super) fn kill(stage: &Stage) -> Times {
    let old = stage.cluster().node_of(stage.any_stream());
    let times = switched(stage, Server::kill);
    old.restart();
    let_work(Duration::from_secs(2));
    times
}

/// SIGSTOP past the timeout, then SIGCONT: the old master answers what lay in its
/// sockets before it follows.
pub(super) fn freeze(stage: &Stage) -> Times {
    let old = stage.cluster().node_of(stage.any_stream());
    let times = switched(stage, Server::freeze);
    old.thaw();
    let_work(Duration::from_secs(2));
    times
}

/// As [`freeze`], until the old master follows, so that the replica is there again.
pub(super) fn freeze_and_follow(stage: &Stage) -> Times {
    let cluster = stage.cluster();
    let slot = cluster.slot_of(stage.any_stream());
    let old = cluster.node_of(stage.any_stream());
    let watch = cluster.watch(slot, old);
    let struck = Instant::now();
    old.freeze();
    watch.wait(DEADLINE);
    let_work(Duration::from_secs(1));
    old.thaw();
    cluster.wait_until_whole();
    let named = Instant::now();
    stage.wait_until_back(named);
    Times { struck, named }
}

/// Killed, and there again at once, with its data or without.
pub(super) fn restart(stage: &Stage) -> Times {
    let old = stage.cluster().node_of(stage.any_stream());
    let struck = Instant::now();
    old.restart();
    // It takes its slots again only after a while.
    let takes = || {
        old.try_command::<u64>(&["XLEN", stage.any_stream()])
            .is_ok()
    };
    wait_until(DEADLINE, "the node to serve its slots", takes);
    let named = Instant::now();
    stage.wait_until_back(named);
    Times { struck, named }
}

/// `CLUSTER FAILOVER`.
pub(super) fn planned(stage: &Stage) -> Times {
    switched(stage, |old| {
        stage.cluster().failover(old);
    })
}

/// The slot is moved key by key, readers blocked on it.
pub(super) fn reshard(stage: &Stage) -> Times {
    let cluster = stage.cluster();
    let slot = cluster.slot_of(stage.any_stream());
    let to = another_master(stage);
    let struck = Instant::now();
    let resharding = cluster.reshard(slot, to);
    let_work(Duration::from_millis(200));
    let keys = resharding.keys_left();
    let half: Vec<_> = keys
        .iter()
        .take(keys.len() / 2)
        .map(String::as_str)
        .collect();
    resharding.move_keys(&half);
    let_work(Duration::from_millis(200));
    resharding.move_rest();
    resharding.finish();
    let named = Instant::now();
    stage.wait_until_back(named);
    Times { struck, named }
}

/// The slot is moved at once (Valkey 9).
pub(super) fn migrate_atomically(stage: &Stage) -> Times {
    let cluster = stage.cluster();
    let slot = cluster.slot_of(stage.any_stream());
    let to = another_master(stage);
    switched(stage, |_| {
        assert!(cluster.migrate_atomically(slot, to), "it was refused");
    })
}

pub(super) fn can_migrate_atomically(servers: &Servers) -> bool {
    matches!(servers, Servers::Cluster(cluster) if cluster.can_migrate_atomically())
}

fn another_master(stage: &Stage) -> &Server {
    let cluster = stage.cluster();
    let from = cluster.node_of(stage.any_stream());
    let masters = cluster.masters();
    let other = masters.into_iter().find(|s| s.port() != from.port());
    other.expect("a cluster has several masters")
}
