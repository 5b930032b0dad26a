//! sea-streamer-redis, in a program of its own: `tests/peer`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::message::Payload;
use crate::rig::{PAYLOADS, Rig};
use crate::{Readings, Result};

/// Load-balanced mode with its defaults.
pub(crate) fn consume(rig: &Rig) -> Result<Readings> {
    consume_by(rig, 0, "sea_streamer_consume_per_s")
}

/// The same with batches of 100, which nobody gets without asking.
pub(crate) fn consume_in_hundreds(rig: &Rig) -> Result<Readings> {
    consume_by(rig, 100, "sea_streamer_consume_100_per_s")
}

fn consume_by(rig: &Rig, batch: usize, reading: &'static str) -> Result<Readings> {
    let group = rig.group(PAYLOADS)?;
    let count = rig.plan.slow;
    let seconds = run(&[
        "consume",
        &url(rig),
        PAYLOADS,
        &group.name,
        &count.to_string(),
        &batch.to_string(),
    ])?;
    Ok(vec![(reading, count as f64 / seconds)])
}

/// Payloads with receipts, all waited for.
pub(crate) fn send(rig: &Rig) -> Result<Readings> {
    let stream = rig.stream();
    let count = rig.plan.slow * 3;
    let seconds = run(&[
        "send",
        &url(rig),
        &stream.name,
        &count.to_string(),
        &Payload::new().msg.len().to_string(),
    ])?;
    stream.must_have(count)?;
    Ok(vec![("sea_streamer_send_per_s", count as f64 / seconds)])
}

/// Without a database, which it doesn't know.
fn url(rig: &Rig) -> String {
    format!("redis://{}", rig.server().address())
}

fn run(words: &[&str]) -> Result<f64> {
    let program = program();
    let output = Command::new(&program).args(words).output().map_err(|e| {
        format!(
            "the peer is not built, or can't be started: {}: {e}",
            program.display()
        )
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| {
        let error = String::from_utf8_lossy(&output.stderr);
        format!("the peer has failed: {error}").into()
    })
}

/// The path to which `make bench` builds it.
fn program() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.with_file_name("target/peer/release/stream-peer")
}
