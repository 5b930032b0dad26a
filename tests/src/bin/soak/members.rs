//! Faults of a master, its replicas and their sentinels.

use std::time::Duration;

use fastrand::Rng;
use stream_tests::{Direction, Proxy, Sentinels, Server};

use super::Scene;

/// Strikes at the members until it is enough, and leaves all of them well.
pub(super) fn run(scene: &Scene, sentinels: &Sentinels, mut rng: Rng) {
    while !scene.enough.comes_within(millis(&mut rng, 4_000, 15_000)) {
        match rng.u8(..12) {
            0..=2 => killed(scene, "master killed", sentinels.master(), &mut rng),
            3..=4 => frozen(scene, "master frozen", sentinels.master(), &mut rng),
            5 => {
                let _lasting = scene.journal.begin("failover asked for");
                sentinels.failover();
            }
            6 => {
                let _lasting = scene.journal.begin("master restarted");
                sentinels.master().restart();
            }
            7 => {
                let replica = rng.usize(..2);
                if let Some(replica) = sentinels.replicas().get(replica) {
                    killed(scene, "replica killed", replica, &mut rng);
                }
            }
            8 => {
                let all = sentinels.sentinels();
                if let Some(sentinel) = all.get(rng.usize(..all.len())) {
                    if rng.bool() {
                        killed(scene, "sentinel killed", sentinel, &mut rng);
                    } else {
                        frozen(scene, "sentinel frozen", sentinel, &mut rng);
                    }
                }
            }
            9 => {
                scene.journal.strike("scripts flushed");
                for server in sentinels.servers() {
                    let _ = server.try_command::<()>(&["SCRIPT", "FLUSH"]);
                }
            }
            _ => cut_off(scene, sentinels, &mut rng),
        }
    }
    let _lasting = scene.journal.begin("members come together");
    sentinels.wait_until_whole();
}

fn killed(scene: &Scene, what: &'static str, member: &Server, rng: &mut Rng) {
    let _lasting = scene.journal.begin(what);
    member.kill();
    scene.enough.comes_within(millis(rng, 0, 5_000));
    member.restart();
}

fn frozen(scene: &Scene, what: &'static str, member: &Server, rng: &mut Rng) {
    let _lasting = scene.journal.begin(what);
    member.freeze();
    scene.enough.comes_within(millis(rng, 200, 6_000));
    member.thaw();
}

/// Something is wrong with the way to the master, or with that to a replica or a
/// sentinel.
fn cut_off(scene: &Scene, sentinels: &Sentinels, rng: &mut Rng) {
    let members: Vec<_> = sentinels
        .servers()
        .iter()
        .chain(sentinels.sentinels())
        .collect();
    let member = match members.get(rng.usize(..2 * members.len())) {
        Some(member) => member,
        None => sentinels.master(),
    };
    let Some(proxy) = sentinels.proxy_of(member) else {
        return;
    };
    let (what, strike): (_, fn(&Proxy)) = match rng.u8(..4) {
        0 => ("member cut off", |proxy| {
            proxy.refuse();
            proxy.cut();
        }),
        1 => ("member black-holed", Proxy::black_hole),
        2 => ("member held", |proxy| proxy.hold(Direction::Replies)),
        _ => {
            scene.journal.strike("member's connections reset");
            return proxy.cut();
        }
    };
    let _lasting = scene.journal.begin(what);
    strike(proxy);
    scene.enough.comes_within(millis(rng, 500, 7_000));
    proxy.pass();
    // Swallowed bytes are missing in the middle of a request.
    proxy.cut();
}

fn millis(rng: &mut Rng, least: u64, most: u64) -> Duration {
    Duration::from_millis(rng.u64(least..=most))
}
