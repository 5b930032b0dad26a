//! The figures, and the readings that each is computed from.

use super::median;
use crate::rounds::{Found, Round};

/// A computed figure.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) key: &'static str,
    pub(super) goal: Goal,
    /// The lowest, the median and the highest of the rounds, or the reason why there is
    /// none.
    pub(super) value: Result<[f64; 3], String>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    pub(super) fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(goal) => value >= goal,
            Self::AtMost(goal) => value <= goal,
        }
    }
}

/// The formula of a figure.
#[derive(Debug, Clone, Copy)]
enum Made {
    Of(&'static str),
    Ratio(&'static str, &'static str),
    /// The rate of two loads at once, against their rate one after the other.
    EndToEnd,
}

use Goal::{AtLeast, AtMost};
use Made::{EndToEnd, Of, Ratio};

const FIGURES: &[(&str, Goal, Made)] = &[
    (
        "consume_vs_redis_benchmark",
        AtLeast(1.15),
        Ratio("consume_per_s", "redis_benchmark_xreadgroup_per_s"),
    ),
    (
        "consume_server_cpu",
        AtLeast(0.95),
        Of("consume_server_cpu"),
    ),
    (
        "consume_server_us_vs_minimal",
        AtMost(1.05),
        Ratio("consume_server_us", "minimal_consume_server_us"),
    ),
    (
        "consume_vs_sea_streamer",
        AtLeast(11.0),
        Ratio("consume_payload_per_s", "sea_streamer_consume_per_s"),
    ),
    (
        "add_all_vs_redis_benchmark",
        AtLeast(0.95),
        Ratio("add_all_per_s", "redis_benchmark_xadd_per_s"),
    ),
    (
        "send_vs_redis_benchmark",
        AtLeast(0.95),
        Ratio("send_per_s", "redis_benchmark_xadd_per_s"),
    ),
    (
        "send_vs_sea_streamer",
        AtLeast(1.5),
        Ratio("send_payload_per_s", "sea_streamer_send_per_s"),
    ),
    (
        "add_1_thread_vs_bare",
        AtLeast(1.1),
        Ratio("add_1_thread_per_s", "bare_add_1_thread_per_s"),
    ),
    (
        "add_64_threads_vs_pool",
        AtLeast(2.5),
        Ratio("add_64_threads_per_s", "pool_add_64_threads_per_s"),
    ),
    (
        "routed_batch_vs_redis_benchmark",
        AtLeast(0.45),
        Ratio("routed_batch_per_s", "redis_benchmark_xadd_per_s"),
    ),
    (
        "routed_64_threads_vs_pool",
        AtLeast(1.5),
        Ratio("routed_64_threads_per_s", "pool_add_64_threads_per_s"),
    ),
    (
        "routed_1_thread_vs_original",
        AtLeast(4.0),
        Ratio("routed_1_thread_per_s", "original_routed_1_thread_per_s"),
    ),
    (
        "emit_vs_two_steps",
        AtLeast(0.35),
        Ratio("emit_per_s", "two_steps_per_s"),
    ),
    ("emit_server_us", AtMost(12.0), Of("emit_server_us")),
    (
        "scheduled_add_vs_add",
        AtLeast(0.3),
        Ratio("scheduled_add_per_s", "add_1_thread_per_s"),
    ),
    // In hundreds, if many are due.
    ("promote_us", AtMost(12.0), Of("promote_us")),
    (
        "idle_scheduled_requests_per_s",
        AtMost(9.0),
        Of("idle_scheduled_requests_per_s"),
    ),
    (
        "idle_scheduled_server_us_per_s",
        AtMost(200.0),
        Of("idle_scheduled_server_us_per_s"),
    ),
    ("end_to_end_vs_limit", AtLeast(0.90), EndToEnd),
    (
        "latency_p50_vs_bare",
        AtMost(1.4),
        Ratio("latency_p50_us", "bare_latency_p50_us"),
    ),
    (
        "latency_p99_vs_bare",
        AtMost(1.3),
        Ratio("latency_p99_us", "bare_latency_p99_us"),
    ),
    (
        "backlog_10m_vs_1m",
        AtLeast(0.90),
        Ratio("backlog_consume_per_s", "consume_per_s"),
    ),
    (
        "cluster_add_overhead",
        AtLeast(0.9),
        Ratio("cluster_add_all_per_s", "add_all_per_s"),
    ),
    (
        "cluster_consume_overhead",
        AtLeast(0.95),
        Ratio("cluster_consume_per_s", "consume_per_s"),
    ),
    (
        "partitions_16_vs_1",
        AtLeast(0.9),
        Ratio("partitioned_consume_per_s", "consume_per_s"),
    ),
    (
        "partitions_16_vs_1_add",
        AtLeast(0.9),
        Ratio("partitioned_add_all_per_s", "add_all_per_s"),
    ),
    ("rss_mib_at_backlog", AtMost(40.0), Of("rss_mib")),
    (
        "client_us_per_message",
        AtMost(2.5),
        Of("client_us_per_message"),
    ),
    (
        "metrics_ns_per_message",
        AtMost(50.0),
        Of("metrics_ns_per_message"),
    ),
    (
        "derive_vs_handwritten_instructions",
        AtMost(1.05),
        Ratio("derive_instructions", "handwritten_instructions"),
    ),
];

/// The figures of a run.
pub(super) fn all(found: &Found) -> Vec<Figure> {
    FIGURES
        .iter()
        .map(|(key, goal, made)| Figure {
            key,
            goal: *goal,
            value: spread(found.rounds.iter().filter_map(|round| made.in_round(round)))
                .ok_or_else(|| made.why_not(found)),
        })
        .collect()
}

/// All readings.
pub(super) fn rates(found: &Found) -> Vec<(&'static str, [f64; 3])> {
    let mut names: Vec<_> = found
        .rounds
        .iter()
        .flat_map(|r| r.keys().copied())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| {
            let values = found.rounds.iter().filter_map(|r| r.get(name).copied());
            Some((name, spread(values)?))
        })
        .collect()
}

fn spread(values: impl Iterator<Item = f64>) -> Option<[f64; 3]> {
    let values: Vec<_> = values.collect();
    let lowest = values.iter().copied().reduce(f64::min)?;
    let highest = values.iter().copied().reduce(f64::max)?;
    Some([lowest, median(values)?, highest])
}

impl Made {
    fn in_round(self, round: &Round) -> Option<f64> {
        let of = |name| round.get(name).copied();
        match self {
            Of(name) => of(name),
            Ratio(a, b) => Some(of(a)? / of(b)?),
            EndToEnd => {
                let limit = 1.0 / (1.0 / of("add_all_per_s")? + 1.0 / of("consume_per_s")?);
                Some(of("end_to_end_per_s")? / limit)
            }
        }
    }

    /// Names the reading that is missing, and why if that is known.
    fn why_not(self, found: &Found) -> String {
        let (a, b) = match self {
            Of(a) => (a, a),
            Ratio(a, b) => (a, b),
            EndToEnd => ("end_to_end_per_s", "add_all_per_s"),
        };
        let missing = [a, b]
            .into_iter()
            .find(|name| !found.rounds.iter().any(|r| r.contains_key(name)))
            .unwrap_or(a);
        let failure = found
            .failures
            .iter()
            .find(|(probe, _)| missing.starts_with(**probe));
        match failure {
            Some((_, why)) => why.clone(),
            None => format!("not measured: {missing}"),
        }
    }
}
