//! Faults of the server.

use std::time::Duration;

use fastrand::Rng;

use super::redis::One;
use super::{Outcome, Scene, demotion};

/// Strikes at the server until it is enough.
pub(super) fn run(scene: &Scene, one: &One, mut rng: Rng) -> Outcome<()> {
    while !scene.enough.comes_within(millis(&mut rng, 5_000, 20_000)) {
        match rng.u8(..10) {
            0..=2 => {
                let _lasting = scene.journal.begin("server killed");
                one.server.kill();
                scene.enough.comes_within(millis(&mut rng, 0, 3_000));
                one.server.restart();
            }
            3..=4 => {
                let _lasting = scene.journal.begin("server frozen");
                one.server.freeze();
                scene.enough.comes_within(millis(&mut rng, 500, 6_000));
                one.server.thaw();
            }
            5..=6 => configured(
                scene,
                "server out of memory",
                "maxmemory",
                ["1", "0"],
                millis(&mut rng, 500, 8_000),
            )?,
            7 => {
                let limit = format!("normal {} 0 0", rng.u32(16_384..131_072));
                configured(
                    scene,
                    "server limits its output",
                    "client-output-buffer-limit",
                    [&limit, "normal 0 0 0"],
                    millis(&mut rng, 500, 8_000),
                )?;
            }
            8 => demotion::run(scene, one, millis(&mut rng, 200, 4_000))?,
            _ => {
                if let Some(clock) = &one.clock {
                    scene.journal.strike("server's clock set");
                    clock.set(millis(&mut rng, 0, 2 * 3_600_000))?;
                }
            }
        }
    }
    Ok(())
}

/// Sets a value, and sets it back after a time.
fn configured(
    scene: &Scene,
    what: &'static str,
    name: &str,
    [fault, normal]: [&str; 2],
    time: Duration,
) -> Outcome<()> {
    let _lasting = scene.journal.begin(what);
    let server = scene.redis.master();
    let set = |value| server.try_command::<()>(&["CONFIG", "SET", name, value]);
    set(fault)?;
    scene.enough.comes_within(time);
    set(normal)?;
    Ok(())
}

fn millis(rng: &mut Rng, least: u64, most: u64) -> Duration {
    Duration::from_millis(rng.u64(least..=most))
}
