//! Redis in numbers.

use crate::observe::{History, ServerFacts};
use crate::serve::page::Tile;
use crate::words::{age, age_ms, bytes};

/// The numbers of the masters.
pub(super) fn redis(history: &History) -> Vec<Tile> {
    let look = history.latest();
    let servers = &look.servers;
    let Some(first) = servers.first() else {
        return vec![Tile::new("Redis", "–", "was not reached yet")];
    };
    let memory: Option<u64> = servers.iter().map(|server| server.memory).sum();
    let most: Option<u64> = servers.iter().map(|server| server.max_memory).sum();
    let note = match most {
        Some(0) => "no limit is set".to_owned(),
        Some(most) => format!("of {}", bytes(most)),
        None => "its limit is unknown".to_owned(),
    };
    let slowest = servers
        .iter()
        .max_by_key(|server| server.round_trip)
        .unwrap_or(first);
    vec![
        Tile::new("Memory", memory.map_or_else(|| "–".to_owned(), bytes), note),
        growing(history, servers),
        Tile::new(
            "Answers in",
            round_trip(slowest),
            match servers.len() {
                1 => "one round trip".to_owned(),
                masters => format!("the slowest of {masters} masters"),
            },
        ),
        saved(first, look.at_ms),
    ]
}

/// The round trip to a server.
pub(crate) fn round_trip(server: &ServerFacts) -> String {
    let micros = server.round_trip.as_micros();
    if micros < 100_000 {
        format!("{}.{} ms", micros / 1_000, micros / 100 % 10)
    } else {
        age(server.round_trip)
    }
}

/// The growth of a server's memory in bytes per hour, over the known history.
fn growth_of(history: &History, server: &ServerFacts) -> Option<i128> {
    let mut points = history.memory(&server.address);
    let ((from, before), (to, after)) = (points.next()?, points.next_back()?);
    let grown = i128::from(after) - i128::from(before);
    (to > from).then(|| grown * 3_600_000 / i128::from(to - from))
}

/// The milliseconds until the first server is full at this pace.
pub(super) fn room(history: &History) -> Option<u64> {
    let servers = history.latest().servers.iter();
    let room = servers.filter_map(|server| {
        let (used, most) = (server.memory?, server.max_memory.filter(|most| *most > 0)?);
        let growth = growth_of(history, server).filter(|growth| *growth > 0)?;
        let left = i128::from(most.saturating_sub(used)) * 3_600_000 / growth;
        u64::try_from(left).ok()
    });
    room.min()
}

/// The growth of memory.
fn growing(history: &History, servers: &[ServerFacts]) -> Tile {
    let known: Vec<i128> = servers
        .iter()
        .filter_map(|server| growth_of(history, server))
        .collect();
    if known.is_empty() {
        return Tile::new("Memory grows by", "–", "was not watched for long enough");
    }
    let growth: i128 = known.iter().sum();
    let size = bytes(u64::try_from(growth.unsigned_abs()).unwrap_or(u64::MAX));
    let word = if growth >= 0 {
        "more each hour"
    } else {
        "less each hour"
    };
    Tile::new("Memory grows by", size, word)
}

fn saved(server: &ServerFacts, now: u64) -> Tile {
    let value = server
        .saved_ms
        .map(|at| format!("{} ago", age_ms(now.saturating_sub(at))));
    let note = match (server.appends, server.saves_well) {
        (_, Some(false)) => "the last save failed",
        (Some(true), _) => "append-only file, too",
        (Some(false), _) => "no append-only file",
        (None, _) => "",
    };
    Tile::new("Saved", value.unwrap_or_else(|| "–".to_owned()), note)
}
