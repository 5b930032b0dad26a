//! Faults of the server.

use std::time::Duration;

use fastrand::Rng;

use super::Scene;

/// Strikes at the server until it is enough.
pub(super) fn run(scene: &Scene, mut rng: Rng) {
    while !scene.enough.comes_within(millis(&mut rng, 5_000, 20_000)) {
        if rng.bool() {
            let _lasting = scene.journal.begin("server killed");
            scene.server.kill();
            scene.enough.comes_within(millis(&mut rng, 0, 3_000));
            scene.server.restart();
        } else {
            let _lasting = scene.journal.begin("server frozen");
            scene.server.freeze();
            scene.enough.comes_within(millis(&mut rng, 500, 6_000));
            scene.server.thaw();
        }
    }
}

fn millis(rng: &mut Rng, least: u64, most: u64) -> Duration {
    Duration::from_millis(rng.u64(least..=most))
}
