//! Facts and findings as JSON: raw numbers, times by RFC 3339, durations in seconds, `null`
//! for what isn't known.

use serde_json::{Map, Value, json};

use crate::assess::{Finding, GroupAssessment, Past, StreamAssessment};
use crate::observe::{ConsumerFacts, GroupFacts, ServerFacts, StreamFacts};
use crate::words::rfc3339;

/// The version of the format. It changes when a name changes or is removed, not when one
/// is added.
pub const VERSION: u64 = 1;

/// An object that begins with the version of the format.
pub fn object(fields: Value) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("v".to_owned(), VERSION.into());
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    object
}

/// A time, in milliseconds since 1970.
pub fn time(ms: Option<u64>) -> Value {
    ms.and_then(rfc3339).map_or(Value::Null, Value::String)
}

/// A duration, in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "milliseconds below 2^52")]
pub fn seconds(ms: Option<u64>) -> Value {
    ms.map_or(Value::Null, |ms| json!(ms as f64 / 1_000.0))
}

/// A stream, with its groups in short.
pub fn stream(facts: &StreamFacts, found: &StreamAssessment) -> Value {
    let now = facts.at_ms;
    let groups: Vec<Value> = found
        .groups
        .iter()
        .filter_map(|group| Some(group_in_short(facts.group(&group.name)?, group)))
        .collect();
    json!({
        "stream": facts.name,
        "state": found.state.as_str(),
        "is_ours": facts.is_ours,
        "length": facts.length,
        "partitions": facts.partitions,
        "outside_partitions": facts.outside,
        "added": facts.added,
        "first_id": facts.first.map(|id| id.to_string()),
        "last_id": facts.last.map(|id| id.to_string()),
        "oldest_seconds": seconds(facts.first.map(|id| now.saturating_sub(id.ms()))),
        "arrives_per_second": found.arrives,
        "arrives_is_sure": found.arrives_is_sure,
        "memory_bytes": facts.memory,
        "backup": facts.backup,
        "backup_capacity": facts.backup_capacity,
        "dead": facts.dead,
        "dead_capacity": facts.dead_capacity,
        "scheduled": facts.scheduled,
        "retention_priority": facts.priority,
        "max_length": facts.max_length,
        "trouble": facts.trouble,
        "groups": groups,
    })
}

fn group_in_short(facts: &GroupFacts, found: &GroupAssessment) -> Value {
    json!({
        "group": facts.name,
        "state": found.state.as_str(),
        "since": time(found.since_ms),
        "is_sure": found.is_sure,
        "causes": causes(found),
        "unread": facts.unread,
        "unread_is_exact": facts.unread_is_exact,
        "oldest_unread_seconds": seconds(found.behind_ms),
        "unread_per_second": found.trend.slope,
        "handles_per_second": found.trend.handles,
        "pending": facts.pending,
        "waiting": facts.waiting,
        "waiting_due": facts.waiting_due,
        "held_by_dead": facts.held_by_dead(),
        "held_until": time(facts.held.as_ref().map(|held| held.until_ms)),
        "held_why": facts.held.as_ref().map(|held| held.why.clone()),
        "done_in_seconds": found.trend.done_in,
        "living": facts.living(),
    })
}

fn causes(found: &GroupAssessment) -> Vec<&'static str> {
    found
        .causes
        .iter()
        .map(crate::assess::Cause::as_str)
        .collect()
}

/// A group, with its consumers.
pub fn group(facts: &GroupFacts, found: &GroupAssessment, now: u64) -> Value {
    let mut group = Map::new();
    group.insert("stream".to_owned(), found.stream.clone().into());
    if let Value::Object(short) = group_in_short(facts, found) {
        group.extend(short);
    }
    let consumers: Vec<Value> = facts.consumers.iter().map(|c| consumer(c, now)).collect();
    let suspects = facts.suspects.iter().map(|s| s.id.to_string());
    group.insert("consumers".to_owned(), consumers.into());
    group.insert("suspects".to_owned(), suspects.collect::<Vec<_>>().into());
    Value::Object(group)
}

/// A consumer.
pub fn consumer(facts: &ConsumerFacts, now: u64) -> Value {
    let said = &facts.facts;
    let program = said.program.as_ref();
    json!({
        "name": facts.name,
        "alive": facts.alive,
        "gives_signs": facts.is_member,
        "last_beat_seconds": seconds(last_beat(facts, now)),
        "idle_seconds": seconds(facts.idle_ms),
        "pending": facts.pending,
        "oldest_pending_seconds": seconds(facts.oldest_pending_ms),
        "program": program.map(|program| program.name.clone()),
        "version": program.map(|program| program.version.clone()),
        "workers": said.workers,
        "running": said.running,
        "buffered": said.buffered,
        "completed": said.completed,
        "failed": said.failed,
        "p50_seconds": said.p50_ms.map(|ms| ms / 1_000.0),
        "p99_seconds": said.p99_ms.map(|ms| ms / 1_000.0),
        "longest_running_seconds": seconds(said.longest_ms),
        "last_error": said.last_error,
    })
}

/// The age of its last sign of life, in milliseconds. A sign of life is given one lease
/// before it lapses.
pub fn last_beat(facts: &ConsumerFacts, now: u64) -> Option<u64> {
    let given = facts.sign_ms?.saturating_sub(facts.facts.lease_ms?);
    Some(now.saturating_sub(given))
}

/// A finding.
pub fn finding(finding: &Finding) -> Value {
    let numbers: Map<String, Value> = finding
        .numbers
        .iter()
        .map(|number| {
            let value = json!({ "value": number.value, "is_sure": number.is_sure });
            (number.name.to_owned(), value)
        })
        .collect();
    json!({
        "severity": finding.severity.as_str(),
        "kind": finding.kind.as_str(),
        "stream": finding.stream,
        "group": finding.group,
        "sentence": finding.sentence,
        "detail": finding.detail,
        "since": time(finding.since_ms),
        "numbers": numbers,
        "advice": finding.advice,
    })
}

/// A problem that is over.
pub fn past(past: &Past) -> Value {
    json!({
        "stream": past.stream,
        "group": past.group,
        "state": past.state.as_str(),
        "since": time(Some(past.from_ms)),
        "until": time(Some(past.until_ms)),
    })
}

/// A server.
pub fn server(facts: &ServerFacts) -> Value {
    json!({
        "address": facts.address,
        "version": facts.version,
        "role": facts.role,
        "round_trip_seconds": facts.round_trip.as_secs_f64(),
        "memory_bytes": facts.memory,
        "max_memory_bytes": facts.max_memory.filter(|most| *most > 0),
        "policy": facts.policy,
        "replicas": facts.replicas,
        "appends": facts.appends,
        "saved": time(facts.saved_ms),
    })
}
