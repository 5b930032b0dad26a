//! Faults of the nodes of a cluster.

use std::time::Duration;

use fastrand::Rng;
use stream_tests::{Cluster, Server};

use super::{STREAM, Scene};

/// Strikes at the nodes until it is enough, and leaves all of them well.
///
/// A node has one replica: before each fault all are together, since without it a
/// failover loses what was confirmed.
pub(super) fn run(scene: &Scene, cluster: &Cluster, mut rng: Rng) {
    let moves_at_once = cluster.can_migrate_atomically();
    while !scene.enough.comes_within(millis(&mut rng, 3_000, 12_000)) {
        come_together(scene, cluster);
        let master = cluster.node_of(STREAM);
        match rng.u8(..14) {
            0..=2 => killed(scene, "master killed", master, &mut rng),
            3..=4 => frozen(scene, "master frozen", master, &mut rng),
            5..=6 => {
                let _lasting = scene.journal.begin("failover asked for");
                cluster.failover(master);
            }
            7 => {
                let _lasting = scene.journal.begin("master restarted");
                master.restart();
            }
            8 => {
                if let Some(replica) = cluster.replica_of(master) {
                    killed(scene, "replica killed", replica, &mut rng);
                }
            }
            9 => {
                if let Some(other) = other_master(cluster, master, &mut rng) {
                    killed(scene, "another master killed", other, &mut rng);
                }
            }
            10 => {
                scene.journal.strike("scripts flushed");
                for server in cluster.servers() {
                    let _ = server.try_command::<()>(&["SCRIPT", "FLUSH"]);
                }
            }
            11 if moves_at_once => {
                if let Some(to) = other_master(cluster, master, &mut rng) {
                    let _lasting = scene.journal.begin("slot moved at once");
                    cluster.migrate_atomically(cluster.slot_of(STREAM), to);
                }
            }
            _ => {
                if let Some(to) = other_master(cluster, master, &mut rng) {
                    resharded(scene, cluster, to, &mut rng);
                }
            }
        }
    }
    come_together(scene, cluster);
}

fn come_together(scene: &Scene, cluster: &Cluster) {
    let _lasting = scene.journal.begin("nodes come together");
    cluster.wait_until_whole();
}

fn other_master<'a>(cluster: &'a Cluster, master: &Server, rng: &mut Rng) -> Option<&'a Server> {
    let mut others = cluster.masters();
    others.retain(|other| other.port() != master.port());
    others.get(rng.usize(..others.len().max(1))).copied()
}

fn killed(scene: &Scene, what: &'static str, node: &Server, rng: &mut Rng) {
    let _lasting = scene.journal.begin(what);
    node.kill();
    scene.enough.comes_within(millis(rng, 0, 5_000));
    node.restart();
}

fn frozen(scene: &Scene, what: &'static str, node: &Server, rng: &mut Rng) {
    let _lasting = scene.journal.begin(what);
    node.freeze();
    scene.enough.comes_within(millis(rng, 200, 6_000));
    node.thaw();
}

/// The slot of the stream is moved key by key, with pauses.
fn resharded(scene: &Scene, cluster: &Cluster, to: &Server, rng: &mut Rng) {
    let _lasting = scene.journal.begin("slot moved step by step");
    let moving = cluster.reshard(cluster.slot_of(STREAM), to);
    scene.enough.comes_within(millis(rng, 0, 500));
    let mut keys = moving.keys_left();
    rng.shuffle(&mut keys);
    keys.truncate(keys.len() / 2);
    let some: Vec<_> = keys.iter().map(String::as_str).collect();
    if !some.is_empty() {
        moving.move_keys(&some);
        scene.enough.comes_within(millis(rng, 0, 500));
    }
    moving.finish();
}

fn millis(rng: &mut Rng, least: u64, most: u64) -> Duration {
    Duration::from_millis(rng.u64(least..=most))
}
