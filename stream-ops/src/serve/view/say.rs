//! The state of a group in words.

use stream_lib::EntryId;

use crate::assess::{Cause, GroupAssessment, Severity, State};
use crate::observe::{GroupFacts, StreamFacts};
use crate::serve::page::{Page, Rich, Sign, clock_seconds};
use crate::words::{age_ms, count, cut, of, ordinal, rate, shown};

pub(super) fn sign(severity: Severity) -> Sign {
    match severity {
        Severity::Trouble => Sign::Trouble,
        Severity::Warning => Sign::Worsens,
        Severity::Note => Sign::Mends,
        Severity::Calm => Sign::Fine,
    }
}

/// A duration for a headline: in words, with one unit.
pub(super) fn long_age(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..90 => of(seconds, "second", "seconds"),
        90..7_200 => of(seconds / 60, "minute", "minutes"),
        7_200..172_800 => of(seconds / 3_600, "hour", "hours"),
        _ => of(seconds / 86_400, "day", "days"),
    }
}

/// Whole milliseconds in a number of seconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and is not negative"
)]
pub(super) fn millis(seconds: f64) -> u64 {
    (seconds * 1_000.0).max(0.0) as u64
}

/// A rounded duration, which doesn't look exact.
pub(super) fn about(seconds: f64) -> String {
    let seconds = seconds.max(1.0);
    if seconds < 90.0 {
        age_ms(millis((seconds / 5.0).ceil() * 5.0).max(10_000))
    } else {
        age_ms(millis((seconds / 60.0).round() * 60.0))
    }
}

/// The headline of a group.
pub(super) fn title(group: &GroupAssessment, now: u64) -> Rich {
    let name = shown(group.name.as_bytes());
    let since = group
        .since_ms
        .map(|since| long_age(now.saturating_sub(since)));
    match (group.state, since) {
        (State::StandsStill, Some(age)) => Rich::new()
            .bad(name)
            .plain(" has not handled anything for ")
            .bad(age),
        (State::StandsStill, None) => Rich::new().bad(name).plain(" stands still"),
        (State::NoProcess, Some(age)) => {
            Rich::new().bad(name).plain(" has no process for ").bad(age)
        }
        (State::NoProcess, None) => Rich::new().bad(name).plain(" has no process"),
        (State::FallsBehind, _) => Rich::new()
            .bad(name)
            .plain(" falls behind, by ")
            .bad(long_age(group.behind_ms.unwrap_or(0)))
            .plain(" so far"),
        (state, _) => Rich::new().plain(name).plain(" ").plain(state.words()),
    }
}

/// The causes, in sentences.
pub(super) fn why(group: &GroupAssessment, facts: &GroupFacts, now: u64) -> Rich {
    let mut said = Rich::new();
    for cause in &group.causes {
        said = because(said, cause, group, facts, now);
    }
    said
}

fn because(
    said: Rich,
    cause: &Cause,
    group: &GroupAssessment,
    facts: &GroupFacts,
    now: u64,
) -> Rich {
    match cause {
        Cause::RedisRefuses { why } => said.plain(format!("Redis refuses: {}. ", cut(why, 120))),
        Cause::Held { until_ms, why } => {
            let left = age_ms(until_ms.saturating_sub(now));
            let until = clock_seconds(*until_ms);
            let why = shown(why.as_bytes());
            said.plain(format!("It is held until {until}, {left} more: {why}. "))
        }
        Cause::NoProcess { is_sure, .. } if facts.consumers.is_empty() => said.plain(if *is_sure {
            "No process has ever read for it. "
        } else {
            "No process is known. "
        }),
        Cause::NoProcess { is_sure: true, .. } => said.plain("None of its processes is alive. "),
        Cause::NoProcess { .. } => said.plain("None of its processes was seen lately. "),
        Cause::Suspect {
            id,
            deliveries,
            count,
        } => suspect(said, group, *id, *deliveries, *count),
        Cause::HandlersFail { error } => {
            let error = cut(&shown(error.as_bytes()), 120);
            said.plain("Its handlers fail: ").code(error).plain(". ")
        }
        Cause::HandlersSlow {
            workers, p99_ms, ..
        } => {
            let p99 = p99_ms.map(|ms| age_ms(millis(ms / 1_000.0)));
            let p99 = p99.map_or_else(String::new, |p99| {
                format!("; one handler in a hundred takes {p99} or more")
            });
            said.plain(format!(
                "All {} are busy{p99}. ",
                of(*workers, "worker", "workers")
            ))
        }
        Cause::TooLittleCapacity => said.plain("More comes than its processes can handle. "),
    }
}

fn suspect(
    said: Rich,
    group: &GroupAssessment,
    id: EntryId,
    deliveries: u64,
    count: usize,
) -> Rich {
    let link = Page::Message(group.stream.clone(), id.to_string()).link();
    let words = if count > 1 {
        format!("One of {count} entries that died with their process is ")
    } else {
        "The last one to die held ".to_owned()
    };
    said.plain(words)
        .entry(id.to_string(), link)
        .plain(format!(", on its {} delivery. ", ordinal(deliveries)))
}

/// The number of unread entries, and its trend.
pub(super) fn waiting(group: &GroupAssessment, facts: &GroupFacts) -> Option<String> {
    let unread = facts.unread?;
    let about = if facts.unread_is_exact { "" } else { "About " };
    let wait = if unread == 1 { "waits" } else { "wait" };
    let slope = group.trend.slope.map(|slope| (slope * 60.0).round());
    let growth = match slope {
        Some(slope) if slope >= 1.0 => format!(", {} more each minute", whole(slope)),
        Some(slope) if slope <= -1.0 => format!(", {} fewer each minute", whole(-slope)),
        Some(_) => ", as many as before".to_owned(),
        None => String::new(),
    };
    Some(format!(
        "{about}{} {wait}{growth}.",
        of(unread, "entry", "entries")
    ))
}

/// The trend of the number of unread entries, in a word.
pub(super) fn growth(group: &GroupAssessment, facts: &GroupFacts) -> &'static str {
    match (group.trend.slope, facts.unread) {
        (_, Some(0)) | (None, _) => "",
        (Some(slope), _) if slope * 60.0 >= 1.0 => "growing",
        (Some(slope), _) if slope * 60.0 <= -1.0 => "shrinking",
        (Some(_), _) => "steady",
    }
}

/// A number without its fraction.
pub(super) fn whole(number: f64) -> String {
    count(millis(number / 1_000.0))
}

/// Whether unread entries are never trimmed, by the settings of the stream.
pub(super) fn is_kept(stream: &StreamFacts) -> bool {
    let is_low = stream.priority.as_deref();
    stream.is_ours && !is_low.is_some_and(|priority| priority.eq_ignore_ascii_case("low"))
}

/// A rate, or a dash.
pub(super) fn rate_or_dash(rate_of: Option<f64>) -> String {
    match rate_of {
        Some(0.0) => "0 /s".to_owned(),
        Some(number) => rate(number),
        None => "–".to_owned(),
    }
}

/// An age, or a dash.
pub(super) fn age_or_dash(ms: Option<u64>) -> String {
    match ms {
        Some(0) => "0 s".to_owned(),
        Some(ms) => age_ms(ms),
        None => "–".to_owned(),
    }
}

/// The seconds until a group would be done at a pace, with new entries counted in.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(super) fn done_at_pace(
    unread: Option<u64>,
    pace: Option<f64>,
    arrives: Option<f64>,
) -> Option<f64> {
    let (unread, pace) = (unread? as f64, pace?);
    let left = pace - arrives.unwrap_or(0.0);
    (left > 0.0).then(|| unread / left)
}

/// `a`, `a and b`, `a, b and c`, cut after a few.
pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if names.len() <= 4 => format!("{} and {last}", first.join(", ")),
        [first, second, third, rest @ ..] => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_ages_have_one_unit() {
        for (ms, said) in [
            (1_000, "1 second"),
            (1_389_000, "23 minutes"),
            (7_200_000, "2 hours"),
            (400_000_000, "4 days"),
        ] {
            assert_eq!(long_age(ms), said);
        }
        assert_eq!(about(208.0), "3 min");
        assert_eq!(about(7.0), "10 s");
        assert_eq!(done_at_pace(Some(100), Some(20.0), Some(10.0)), Some(10.0));
        assert_eq!(done_at_pace(Some(100), Some(10.0), Some(10.0)), None);
    }

    #[test]
    fn names_are_listed_as_people_do() {
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b"]), "a and b");
        assert_eq!(listed(&["a", "b", "c", "d"]), "a, b, c and d");
        assert_eq!(listed(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    }
}
