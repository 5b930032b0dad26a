//! The facts of servers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use stream_lib::{Answer, Result};

use crate::server::{Answered, Master, Redis, clock_of, request};

/// The facts of a master. A fact that it doesn't tell is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerFacts {
    /// Its address.
    pub address: String,
    /// The duration of one request.
    pub round_trip: Duration,
    /// Its clock, in milliseconds since 1970.
    pub at_ms: u64,
    /// `Redis` or `Valkey`, with the version.
    pub version: Option<String>,
    /// `master` or `slave`.
    pub role: Option<String>,
    /// Connected replicas.
    pub replicas: Option<u64>,
    /// Bytes in use (`used_memory`).
    pub memory: Option<u64>,
    /// Bytes that it may use (`maxmemory`); 0 is no limit.
    pub max_memory: Option<u64>,
    /// The eviction policy (`maxmemory-policy`).
    pub policy: Option<String>,
    /// Whether it has an append-only file.
    pub appends: Option<bool>,
    /// When the last snapshot was saved, in milliseconds since 1970.
    pub saved_ms: Option<u64>,
    /// Whether the last snapshot succeeded.
    pub saves_well: Option<bool>,
    /// Connected clients.
    pub clients: Option<u64>,
    /// Whether it is loading its data from disk.
    pub is_loading: Option<bool>,
}

/// Asks a master for its facts (`INFO`, `CONFIG GET`, `TIME`).
///
/// # Errors
///
/// Where it can't be reached. A fact that it refuses to tell is `None`.
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
