//! What the servers say of themselves.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use stream_lib::{Answer, Result};

use crate::server::{Answered, Master, Redis, clock_of, request};

/// What a master says of itself. What it doesn't say is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerFacts {
    /// Where it is.
    pub address: String,
    /// How long one question took.
    pub round_trip: Duration,
    /// Its clock, in milliseconds since 1970.
    pub at_ms: u64,
    /// `Redis` or `Valkey`, with its version.
    pub version: Option<String>,
    /// `master` or `slave`.
    pub role: Option<String>,
    /// Replicas that are connected.
    pub replicas: Option<u64>,
    /// Bytes in use.
    pub memory: Option<u64>,
    /// Bytes that it may use; 0 for as many as there are.
    pub max_memory: Option<u64>,
    /// What it does when its memory is full.
    pub policy: Option<String>,
    /// Whether it appends each write to a file.
    pub appends: Option<bool>,
    /// When it was saved last, in milliseconds since 1970.
    pub saved_ms: Option<u64>,
    /// Whether the last save went well.
    pub saves_well: Option<bool>,
    /// Clients that are connected.
    pub clients: Option<u64>,
    /// Whether it reads its data from disk.
    pub is_loading: Option<bool>,
}

/// Asks a master about itself (`INFO`, `CONFIG GET`, `TIME`).
///
/// # Errors
///
/// Where it can't be reached. What it refuses to say is `None`.
pub fn look_at_server(redis: &Redis, master: &Master) -> Result<ServerFacts> {
    let asked = Instant::now();
    let time = redis.ask_one(&master.key, request(["TIME"]))?;
    let round_trip = asked.elapsed();
    let answers = redis.ask(
        &master.key,
        &[
            request(["INFO"]),
            request(["CONFIG", "GET", "maxmemory-policy"]),
        ],
    )?;
    let info = answers.first().map(info).unwrap_or_default();
    let text = |name: &str| info.get(name).cloned();
    let number = |name: &str| info.get(name).and_then(|value| value.parse::<u64>().ok());
    let version = match (text("valkey_version"), text("redis_version")) {
        (Some(version), _) => Some(format!("Valkey {version}")),
        (None, Some(version)) => Some(format!("Redis {version}")),
        (None, None) => None,
    };
    let policy = answers.get(1).and_then(|answer| {
        let policy = answer.field("maxmemory-policy")?;
        policy.text()
    });
    Ok(ServerFacts {
        address: master.address.clone(),
        round_trip,
        at_ms: clock_of(&time).unwrap_or_default(),
        version,
        role: text("role"),
        replicas: number("connected_slaves"),
        memory: number("used_memory"),
        max_memory: number("maxmemory"),
        policy: policy.or_else(|| text("maxmemory_policy")),
        appends: number("aof_enabled").map(|on| on != 0),
        saved_ms: number("rdb_last_save_time").map(|seconds| seconds * 1_000),
        saves_well: text("rdb_last_bgsave_status").map(|status| status == "ok"),
        clients: number("connected_clients"),
        is_loading: number("loading").map(|on| on != 0),
    })
}

/// The lines of `INFO`.
fn info(answer: &Answer) -> BTreeMap<String, String> {
    let text = answer.text().unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}
