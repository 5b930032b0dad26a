//! The audit: a stream of all changes made by these tools.

use std::os::unix::fs::MetadataExt as _;
use std::{env, fs};

use stream_lib::Result;

use crate::server::{Answered, Redis, request};

/// The key of the stream.
pub const KEY: &str = "stream-ops:audit";

/// About how many changes are kept.
const KEPT: &str = "10000";

/// The longest text in a field, in characters.
const LONGEST: usize = 1_000;

/// A change that was made, as a whole or in part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change<'a> {
    /// The user who made it; `None` is the user of this process.
    pub who: Option<&'a str>,
    /// The program; may be empty.
    pub program: &'a str,
    /// The command, such as `dlq redrive`.
    pub action: &'a str,
    /// The stream.
    pub stream: &'a str,
    /// The group; may be empty.
    pub group: &'a str,
    /// How many entries were changed.
    pub done: u64,
    /// How many were to be changed; 0 where they were not counted.
    pub planned: u64,
    /// The entries and the result. No payload.
    pub detail: &'a str,
    /// The command line, without secrets and values; may be empty.
    pub command: &'a str,
}

/// Writes a change into the audit (`XADD` with `MAXLEN`).
///
/// # Errors
///
/// Where Redis can't be reached. Where Redis refuses the note, its error is returned as
/// `Some`: the change was made, and is missing from the audit.
pub fn note(redis: &Redis, change: &Change<'_>) -> Result<Option<String>> {
    let cut = |text: &str| text.chars().take(LONGEST).collect::<String>();
    let fields = [
        ("who", change.who.map_or_else(user, str::to_owned)),
        ("program", cut(change.program)),
        ("action", change.action.to_owned()),
        ("stream", change.stream.to_owned()),
        ("group", change.group.to_owned()),
        ("done", change.done.to_string()),
        ("planned", change.planned.to_string()),
        ("detail", cut(change.detail)),
        ("command", cut(change.command)),
    ];
    let mut words = vec!["XADD", KEY, "MAXLEN", "~", KEPT, "*"];
    for (name, value) in &fields {
        words.extend([*name, value.as_str()]);
    }
    let answer = redis.ask_one(KEY, request(words))?;
    Ok(answer.error().map(str::to_owned))
}

/// The user and the host, as far as they are known: `ada@node-4`.
pub fn user() -> String {
    let name = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| env::var(name).ok().filter(|name| !name.is_empty()));
    let name = name
        .or_else(account)
        .unwrap_or_else(|| "unknown".to_owned());
    match host() {
        Some(host) => format!("{name}@{host}"),
        None => name,
    }
}

/// The account of this process, where the environment has no name.
fn account() -> Option<String> {
    let id = fs::metadata("/proc/self").ok()?.uid().to_string();
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let known = accounts.lines().find_map(|line| {
        let mut parts = line.split(':');
        let (name, _, number) = (parts.next()?, parts.next()?, parts.next()?);
        (number == id).then(|| name.to_owned())
    });
    Some(known.unwrap_or_else(|| format!("uid {id}")))
}

fn host() -> Option<String> {
    let host = env::var("HOSTNAME").ok();
    let host = host.or_else(|| fs::read_to_string("/proc/sys/kernel/hostname").ok())?;
    let host = host.trim();
    (!host.is_empty()).then(|| host.to_owned())
}
