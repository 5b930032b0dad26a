//! Facts in the format of Prometheus.

use std::fmt::Write as _;

use crate::assess::{Assessment, State};
use crate::observe::{GroupFacts, History, StreamFacts};

/// A metric: its name, its type and its help text.
type Metric = (&'static str, &'static str, &'static str);

const UP: Metric = ("stream_ops_up", "gauge", "1 if Redis answers, else 0.");
const FINDINGS: Metric = (
    "stream_ops_findings",
    "gauge",
    "Findings, by severity and kind.",
);
const ROUND_TRIP: Metric = (
    "stream_redis_round_trip_seconds",
    "gauge",
    "Duration of one round trip.",
);
const MEMORY: Metric = (
    "stream_redis_memory_bytes",
    "gauge",
    "Memory in use (used_memory).",
);
const MAX_MEMORY: Metric = (
    "stream_redis_max_memory_bytes",
    "gauge",
    "Memory that may be used (maxmemory).",
);

type OfStream = (Metric, fn(&StreamFacts) -> Option<f64>);
type OfGroup = (Metric, fn(&StreamFacts, &GroupFacts) -> Option<f64>);

const STREAM: [OfStream; 6] = [
    (("stream_length", "gauge", "Entries (XLEN)."), |s| {
        n(s.length)
    }),
    (
        (
            "stream_added_entries_total",
            "counter",
            "Entries ever added.",
        ),
        |s| s.added.and_then(n),
    ),
    (
        (
            "stream_backup_length",
            "gauge",
            "Entries of the backup stream.",
        ),
        |s| n(s.backup),
    ),
    (("stream_dead_letters", "gauge", "Dead letters."), |s| {
        n(s.dead)
    }),
    (
        ("stream_scheduled_messages", "gauge", "Scheduled messages."),
        |s| n(s.scheduled),
    ),
    (
        (
            "stream_outside_partitions",
            "gauge",
            "Entries of a partitioned stream outside its partitions.",
        ),
        |s| n(s.outside),
    ),
];

const GROUP: [OfGroup; 10] = [
    (
        (
            "stream_group_unread",
            "gauge",
            "Entries that no consumer has read.",
        ),
        |_, g| g.unread.and_then(n),
    ),
    (
        (
            "stream_group_oldest_unread_seconds",
            "gauge",
            "Age of the oldest unread entry.",
        ),
        |s, g| Some(age(s, g.oldest_unread_ms.filter(|_| g.unread != Some(0)))),
    ),
    (
        (
            "stream_group_pending",
            "gauge",
            "Entries delivered and not acknowledged.",
        ),
        |_, g| n(g.pending),
    ),
    (
        (
            "stream_group_oldest_pending_seconds",
            "gauge",
            "Age of the oldest pending entry.",
        ),
        |s, g| Some(age(s, g.oldest_pending.map(stream_lib::EntryId::ms))),
    ),
    (
        (
            "stream_group_waiting",
            "gauge",
            "Entries that wait for a retry.",
        ),
        |_, g| n(g.waiting),
    ),
    (
        (
            "stream_group_held_by_dead",
            "gauge",
            "Entries that dead consumers hold.",
        ),
        |_, g| n(g.held_by_dead()),
    ),
    (
        (
            "stream_group_suspects",
            "gauge",
            "Entries that dead consumers hold, delivered more than once.",
        ),
        |_, g| n(g.suspects.len() as u64),
    ),
    (("stream_group_consumers", "gauge", "Consumers."), |_, g| {
        n(g.consumers.len() as u64)
    }),
    (
        (
            "stream_group_living_consumers",
            "gauge",
            "Consumers that are known to be alive.",
        ),
        |_, g| n(g.living() as u64),
    ),
    (
        (
            "stream_group_held",
            "gauge",
            "1 if the group is held, else 0.",
        ),
        |_, g| n(u64::from(g.held.is_some())),
    ),
];

const STATE: Metric = (
    "stream_group_state",
    "gauge",
    "1 for the state that the group is in.",
);

const STATES: [State; 7] = [
    State::StandsStill,
    State::NoProcess,
    State::FallsBehind,
    State::CatchesUp,
    State::KeepsUp,
    State::Idle,
    State::Held,
];

#[expect(clippy::cast_precision_loss, reason = "counts below 2^52")]
#[expect(clippy::unnecessary_wraps, reason = "as those that may be unknown")]
fn n(count: u64) -> Option<f64> {
    Some(count as f64)
}

/// Seconds since then; 0 for `None`.
#[expect(clippy::cast_precision_loss, reason = "milliseconds below 2^52")]
fn age(stream: &StreamFacts, since: Option<u64>) -> f64 {
    since.map_or(0.0, |at| stream.at_ms.saturating_sub(at) as f64 / 1_000.0)
}

/// The names of all metrics.
pub fn names() -> Vec<&'static str> {
    let others = [UP, FINDINGS, ROUND_TRIP, MEMORY, MAX_MEMORY, STATE];
    let others = others.into_iter().map(|(name, ..)| name);
    let streams = STREAM.iter().map(|((name, ..), _)| *name);
    let groups = GROUP.iter().map(|((name, ..), _)| *name);
    others.chain(streams).chain(groups).collect()
}

/// All facts, in the text format of Prometheus. No label is an id, a payload or the name
/// of a consumer.
pub fn exposition(history: &History, assessment: &Assessment) -> String {
    let mut text = Exposition::default();
    let look = history.latest();
    text.metric(UP);
    text.sample(UP, &[], if history.outage().is_some() { 0.0 } else { 1.0 });
    text.metric(FINDINGS);
    let mut findings: Vec<_> = assessment
        .findings
        .iter()
        .map(|finding| (finding.severity.as_str(), finding.kind.as_str()))
        .collect();
    findings.sort_unstable();
    for same in findings.chunk_by(|a, b| a == b) {
        if let Some((severity, kind)) = same.first() {
            let labels = [("severity", *severity), ("kind", *kind)];
            text.sample(FINDINGS, &labels, n(same.len() as u64).unwrap_or(0.0));
        }
    }
    text.metric(ROUND_TRIP);
    for server in &look.servers {
        let labels = [("server", server.address.as_str())];
        text.sample(ROUND_TRIP, &labels, server.round_trip.as_secs_f64());
    }
    for (metric, value) in [
        (
            MEMORY,
            (|s| s.memory) as fn(&crate::observe::ServerFacts) -> Option<u64>,
        ),
        (MAX_MEMORY, |s| s.max_memory),
    ] {
        text.metric(metric);
        for server in &look.servers {
            if let Some(value) = value(server).and_then(n) {
                text.sample(metric, &[("server", &server.address)], value);
            }
        }
    }
    for (metric, value) in STREAM {
        text.metric(metric);
        for stream in &look.streams {
            if let Some(value) = value(stream) {
                text.sample(metric, &[("stream", &stream.name)], value);
            }
        }
    }
    for (metric, value) in GROUP {
        text.metric(metric);
        for (stream, group) in groups(&look.streams) {
            if let Some(value) = value(stream, group) {
                let labels = [("stream", stream.name.as_str()), ("group", &group.name)];
                text.sample(metric, &labels, value);
            }
        }
    }
    text.metric(STATE);
    for (stream, group) in groups(&look.streams) {
        let found = assessment.group(&stream.name, &group.name);
        for state in STATES {
            let is_it = found.is_some_and(|found| found.state == state);
            let labels = [
                ("stream", stream.name.as_str()),
                ("group", &group.name),
                ("state", state.as_str()),
            ];
            text.sample(STATE, &labels, f64::from(u8::from(is_it)));
        }
    }
    text.0
}

fn groups(streams: &[StreamFacts]) -> impl Iterator<Item = (&StreamFacts, &GroupFacts)> {
    streams
        .iter()
        .flat_map(|stream| stream.groups.iter().map(move |group| (stream, group)))
}

#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn metric(&mut self, (name, kind, help): Metric) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, (name, ..): Metric, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (at, (label, value)) in labels.iter().enumerate() {
            let open = if at == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{open}{label}=\"{}\"", escaped(value));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }
}

/// Escapes a label as the format asks for it, and control characters for terminals.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(text, "\\\\x{:02x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::assess;
    use crate::observe::Look;

    #[test]
    fn text_has_each_metric_once_and_escapes_labels() {
        let mut history = History::default();
        history.add(Look {
            at_ms: 9_000,
            streams: vec![StreamFacts {
                name: "a\"b\\\n".to_owned(),
                at_ms: 9_000,
                exists: true,
                length: 3,
                groups: vec![GroupFacts {
                    name: "g".to_owned(),
                    unread: Some(2),
                    oldest_unread_ms: Some(4_000),
                    ..GroupFacts::default()
                }],
                ..StreamFacts::default()
            }],
            servers: vec![crate::observe::ServerFacts {
                memory: Some(1),
                max_memory: Some(0),
                ..Default::default()
            }],
            is_complete: true,
            ..Look::default()
        });
        let text = exposition(&history, &assess(&history));
        assert!(
            text.contains("stream_length{stream=\"a\\\"b\\\\\\n\"} 3\n"),
            "{text}"
        );
        assert!(text.contains(
            "stream_group_oldest_unread_seconds{stream=\"a\\\"b\\\\\\n\",group=\"g\"} 5\n"
        ));
        assert!(text.contains("state=\"no-process\"} 1\n"), "{text}");
        for name in names() {
            let head = format!("# TYPE {name} ");
            assert_eq!(text.matches(&head).count(), 1, "{name}");
        }
    }
}
