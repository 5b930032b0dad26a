//! Redis, everything that was found, and what was changed.

use std::time::Duration;

use super::overview::{redis, round_trip};
use super::say::sign;
use crate::assess::Assessment;
use crate::observe::{History, ServerFacts};
use crate::serve::page::{AuditRow, Happened, Page, Rich, ServerRow, System, Tile};
use crate::words::{age, age_ms, bytes, count, of, shown};

/// Something that was changed: when, and the fields of its note.
pub type Noted = (u64, Vec<(String, String)>);

/// What the dashboard knows of itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Looking {
    /// The time between two looks.
    pub every: Duration,
    /// Pages that were answered.
    pub answered: u64,
    /// Pages whose facts had to be read from Redis.
    pub read: u64,
}

/// Redis, what was found, and what was changed.
pub fn system(
    history: &History,
    found: &Assessment,
    audit: &[Noted],
    happened: Vec<Happened>,
    looking: Looking,
) -> System {
    let look = history.latest();
    let now = look.at_ms;
    let findings = found.findings.iter().map(|finding| {
        let mut words = Rich::new().plain(finding.sentence.clone());
        if !finding.detail.is_empty() {
            words = words.plain(" ").plain(finding.detail.clone());
        }
        if let Some(stream) = &finding.stream {
            let page = match &finding.group {
                Some(group) => Page::Group(stream.clone(), group.clone()),
                None => Page::Stream(stream.clone()),
            };
            words = words.plain(" ").link("Look", page.link());
        }
        (
            sign(finding.severity),
            words,
            finding.advice.clone().unwrap_or_default(),
        )
    });
    let findings: Vec<_> = findings.collect();
    System {
        title: match found.findings.first() {
            Some(worst) => worst.sentence.clone(),
            None => "Nothing is wrong".to_owned(),
        },
        about: of(look.servers.len() as u64, "master", "masters"),
        tiles: redis(history),
        servers: look
            .servers
            .iter()
            .map(|server| server_row(server, now))
            .collect(),
        findings,
        looking: vec![
            Tile::new(
                "Looks",
                format!("every {}", age(looking.every)),
                "by one poller for everybody",
            ),
            Tile::new("Streams", count(look.streams.len() as u64), "in each look"),
            Tile::new(
                "Pages answered",
                count(looking.answered),
                "since it was started",
            ),
            Tile::new(
                "Of these read",
                count(looking.read),
                "the others were known already",
            ),
        ],
        audit: audit.iter().map(|noted| audit_row(noted, now)).collect(),
        happened,
    }
}

fn server_row(server: &ServerFacts, now: u64) -> ServerRow {
    let dash = || "–".to_owned();
    let saved = server
        .saved_ms
        .map(|at| format!("{} ago", age_ms(now.saturating_sub(at))));
    ServerRow {
        address: server.address.clone(),
        version: server.version.clone().unwrap_or_else(dash),
        replicas: server.replicas.map_or_else(dash, count),
        memory: match (server.memory, server.max_memory) {
            (Some(memory), Some(most)) if most > 0 => {
                format!("{} of {}", bytes(memory), bytes(most))
            }
            (Some(memory), _) => bytes(memory),
            (None, _) => dash(),
        },
        policy: server.policy.clone().unwrap_or_else(dash),
        answers: round_trip(server),
        saved: saved.unwrap_or_else(dash),
    }
}

fn audit_row((at, fields): &Noted, now: u64) -> AuditRow {
    let field = |name: &str| {
        let found = fields.iter().find(|(known, _)| known == name);
        found.map_or_else(String::new, |(_, value)| shown(value.as_bytes()))
    };
    let group = field("group");
    AuditRow {
        age: format!("{} ago", age_ms(now.saturating_sub(*at))),
        who: field("who"),
        action: field("action"),
        place: if group.is_empty() {
            field("stream")
        } else {
            format!("{}/{group}", field("stream"))
        },
        done: field("done"),
        detail: field("detail"),
    }
}
