//! The tool of the server: `redis-benchmark`, for the same commands and entries.

use std::process::Command;

use crate::message::Order;
use crate::rig::{ORDERS, Rig};
use crate::{Readings, Result};

const NAMES: [&str; 2] = ["redis-benchmark", "valkey-benchmark"];

/// Entries that one read asks for.
const COUNT: usize = 100;

pub(crate) fn xadd(rig: &Rig) -> Result<Readings> {
    let stream = rig.stream();
    let count = rig.plan.bulk;
    let words = Order::number(1).words();
    let mut command = vec!["XADD", &stream.name, "*"];
    command.extend(words.iter().map(String::as_str));
    let watch = rig.watch()?;
    let rate = run(rig, ["-P", "64", "-c", "8"], count, &command)?;
    let server = watch.stop()?.server_cpu;
    Ok(vec![
        ("redis_benchmark_xadd_per_s", rate),
        (
            "redis_benchmark_xadd_server_us",
            server * 1e6 / count as f64,
        ),
    ])
}

pub(crate) fn xreadgroup(rig: &Rig) -> Result<Readings> {
    let group = rig.group(ORDERS)?;
    let command = [
        "XREADGROUP",
        "GROUP",
        &group.name,
        "benchmark",
        "COUNT",
        "100",
        "STREAMS",
        ORDERS,
        ">",
    ];
    let reads = rig.plan.bulk / COUNT;
    let watch = rig.watch()?;
    let rate = run(rig, ["-P", "4", "-c", "1"], reads, &command)?;
    let server = watch.stop()?.server_cpu;
    let entries = (reads * COUNT) as f64;
    Ok(vec![
        ("redis_benchmark_xreadgroup_per_s", rate * COUNT as f64),
        (
            "redis_benchmark_xreadgroup_server_us",
            server * 1e6 / entries,
        ),
    ])
}

/// Runs a command so many times, and returns how many times a second.
fn run(rig: &Rig, load: [&str; 4], count: usize, command: &[&str]) -> Result<f64> {
    for name in NAMES {
        let output = Command::new(name)
            .args(["-p", &rig.server().port().to_string()])
            .args(load)
            .args(["-n", &count.to_string(), "--csv"])
            .args(command)
            .output();
        let Ok(output) = output else {
            continue;
        };
        let text = String::from_utf8_lossy(&output.stdout);
        // "name","requests a second","latencies" …
        let rate = text
            .lines()
            .last()
            .and_then(|line| line.rsplit("\",\"").nth(6)?.parse().ok());
        return rate.ok_or_else(|| format!("{name} has said: {text}").into());
    }
    Err("there is no redis-benchmark on this machine".into())
}
