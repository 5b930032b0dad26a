//! A group's state in one sentence.

use super::causes::Cause;
use super::finding::{Finding, Kind, Number};
use super::group::GroupAssessment;
use super::state::State;
use super::trend::millis;
use crate::observe::{GroupFacts, StreamFacts};
use crate::words::{Clock, age_ms, count, count_or_dash, cut, ordinal, quoted, shown, took_ms};

/// The finding about a group; none where all is well.
pub(super) fn finding_of(
    group: &GroupAssessment,
    facts: &GroupFacts,
    stream: &StreamFacts,
    clock: &Clock,
    now: u64,
) -> Option<Finding> {
    let kind = match group.state {
        State::StandsStill => Kind::StandsStill,
        State::NoProcess => Kind::NoProcess,
        State::FallsBehind => Kind::FallsBehind,
        State::CatchesUp => Kind::CatchesUp,
        State::KeepsUp | State::Idle | State::Held | State::NoGroup => return None,
    };
    let (of, name) = (quoted(&stream.name), quoted(&facts.name));
    Some(Finding {
        severity: group.state.severity(),
        kind,
        stream: Some(group.stream.clone()),
        group: Some(group.name.clone()),
        sentence: sentence(group, clock, now),
        detail: detail(group, facts, stream),
        since_ms: group.since_ms,
        numbers: numbers(group, facts),
        advice: Some(format!("streamctl group info {of} {name}")),
    })
}

fn sentence(group: &GroupAssessment, clock: &Clock, now: u64) -> String {
    let name = format!(
        "{}/{}",
        shown(group.stream.as_bytes()),
        shown(group.name.as_bytes())
    );
    let since = group.since_ms.map(|since| {
        let age = age_ms(now.saturating_sub(since));
        format!(" since {} ({age})", clock.time(since, now))
    });
    let since = since.unwrap_or_default();
    let state = match group.state {
        State::StandsStill => "stands still",
        State::NoProcess => "has no process",
        State::FallsBehind => "falls behind",
        State::CatchesUp => {
            let done = group.trend.done_in.map(seconds);
            let done = done.map_or_else(String::new, |time| format!(", done in about {time}"));
            return format!("{name} catches up{done}.");
        }
        other => other.words(),
    };
    match group.causes.first().map(|cause| said(cause, clock, now)) {
        // The state has said it.
        Some(cause) if group.state != State::NoProcess => {
            format!("{name} {state}{since}: {cause}.")
        }
        _ => format!("{name} {state}{since}."),
    }
}

/// A cause in a few words.
pub(crate) fn said(cause: &Cause, clock: &Clock, now: u64) -> String {
    match cause {
        Cause::RedisRefuses { why } => format!("Redis refuses: {}", cut(why, 120)),
        Cause::Held { until_ms, why } => {
            let until = clock.time(*until_ms, now);
            let why = shown(why.as_bytes());
            format!("held until {until} ({why})")
        }
        Cause::NoProcess { is_sure: true, .. } => "no process is alive".to_owned(),
        Cause::NoProcess { .. } => "no process was seen lately".to_owned(),
        Cause::Suspect { id, deliveries, .. } => {
            format!(
                "entry {id} may kill its process, {} delivery",
                ordinal(*deliveries)
            )
        }
        Cause::HandlersFail { error } => {
            format!("handlers fail: {}", cut(&shown(error.as_bytes()), 120))
        }
        Cause::HandlersSlow {
            running,
            workers,
            p99_ms,
        } => {
            let p99 = p99_ms.map(|ms| format!(", p99 {}", took_ms(ms)));
            let p99 = p99.unwrap_or_default();
            format!("handlers are slow ({running} of {workers} workers busy{p99})")
        }
        Cause::TooLittleCapacity => "entries arrive faster than its workers handle them".to_owned(),
    }
}

fn seconds(seconds: f64) -> String {
    age_ms(millis(seconds))
}

fn detail(group: &GroupAssessment, facts: &GroupFacts, stream: &StreamFacts) -> String {
    let mut said = match facts.unread {
        Some(0) => format!("{} in hand", count(facts.pending)),
        unread => format!("{} unread", count_or_dash(unread)),
    };
    if let Some(slope) = group.trend.slope
        && facts.unread != Some(0)
    {
        let a_minute = (slope * 60.0).round();
        let sign = if a_minute < 0.0 { "−" } else { "+" };
        let number = millis(a_minute.abs() / 1_000.0);
        said = format!("{said}, {sign}{}/min", count(number));
    }
    said.push('.');
    if is_safe(stream) && group.state != State::CatchesUp {
        said.push_str(" Nothing is lost.");
    }
    if let Some(Cause::Suspect { id, deliveries, .. }) = group
        .causes
        .iter()
        .find(|cause| matches!(cause, Cause::Suspect { .. }))
    {
        said = format!("{said} Suspect: {id}, {} delivery.", ordinal(*deliveries));
    }
    said
}

/// Whether no unread entry is ever trimmed: the stream is this library's, and its
/// priority is not the lowest.
fn is_safe(stream: &StreamFacts) -> bool {
    let is_low = stream
        .priority
        .as_ref()
        .is_some_and(|p| p.eq_ignore_ascii_case("low"));
    stream.is_ours && !is_low
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^52")]
fn numbers(group: &GroupAssessment, facts: &GroupFacts) -> Vec<Number> {
    let sure = |name, value: u64| Number {
        name,
        value: value as f64,
        is_sure: true,
    };
    let mut numbers = vec![
        sure("pending", facts.pending),
        sure("waiting", facts.waiting),
    ];
    numbers.extend(facts.unread.map(|unread| Number {
        is_sure: facts.unread_is_exact,
        ..sure("unread", unread)
    }));
    numbers.extend(group.behind_ms.map(|ms| Number {
        name: "oldest_unread_seconds",
        value: ms as f64 / 1_000.0,
        is_sure: true,
    }));
    numbers.extend(group.trend.slope.map(|slope| Number {
        name: "unread_per_second",
        value: slope,
        is_sure: group.trend.is_sure,
    }));
    numbers.extend(group.trend.done_in.map(|seconds| Number {
        name: "done_in_seconds",
        value: seconds,
        is_sure: group.trend.is_sure,
    }));
    numbers
}
