//! The audit: a stream in which every change by these tools stands.

use std::env;

use stream_lib::Result;

use crate::server::{Redis, request};

/// The key of the stream.
pub const KEY: &str = "stream-ops:audit";

/// About how many changes are kept.
const KEPT: &str = "10000";

/// The longest text of a field, in characters.
const LONGEST: usize = 1_000;

/// A change that was made, or of which a part was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change<'a> {
    /// Who made it; the user of this machine where that is `None`.
    pub who: Option<&'a str>,
    /// The command, such as `dlq redrive`.
    pub action: &'a str,
    /// The stream.
    pub stream: &'a str,
    /// The group; may be empty.
    pub group: &'a str,
    /// How many entries were changed.
    pub done: u64,
    /// Which ones, and with what result. No payload.
    pub detail: &'a str,
}

/// Writes a change into the audit (`XADD` with `MAXLEN`).
///
/// # Errors
///
/// Where Redis can't be reached. Where it refuses, the change stands and its note is
/// missing: that is returned as the text of Redis.
pub fn note(redis: &Redis, change: &Change<'_>) -> Result<Option<String>> {
    let who = change.who.map_or_else(user, str::to_owned);
    let done = change.done.to_string();
    let detail: String = change.detail.chars().take(LONGEST).collect();
    let words = [
        "XADD",
        KEY,
        "MAXLEN",
        "~",
        KEPT,
        "*",
        "who",
        &who,
        "action",
        change.action,
        "stream",
        change.stream,
        "group",
        change.group,
        "done",
        &done,
        "detail",
        &detail,
    ];
    let answer = redis.ask_one(KEY, request(words))?;
    Ok(crate::server::Answered::error(&answer).map(str::to_owned))
}

/// The user and this machine, as far as the environment says.
fn user() -> String {
    let name = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| env::var(name).ok().filter(|name| !name.is_empty()));
    let host = env::var("HOSTNAME").ok().filter(|host| !host.is_empty());
    match (name, host) {
        (Some(name), Some(host)) => format!("{name}@{host}"),
        (Some(name), None) => name,
        (None, _) => "unknown".to_owned(),
    }
}
