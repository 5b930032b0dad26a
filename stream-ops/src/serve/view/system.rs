//! Redis, all findings, and the audit.

use std::time::Duration;

use super::redis::{redis, round_trip};
use super::say::sign;
use crate::assess::{Assessment, Severity};
use crate::observe::{History, ServerFacts};
use crate::serve::page::{AuditRow, Happened, Page, Rich, ServerRow, System, Tile};
use crate::words::{age, age_ms, bytes, count, of, shown, took_ms};

/// A change in the audit: its time in milliseconds since 1970, and its fields.
pub type Noted = (u64, Vec<(String, String)>);

/// The dashboard's numbers of itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Looking {
    /// The time between two looks.
    pub every: Duration,
    /// Pages that were answered.
    pub answered: u64,
    /// Pages whose facts had to be read from Redis.
    pub read: u64,
}

/// Redis, all findings, and the audit.
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
        let said = [finding.sentence.as_str(), &finding.detail].join(" ");
        let mut words = Rich::with_ids(said.trim_end());
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
        title: title(found),
        about: of(look.servers.len() as u64, "master", "masters"),
        tiles: redis(history),
        servers: look
            .servers
            .iter()
            .map(|server| server_row(server, now))
            .collect(),
        findings,
        looking: costs(history, looking),
        audit: audit.iter().map(|noted| audit_row(noted, now)).collect(),
        happened,
    }
}

/// The number of findings that need attention, or will.
fn title(found: &Assessment) -> String {
    let are = |severity| {
        let findings = found.findings.iter();
        findings.filter(|one| one.severity == severity).count() as u64
    };
    match (are(Severity::Trouble), are(Severity::Warning)) {
        (0, 0) => "Nothing is wrong".to_owned(),
        (0, warnings) => format!("{} worse", of(warnings, "thing gets", "things get")),
        (troubles, _) => format!("{} attention", of(troubles, "thing needs", "things need")),
    }
}

/// The cost of looking, for the server.
fn costs(history: &History, looking: Looking) -> Vec<Tile> {
    let look = history.latest();
    let streams = of(look.streams.len() as u64, "stream", "streams");
    let cost = look.cost.unwrap_or_default().of_redis;
    let is_known = look.cost.is_some();
    let known = |text: String| if is_known { text } else { "–".to_owned() };
    let time = history.server_time();
    vec![
        Tile::new("Looks", every(looking.every), "one poller for all viewers"),
        Tile::new(
            "One look sends",
            known(of(cost.calls, "request", "requests")),
            format!(
                "{streams}, {}",
                of(cost.round_trips, "round trip", "round trips")
            ),
        ),
        Tile::new(
            "It transfers",
            known(bytes(cost.sent + cost.received)),
            known(format!(
                "{} out, {} in",
                bytes(cost.sent),
                bytes(cost.received)
            )),
        ),
        Tile::new(
            "Server time",
            time.map_or_else(
                || "–".to_owned(),
                |time| took_ms(time.as_secs_f64() * 1_000.0),
            ),
            time.map_or_else(
                || "not measured yet".to_owned(),
                |time| format!("{} of its time, at most", share(time, looking.every)),
            ),
        ),
        Tile::new(
            "Pages answered",
            count(looking.answered),
            format!("{} of them read from Redis", count(looking.read)),
        ),
    ]
}

fn every(time: Duration) -> String {
    match time.as_secs() {
        seconds if time == Duration::from_secs(seconds) => format!("every {seconds} s"),
        _ => format!("every {}", age(time)),
    }
}

/// A part of a time, in percent.
fn share(time: Duration, of: Duration) -> String {
    let part = 100.0 * time.as_secs_f64() / of.as_secs_f64().max(0.001);
    if part < 0.01 {
        "under 0.01 %".to_owned()
    } else if part < 1.0 {
        format!("{part:.2} %")
    } else {
        format!("{part:.0} %")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Look, LookCost};
    use crate::server::Cost;

    fn tiles(cost: Option<LookCost>) -> Vec<String> {
        let mut history = History::default();
        history.add(Look {
            at_ms: 1,
            cost,
            ..Look::default()
        });
        let looking = Looking {
            every: Duration::from_secs(2),
            ..Looking::default()
        };
        let tiles = costs(&history, looking);
        let said = tiles
            .iter()
            .map(|tile| format!("{} · {}", tile.value.text(), tile.note));
        said.collect()
    }

    #[test]
    fn what_a_look_costs_is_said_where_it_is_known() {
        let unknown = tiles(None);
        assert!(
            unknown[1].starts_with("– ") && unknown[3] == "– · not measured yet",
            "{unknown:?}"
        );
        let known = tiles(Some(LookCost {
            of_redis: Cost {
                round_trips: 3,
                calls: 14,
                sent: 1_024,
                received: 512,
                server_time: Some(Duration::from_micros(500)),
            },
            took: Duration::ZERO,
        }));
        assert_eq!(known[1], "14 requests · 0 streams, 3 round trips");
        assert!(
            known[3].starts_with("0.5 ms · 0.03 %") || known[3].starts_with("0.5 ms · 0.02 %"),
            "{known:?}"
        );
    }

    #[test]
    fn the_title_counts_what_is_wrong() {
        let found = |severities: &[Severity]| {
            let finding = |severity: &Severity| crate::assess::Finding {
                severity: *severity,
                kind: crate::assess::Kind::NobodyReads,
                stream: None,
                group: None,
                sentence: String::new(),
                detail: String::new(),
                since_ms: None,
                numbers: Vec::new(),
                advice: None,
            };
            title(&Assessment {
                findings: severities.iter().map(finding).collect(),
                ..Assessment::default()
            })
        };
        let (trouble, warning) = (Severity::Trouble, Severity::Warning);
        assert_eq!(found(&[Severity::Note]), "Nothing is wrong");
        assert_eq!(found(&[warning, warning]), "2 things get worse");
        assert_eq!(found(&[trouble, warning]), "1 thing needs attention");
        assert_eq!(every(Duration::from_secs(2)), "every 2 s");
        assert_eq!(every(Duration::from_millis(300)), "every 0.3 s");
    }

    #[test]
    fn shares_are_as_exact_as_matters() {
        let of = |micros: u64| share(Duration::from_micros(micros), Duration::from_secs(1));
        assert_eq!(
            [of(10), of(4_000), of(30_000)],
            ["under 0.01 %", "0.40 %", "3 %"]
        );
    }
}
