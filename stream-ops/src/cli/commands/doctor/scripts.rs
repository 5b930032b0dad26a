//! This library's scripts in the slow log.

use stream_lib::Result;

use super::line::Line;
use crate::assess::Severity;
use crate::server::{Answered, Master, Redis, request};
use crate::words::{age_ms, of};

/// Scripts that work with a stream's keys (`SLOWLOG GET`).
pub(super) fn slow_log(redis: &Redis, master: &Master) -> Result<Line> {
    let answer = redis.ask_one(&master.key, request(["SLOWLOG", "GET", "128"]))?;
    if answer.error().is_some() {
        return Ok(Line::unknown("slow-scripts", None));
    }
    let slow: Vec<u64> = answer
        .list()
        .iter()
        .filter_map(|entry| {
            let [_, _, micros, words, ..] = entry.list() else {
                return None;
            };
            let words = words.list();
            let command = words.first()?.text()?.to_ascii_uppercase();
            let is_script = command.starts_with("EVAL");
            let is_ours = words
                .iter()
                .filter_map(Answered::text)
                .any(|w| w.contains("}:"));
            (is_script && is_ours).then(|| micros.count()).flatten()
        })
        .collect();
    Ok(match slow.iter().max() {
        None => Line::good("slow-scripts", None, "none in the slow log"),
        Some(worst) => Line::good(
            "slow-scripts",
            None,
            format!(
                "{} of the slow log, the slowest {}",
                of(slow.len() as u64, "entry", "entries"),
                age_ms(worst / 1_000)
            ),
        )
        .at(Severity::Note),
    })
}
