//! The audit: a stream in which every change by these tools stands.

use super::plan::Plan;
use super::run::By;
use crate::server::{Answered, Redis, request, with_causes};

/// The key of the stream.
const KEY: &str = "stream-ops:audit";

/// About how many changes are kept.
const KEPT: &str = "10000";

/// The longest text of a field, in characters.
const LONGEST: usize = 1_000;

/// Notes a change (`XADD` with `MAXLEN`). Returns why it couldn't be noted: then the change
/// stands all the same.
pub(super) fn note(redis: &Redis, plan: &Plan, by: &By, done: u64, detail: &str) -> Option<String> {
    let cut = |text: &str| text.chars().take(LONGEST).collect::<String>();
    let fields = [
        ("who", by.who.clone()),
        ("program", by.program.clone()),
        ("action", plan.action.to_owned()),
        ("stream", plan.stream.clone()),
        ("group", plan.group.clone().unwrap_or_default()),
        ("done", done.to_string()),
        ("planned", plan.count.to_string()),
        ("detail", cut(detail)),
        ("command", cut(&by.command)),
    ];
    let mut words = vec!["XADD", KEY, "MAXLEN", "~", KEPT, "*"];
    for (name, value) in &fields {
        words.extend([*name, value.as_str()]);
    }
    match redis.ask_one(KEY, request(words)) {
        Ok(answer) => answer.error().map(str::to_owned),
        Err(error) => Some(with_causes(&error)),
    }
}
