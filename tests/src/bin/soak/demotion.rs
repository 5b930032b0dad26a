//! A replica is promoted, and the server is demoted while its connections stay; then both
//! go back.
//!
//! `FAILOVER` hands over without losing a write: the old master accepts none while the
//! new one catches up. Only this program knows of the other server, so nothing is written
//! there, and the way back loses nothing either.

use std::time::{Duration, Instant};

use stream_tests::{Server, poll};

use super::redis::One;
use super::{Outcome, Scene};

/// How long a step may take on a busy machine.
const STEP: Duration = Duration::from_secs(10);
/// How long all of the way back may take.
const WAY_BACK: Duration = Duration::from_mins(1);

/// Demotes the server for a time.
pub(super) fn run(scene: &Scene, one: &One, time: Duration) -> Outcome<()> {
    let (server, standby) = (&one.server, &one.standby);
    follow(standby, server)?;
    // While the network strikes, this may not come about.
    if poll(STEP, || is_in_step(standby)).is_some() {
        let _lasting = scene.journal.begin("server demoted");
        hand_over(server, standby)?;
        if poll(STEP, || has_role(server, "slave")).is_some() {
            scene.enough.comes_within(time);
        }
        come_back(server, standby)?;
    }
    standby.try_command::<()>(&["REPLICAOF", "NO", "ONE"])?;
    Ok(())
}

fn come_back(server: &Server, standby: &Server) -> Outcome<()> {
    let end = Instant::now() + WAY_BACK;
    // It may have been on the way still.
    let _ = server.try_command::<()>(&["FAILOVER", "ABORT"]);
    while has_role(server, "master").is_none() {
        if Instant::now() > end {
            return Err(format!("the server stays demoted: {:?}", replication(server)).into());
        }
        if poll(STEP / 10, || is_in_step(server)).is_some() {
            hand_over(standby, server)?;
        }
        poll(STEP / 10, || has_role(server, "master"));
    }
    // Until it is rewritten, the file lacks the data that came over the network.
    let written = poll(WAY_BACK, || {
        let facts: String = server.try_command(&["INFO", "persistence"]).ok()?;
        let is_written = ["aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0"]
            .iter()
            .all(|fact| facts.contains(fact));
        is_written.then_some(())
    });
    written.ok_or_else(|| "the server doesn't write its file".into())
}

fn follow(one: &Server, other: &Server) -> Outcome<()> {
    let port = other.port().to_string();
    one.try_command::<()>(&["REPLICAOF", "127.0.0.1", &port])?;
    Ok(())
}

/// If the other one doesn't catch up in time, nothing changes.
fn hand_over(from: &Server, to: &Server) -> Outcome<()> {
    let port = to.port().to_string();
    let words = ["FAILOVER", "TO", "127.0.0.1", &port, "TIMEOUT", "2000"];
    match from.try_command::<()>(&words) {
        // The replica was lost a moment ago, or another one is under way.
        Err(e) if e.code() == Some("ERR") => Ok(()),
        answer => Ok(answer?),
    }
}

fn replication(server: &Server) -> Option<String> {
    server.try_command(&["INFO", "replication"]).ok()
}

fn has_role(server: &Server, role: &str) -> Option<()> {
    let facts = replication(server)?;
    facts.contains(&format!("role:{role}\r\n")).then_some(())
}

fn is_in_step(replica: &Server) -> Option<()> {
    let facts = replication(replica)?;
    facts.contains("master_link_status:up").then_some(())
}
