//! The faults of the drills.

use std::thread;
use std::time::{Duration, Instant};

use stream_lib::{RawMessage, StreamConfig};
use stream_tests::{Server, poll, wait_until};

use super::bell::{Bell, let_work};
use super::servers::Servers;
use super::stage::Stage;
use crate::DEADLINE;

/// When it struck, and when the new master was known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) struck: Instant,
    pub(super) named: Instant,
}

/// Strikes, waits until the first sentinel names another master, and until all are
/// back at work.
fn switched(stage: &Stage, strike: impl FnOnce(&Server)) -> Times {
    let old = stage.sentinels().master();
    let watch = stage.sentinels().watch(old);
    let struck = Instant::now();
    strike(old);
    let named = watch.wait(DEADLINE);
    stage.wait_until_back(named);
    Times { struck, named }
}

/// `kill -9`; later it is there again, empty, and takes writes until the sentinels
/// notice.
pub(super) fn kill(stage: &Stage) -> Times {
    let old = stage.sentinels().master();
    let times = switched(stage, Server::kill);
    old.restart();
    let_work(Duration::from_secs(2));
    times
}

/// SIGSTOP past the timeout, then SIGCONT: the old master answers what lay in its
/// sockets, and takes writes until the sentinels notice.
pub(super) fn freeze(stage: &Stage) -> Times {
    let old = stage.sentinels().master();
    let times = switched(stage, Server::freeze);
    old.thaw();
    let_work(Duration::from_secs(2));
    times
}

/// As [`freeze`], until the old master follows, so that all replicas are there again.
pub(super) fn freeze_and_follow(stage: &Stage) -> Times {
    let old = stage.sentinels().master();
    let watch = stage.sentinels().watch(old);
    let struck = Instant::now();
    old.freeze();
    watch.wait(DEADLINE);
    let_work(Duration::from_secs(1));
    old.thaw();
    whole_again(stage, struck)
}

/// Killed, and there again at once: sentinels may not even notice.
pub(super) fn restart(stage: &Stage) -> Times {
    let old = stage.sentinels().master();
    let struck = Instant::now();
    old.restart();
    // No other one is named: this one is back.
    let named = Instant::now();
    stage.wait_until_back(named);
    Times { struck, named }
}

/// `SENTINEL FAILOVER`: the old master takes writes on, in silence.
pub(super) fn planned(stage: &Stage) -> Times {
    switched(stage, |_| stage.sentinels().failover())
}

/// The old master waits for the new one, and then takes no more writes.
pub(super) fn coordinated(stage: &Stage) -> Times {
    let old = stage.sentinels().master();
    let watch = stage.sentinels().watch(old);
    let mut struck = Instant::now();
    // Where the replica doesn't get in step in time, all stays as it was.
    let named = (0..5).find_map(|_| {
        struck = Instant::now();
        stage.sentinels().coordinated_failover();
        poll(Duration::from_secs(10), || watch.first())
    });
    let named = named.expect("five failovers came to nothing");
    stage.wait_until_back(named);
    Times { struck, named }
}

/// Only the sentinel that names the new master is left.
pub(super) fn lonely(stage: &Stage) -> Times {
    let sentinels = stage.sentinels();
    switched(stage, |old| {
        old.kill();
        let knows = |s: &&Server| {
            let named = sentinels.named_by(s);
            named.is_some_and(|named| named.port() != old.port())
        };
        let all = sentinels.sentinels();
        let knowing = poll(DEADLINE, || all.iter().find(knows)).unwrap();
        let others = all.iter().filter(|s| s.port() != knowing.port());
        others.for_each(Server::kill);
        // A program that starts now has two sentinels that are dead.
        connects_to_new(&stage.servers, old);
    })
}

/// A sentinel that was frozen over the failover answers with what it knows.
pub(super) fn stale(stage: &Stage) -> Times {
    let sentinels = stage.sentinels();
    let old = sentinels.master();
    let [stale, ..] = sentinels.sentinels() else {
        unreachable!("there are three")
    };
    stale.freeze();
    let times = switched(stage, Server::kill);
    old.restart();
    stale.thaw();
    connects_to_new(&stage.servers, old);
    let_work(Duration::from_secs(2));
    times
}

/// The master can't be reached by the others, but by us.
pub(super) fn minority(stage: &Stage) -> Times {
    let sentinels = stage.sentinels();
    let old = sentinels.master();
    let times = switched(stage, |old| {
        let proxy = sentinels.proxy_of(old).unwrap();
        proxy.refuse();
        proxy.cut();
    });
    let_work(Duration::from_millis(500));
    sentinels.proxy_of(old).unwrap().pass();
    let_work(Duration::from_secs(2));
    times
}

/// Nobody keeps a script for long.
pub(super) fn forgetful(stage: &Stage) -> Times {
    let over = Bell::default();
    thread::scope(|scope| {
        let flush = || {
            while !over.has_rung() {
                for server in stage.sentinels().servers() {
                    let _ = server.try_command::<()>(&["SCRIPT", "FLUSH"]);
                }
                let_work(Duration::from_millis(20));
            }
        };
        let thread = thread::Builder::new().name("flush".to_owned());
        let thread = thread.spawn_scoped(scope, flush).unwrap();
        let times = switched(stage, Server::kill);
        let_work(Duration::from_secs(1));
        over.ring();
        thread.join().unwrap();
        times
    })
}

/// A replica stands still, then the others die: it is promoted with what it had. With
/// less than all replicas, orders that were confirmed meanwhile are lost.
pub(super) fn half_replicated(stage: &Stage) -> Times {
    let sentinels = stage.sentinels();
    let replicas = sentinels.replicas();
    let [behind, other] = replicas.as_slice() else {
        unreachable!("there are two")
    };
    let old = sentinels.master();
    behind.freeze();
    let_work(Duration::from_secs(2));
    let watch = sentinels.watch(old);
    let struck = Instant::now();
    other.kill();
    old.kill();
    behind.thaw();
    watch.wait(DEADLINE);
    old.restart();
    other.restart();
    whole_again(stage, struck)
}

/// `SENTINEL FAILOVER`, until the old master follows. Until then, one replica goes on
/// confirming what the old master takes.
pub(super) fn planned_and_follow(stage: &Stage) -> Times {
    let struck = Instant::now();
    let old = stage.sentinels().master();
    let watch = stage.sentinels().watch(old);
    stage.sentinels().failover();
    watch.wait(DEADLINE);
    whole_again(stage, struck)
}

/// Before both replicas are there again, nothing can be confirmed.
fn whole_again(stage: &Stage, struck: Instant) -> Times {
    stage.sentinels().wait_until_whole();
    let named = Instant::now();
    stage.wait_until_back(named);
    Times { struck, named }
}

/// A program that starts now gets to the new master, and stays there.
fn connects_to_new(servers: &Servers, old: &Server) {
    let manager = servers.manager();
    let key = format!("probe-{}", old.port());
    let new = || servers.master_of(&key);
    assert_ne!(new().port(), old.port());
    let config = StreamConfig::new(&key);
    manager.create_simple_producer(&key, config).unwrap();
    let message = RawMessage::new().with("n", "1");
    manager.add_to(&key, &message).unwrap();
    wait_until(DEADLINE, "the new master to have it", || {
        new().command::<u64>(&["XLEN", &key]) == 1
    });
}
