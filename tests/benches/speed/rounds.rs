//! The probes, and the rounds in which they take turns.

use std::collections::BTreeMap;
use std::env;
use std::time::Instant;

use crate::rig::{Plan, Rig};
use crate::{Readings, Result, baseline, counting, instructions, load, ours};

/// One measurement.
#[derive(Debug)]
struct Probe {
    name: &'static str,
    measure: fn(&Rig) -> Result<Readings>,
}

const fn probe(name: &'static str, measure: fn(&Rig) -> Result<Readings>) -> Probe {
    Probe { name, measure }
}

/// Probes of every round; compared ones are neighbours.
const EVERY_ROUND: &[Probe] = &[
    probe(
        "redis_benchmark_xreadgroup",
        baseline::redis_benchmark::xreadgroup,
    ),
    probe("consume_orders", ours::consume::orders),
    probe("cluster_consume", ours::cluster::consume),
    probe("partitioned_consume", ours::partitioned::consume),
    probe("backlog", ours::backlog::measure),
    probe("minimal_consume", baseline::minimal::measure),
    probe("bare_consume", baseline::bare::consume),
    probe("consume_payload", ours::consume::payloads),
    probe("sea_streamer_consume", baseline::peer::consume),
    probe(
        "sea_streamer_consume_100",
        baseline::peer::consume_in_hundreds,
    ),
    probe("redis_benchmark_xadd", baseline::redis_benchmark::xadd),
    probe("add_all", ours::add::add_all),
    probe("cluster_add_all", ours::cluster::add_all),
    probe("partitioned_add_all", ours::partitioned::add_all),
    probe("send", ours::send::orders),
    probe("routed_batch", ours::routed::in_batches),
    probe("sea_streamer_send", baseline::peer::send),
    probe("send_payload", ours::send::payloads),
    probe("bare_add_1_thread", baseline::bare::add),
    probe("add_1_thread", ours::add::from_one_thread),
    probe("scheduled", ours::scheduled::measure),
    probe("original_routed", baseline::original::measure),
    probe("routed_1_thread", ours::routed::from_one_thread),
    probe("pool_add_64_threads", baseline::pool::measure),
    probe("add_64_threads", ours::add::from_64_threads),
    probe("routed_64_threads", ours::routed::from_64_threads),
    probe("two_steps", baseline::two_steps::measure),
    probe("emit", ours::emit::measure),
    probe("end_to_end", ours::end_to_end::measure),
    probe("bare_latency", baseline::latency::measure),
    probe("latency", ours::latency::measure),
    probe("idle_scheduled", ours::scheduled::idle),
];

/// Probes that are run once, since they don't depend on the machine's load.
const ONCE: &[Probe] = &[
    probe("rss", ours::backlog::memory),
    probe("instructions", instructions::measure),
    probe("metrics", counting::measure),
];

/// All readings of one round.
pub(crate) type Round = BTreeMap<&'static str, f64>;

/// The results of a run.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) rounds: Vec<Round>,
    /// The errors of probes without a reading.
    pub(crate) failures: BTreeMap<&'static str, String>,
    pub(crate) plan: Plan,
    pub(crate) server: String,
}

pub(crate) fn run() -> Result<Found> {
    let plan = Plan::from_env()?;
    let only = env::var("ONLY").unwrap_or_default();
    eprintln!("filling the streams …");
    let rig = Rig::start(plan)?;
    let mut found = Found {
        rounds: vec![Round::new(); plan.rounds.max(1)],
        failures: BTreeMap::new(),
        plan,
        server: server_version(&rig)?,
    };
    for (number, round) in found.rounds.iter_mut().enumerate() {
        round.extend(load::of_others());
        let once = if number == 0 { ONCE } else { &[] };
        for probe in EVERY_ROUND.iter().chain(once) {
            if only.split(',').any(|word| probe.name.contains(word)) {
                take(probe, &rig, number, round, &mut found.failures);
            }
        }
    }
    Ok(found)
}

fn take(
    probe: &Probe,
    rig: &Rig,
    number: usize,
    round: &mut Round,
    failures: &mut BTreeMap<&'static str, String>,
) {
    let started = Instant::now();
    match (probe.measure)(rig) {
        Ok(readings) => {
            let text: Vec<_> = readings
                .iter()
                .map(|(name, value)| format!("{name} {value:.3}"))
                .collect();
            eprintln!(
                "round {} {:5.1} s  {}",
                number + 1,
                started.elapsed().as_secs_f64(),
                text.join(", ")
            );
            round.extend(readings);
        }
        Err(e) => {
            eprintln!("round {}         {}: {e}", number + 1, probe.name);
            failures.insert(probe.name, e.to_string());
        }
    }
}

fn server_version(rig: &Rig) -> Result<String> {
    let about: String = rig.server().try_command(&["INFO", "server"])?;
    let value = |key: &str| {
        about
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
    };
    Ok(match (value("valkey_version"), value("redis_version")) {
        (Some(version), _) => format!("Valkey {version}"),
        (None, version) => format!("Redis {}", version.unwrap_or("of an unknown version")),
    })
}
