//! Faults of the network.

use std::time::Duration;

use fastrand::Rng;
use stream_tests::{Direction, Proxy, Server};

use super::Scene;
use super::redis::One;

/// Strikes at connections until it is enough.
pub(super) fn run(scene: &Scene, one: &One, mut rng: Rng) {
    while !scene.enough.comes_within(millis(&mut rng, 500, 4_000)) {
        let proxies: &[&Proxy] = match rng.u8(..4) {
            0 => &[&one.producers],
            1 => &[&one.workers, &one.producers],
            _ => &[&one.workers],
        };
        strike(scene, one, proxies, &mut rng);
    }
}

fn strike(scene: &Scene, one: &One, proxies: &[&Proxy], rng: &mut Rng) {
    let direction = if rng.bool() {
        Direction::Requests
    } else {
        Direction::Replies
    };
    let long = millis(rng, 500, 7_000);
    match rng.u8(..10) {
        0 => once(scene, proxies, "connections reset", Proxy::cut),
        1 => once(scene, proxies, "connections closed", Proxy::close),
        2 => once(scene, proxies, "connections half closed", |proxy| {
            proxy.half_close(direction);
        }),
        3 => {
            let bytes = rng.u64(..4_000);
            for_a_while(
                scene,
                proxies,
                long,
                "connection cut in a message",
                |proxy| {
                    proxy.cut_after(direction, bytes);
                },
            );
        }
        4 => for_a_while(scene, proxies, long, "connections held", |proxy| {
            proxy.hold(direction);
        }),
        5 => for_a_while(scene, proxies, long, "connections black-holed", |proxy| {
            proxy.black_hole();
        }),
        6 => for_a_while(
            scene,
            proxies,
            long,
            "connections half black-holed",
            |proxy| {
                proxy.swallow(direction);
            },
        ),
        7 => {
            let by = millis(rng, 20, 400);
            for_a_while(scene, proxies, long, "connections delayed", |proxy| {
                proxy.delay(direction, by);
            });
        }
        8 => for_a_while(scene, proxies, long / 2, "connections refused", |proxy| {
            proxy.refuse();
            proxy.cut();
        }),
        _ => kill_clients(scene, &one.server, rng),
    }
}

fn once(scene: &Scene, proxies: &[&Proxy], what: &'static str, strike: impl Fn(&Proxy)) {
    scene.journal.strike(what);
    for proxy in proxies {
        strike(proxy);
    }
}

fn for_a_while(
    scene: &Scene,
    proxies: &[&Proxy],
    time: Duration,
    what: &'static str,
    strike: impl Fn(&Proxy),
) {
    let _lasting = scene.journal.begin(what);
    for proxy in proxies {
        strike(proxy);
    }
    scene.enough.comes_within(time);
    for proxy in proxies {
        proxy.pass();
    }
}

/// `CLIENT KILL` of up to three connections of any client.
fn kill_clients(scene: &Scene, server: &Server, rng: &mut Rng) {
    // The server may be dead or frozen: then there is nobody to ask.
    let Ok(list) = server.try_command::<String>(&["CLIENT", "LIST"]) else {
        return;
    };
    let ids = list
        .lines()
        .filter_map(|line| line.strip_prefix("id=")?.split(' ').next());
    let mut ids: Vec<_> = ids.collect();
    rng.shuffle(&mut ids);
    for id in ids.into_iter().take(rng.usize(1..=3)) {
        let killed = server.try_command::<u64>(&["CLIENT", "KILL", "ID", id]);
        if killed.is_ok_and(|count| count > 0) {
            scene.journal.strike("client killed");
        }
    }
}

fn millis(rng: &mut Rng, least: u64, most: u64) -> Duration {
    Duration::from_millis(rng.u64(least..=most))
}
