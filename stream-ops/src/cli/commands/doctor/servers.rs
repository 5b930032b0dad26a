//! Checks of servers.

use std::time::Duration;

use stream_lib::{ConnectionConfig, Result};

use super::line::Line;
use super::scripts::slow_log;
use crate::assess::Severity;
use crate::cli::context::Context;
use crate::cli::exit::Outcome;
use crate::observe::{History, ServerFacts};
use crate::server::{Answered, Master, Redis, request};
use crate::words::{age, age_ms, bytes, dash, of};

/// Above this a round trip slows everything down.
const SLOW_ROUND_TRIP: Duration = Duration::from_millis(20);

/// A greater difference between clocks is reported.
const CLOCKS_DIFFER_MS: u64 = 1_000;

pub(super) fn lines(context: &Context, redis: &Redis, history: &History) -> Outcome<Vec<Line>> {
    let mut lines = vec![tls(context)];
    for (master, server) in redis.masters()?.iter().zip(&history.latest().servers) {
        lines.extend(about(history, server));
        lines.push(local_clock(server));
        lines.push(eviction_counts(redis, master)?);
        lines.push(slow_log(redis, master)?);
    }
    Ok(lines)
}

fn tls(context: &Context) -> Line {
    let config = match &context.globals.url {
        Some(url) => ConnectionConfig::new(url),
        None => ConnectionConfig::from_env(),
    };
    match config.map(|config| config.settings()) {
        Ok(settings) if settings.tls => Line::good("tls", None, "on"),
        Ok(settings) if is_near(&settings.address) => {
            Line::good("tls", None, "off, on this machine")
        }
        Ok(_) => Line::good(
            "tls",
            None,
            "off: everything goes over the network in plain text",
        )
        .at(Severity::Note),
        Err(_) => Line::unknown("tls", None),
    }
}

fn is_near(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.starts_with('/')
        || matches!(host, "localhost" | "[::1]" | "::1")
        || host.starts_with("127.")
}

fn about(history: &History, server: &ServerFacts) -> Vec<Line> {
    let at = server.address.as_str();
    let round_trip = Line::good(
        "round-trip",
        None,
        format!(
            "{:.1} ms to {at}",
            server.round_trip.as_secs_f64() * 1_000.0
        ),
    );
    let round_trip = if server.round_trip > SLOW_ROUND_TRIP {
        round_trip.at(Severity::Note)
    } else {
        round_trip
    };
    vec![
        round_trip,
        Line::good("version", None, server.version.clone().unwrap_or_else(dash)),
        role(server),
        memory(server),
        policy(server),
        hours_to_full(history, server),
        persistence(server),
        replicas(server),
    ]
}

fn role(server: &ServerFacts) -> Line {
    match server.role.as_deref() {
        Some("master") => Line::good("role", None, "master"),
        Some("slave") => {
            Line::good("role", None, "replica: it takes no writes").at(Severity::Trouble)
        }
        Some(other) => Line::good("role", None, other),
        None => Line::unknown("role", None),
    }
}

fn memory(server: &ServerFacts) -> Line {
    match (server.memory, server.max_memory) {
        (Some(used), Some(0)) => Line::good(
            "memory",
            None,
            format!("{}, without a limit (maxmemory 0)", bytes(used)),
        ),
        (Some(used), Some(most)) => {
            let line = Line::good(
                "memory",
                None,
                format!("{} of {}", bytes(used), bytes(most)),
            );
            match used.saturating_mul(100) / most.max(1) {
                95.. => line.at(Severity::Trouble),
                80.. => line.at(Severity::Warning),
                _ => line,
            }
        }
        (Some(used), None) => Line::good("memory", None, bytes(used)),
        (None, _) => Line::unknown("memory", None),
    }
}

fn policy(server: &ServerFacts) -> Line {
    match &server.policy {
        Some(policy) if policy.starts_with("allkeys-") => Line::good(
            "eviction-policy",
            None,
            format!("{policy}: when memory is full, whole streams are deleted"),
        )
        .at(Severity::Warning)
        .advising("CONFIG SET maxmemory-policy noeviction"),
        Some(policy) => Line::good("eviction-policy", None, policy),
        None => Line::unknown("eviction-policy", None),
    }
}

/// By the growth between looks, which a single look doesn't show.
#[expect(clippy::cast_precision_loss, reason = "bytes below 2^52")]
fn hours_to_full(history: &History, server: &ServerFacts) -> Line {
    let mut points = history.memory(&server.address);
    let (first, last) = (points.next(), points.next_back());
    match (first, last, server.max_memory, server.memory) {
        (Some((from, before)), Some((to, after)), Some(most), Some(used))
            if to > from && after > before && most > used =>
        {
            let an_hour = (after - before) as f64 * 3_600_000.0 / (to - from) as f64;
            let hours = (most - used) as f64 / an_hour;
            Line::good("hours-to-full", None, format!("{hours:.0} h"))
        }
        (.., Some(0), _) => Line::good("hours-to-full", None, "never: there is no limit"),
        _ => Line::good(
            "hours-to-full",
            None,
            "– (one look doesn't tell; `overview --watch` does)",
        ),
    }
}

fn persistence(server: &ServerFacts) -> Line {
    let saved = server
        .saved_ms
        .map(|at| age_ms(server.at_ms.saturating_sub(at)));
    let saved = saved.unwrap_or_else(dash);
    match (server.appends, server.saves_well) {
        (_, Some(false)) => {
            Line::good("persistence", None, "the last save failed").at(Severity::Trouble)
        }
        (Some(true), _) => Line::good("persistence", None, "append-only file"),
        (Some(false), _) => Line::good(
            "persistence",
            None,
            format!("snapshots alone, the last one {saved} ago: a crash loses later writes"),
        )
        .at(Severity::Note),
        (None, _) => Line::unknown("persistence", None),
    }
}

fn replicas(server: &ServerFacts) -> Line {
    match server.replicas {
        Some(0) => Line::good("replicas", None, "none: the data is lost with this server")
            .at(Severity::Note),
        Some(number) => Line::good("replicas", None, of(number, "replica", "replicas")),
        None => Line::unknown("replicas", None),
    }
}

fn local_clock(server: &ServerFacts) -> Line {
    let here = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
    let apart = here.abs_diff(server.at_ms);
    if apart < CLOCKS_DIFFER_MS {
        return Line::good("clock", None, "as this machine's");
    }
    let apart = age(Duration::from_millis(apart));
    let which = if here < server.at_ms {
        "ahead"
    } else {
        "behind"
    };
    Line::good("clock", None, format!("{apart} {which} of this machine's")).at(Severity::Note)
}

/// Keys that were evicted since the server started.
fn eviction_counts(redis: &Redis, master: &Master) -> Result<Line> {
    let info = redis.ask_one(&master.key, request(["INFO", "stats"]))?;
    let text = info.text().unwrap_or_default();
    let evicted = text
        .lines()
        .find_map(|line| line.strip_prefix("evicted_keys:"))
        .and_then(|number| number.trim().parse().ok());
    Ok(match evicted {
        Some(0) => Line::good("evicted-keys", None, "none"),
        Some(number) => {
            Line::good("evicted-keys", None, of(number, "key", "keys")).at(Severity::Note)
        }
        None => Line::unknown("evicted-keys", None),
    })
}
