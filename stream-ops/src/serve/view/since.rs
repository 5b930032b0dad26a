//! The times since which dead letters are shown.

use stream_lib::DeadKind;

use super::dead_more::Window;
use crate::clock::{Clock, millis_of};
use crate::serve::page::Choice;

/// The times that every page offers, and their words.
const OFFERED: [(&str, &str); 4] = [
    ("15m", "last 15 min"),
    ("1h", "last hour"),
    ("24h", "last 24 h"),
    ("7d", "last 7 days"),
];

/// The choices for a kind: all of it, a few times, and the one that is asked for.
pub(super) fn choices(kind: &DeadKind, window: Option<&Window>, now: u64) -> Vec<Choice> {
    let asked = window.map_or("", |window| window.since.as_str());
    let choice = |value: &str, words: String| Choice {
        value: value.to_owned(),
        words,
        is_chosen: value == asked,
    };
    let first = begin(millis_of(kind.first_seen), now);
    let mut choices = vec![choice("", format!("all since {first}"))];
    choices.extend(OFFERED.map(|(value, words)| choice(value, words.to_owned())));
    if choices.iter().all(|choice| !choice.is_chosen) {
        choices.push(choice(asked, format!("since {asked}")));
    }
    choices
}

/// The time of day, or the date if it isn't today's.
fn begin(ms: u64, now: u64) -> String {
    let time = Clock::utc().time(ms, now);
    match time.split_once(' ') {
        Some((date, _)) => date.to_owned(),
        None => time.get(..5).unwrap_or(&time).to_owned(),
    }
}
