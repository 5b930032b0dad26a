//! Findings about streams and servers.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Kind, Number, Severity};
use super::trend::arrives;
use crate::observe::{GroupFacts, History, ServerFacts, StreamFacts, StreamTrack};
use crate::words::{Clock, age_ms, bytes, count, cut, of, quoted, rate, shown};

/// The part of a capacity from which it counts as nearly full.
const NEARLY: f64 = 0.8;

/// A stream without a group whose newest entry is younger than this grows.
const FRESH_MS: u64 = 60_000;

/// Memory that lasts for less time than this is a finding.
const DAY_HOURS: f64 = 24.0;

/// How long memory must have been watched.
const WATCHED_MS: u64 = 60_000;

fn finding(severity: Severity, kind: Kind, sentence: String) -> Finding {
    Finding {
        severity,
        kind,
        stream: None,
        group: None,
        sentence,
        detail: String::new(),
        since_ms: None,
        numbers: Vec::new(),
        advice: None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^52")]
fn number(name: &'static str, value: u64) -> Number {
    Number {
        name,
        value: value as f64,
        is_sure: true,
    }
}

/// Redis doesn't answer.
pub(super) fn about_redis(history: &History, clock: &Clock) -> Option<Finding> {
    let outage = history.outage()?;
    let since = clock.date_time(outage.since_ms);
    Some(Finding {
        since_ms: Some(outage.since_ms),
        detail: "The facts of streams are those of the last look.".to_owned(),
        advice: Some("streamctl doctor".to_owned()),
        ..finding(
            Severity::Trouble,
            Kind::RedisRefuses,
            format!(
                "Redis can't be asked since {since}: {}.",
                cut(&outage.why, 200)
            ),
        )
    })
}

/// Memory and eviction policies.
pub(super) fn about_servers(history: &History) -> Vec<Finding> {
    let mut findings = Vec::new();
    for server in &history.latest().servers {
        if let Some(policy) = server
            .policy
            .as_deref()
            .filter(|p| p.starts_with("allkeys-"))
        {
            findings.push(Finding {
                detail: "Set `noeviction`, or a policy that begins with `volatile-`.".to_owned(),
                advice: Some("streamctl doctor".to_owned()),
                ..finding(
                    Severity::Warning,
                    Kind::EvictionPolicy,
                    format!(
                        "{} deletes whole streams when its memory is full (maxmemory-policy {policy}).",
                        server.address
                    ),
                )
            });
        }
        findings.extend(memory(history, server));
    }
    findings
}

#[expect(clippy::cast_precision_loss, reason = "bytes below 2^52")]
fn memory(history: &History, server: &ServerFacts) -> Option<Finding> {
    let (used, most) = (server.memory?, server.max_memory.filter(|most| *most > 0)?);
    let left = most.saturating_sub(used) as f64;
    let mut points = history.memory(&server.address);
    let (first, last) = (points.next(), points.next_back());
    let hours = match (first, last) {
        (Some((from, before)), Some((to, after)))
            if to.saturating_sub(from) >= WATCHED_MS && after > before =>
        {
            let an_hour = (after - before) as f64 * 3_600_000.0 / (to - from) as f64;
            Some(left / an_hour)
        }
        _ => None,
    };
    let is_full = left < most as f64 * 0.05;
    let hours = hours.filter(|hours| *hours <= DAY_HOURS);
    let when = match hours {
        Some(hours) if !is_full => format!("reaches its maxmemory in about {hours:.0} h"),
        _ if is_full => "has less than 5 % of its maxmemory left".to_owned(),
        _ => return None,
    };
    let mut numbers = vec![
        number("memory_bytes", used),
        number("max_memory_bytes", most),
    ];
    numbers.extend(hours.map(|hours| Number {
        name: "hours_to_full",
        value: hours,
        is_sure: false,
    }));
    Some(Finding {
        detail: format!("{} of {} in use.", bytes(used), bytes(most)),
        numbers,
        advice: Some("streamctl doctor".to_owned()),
        ..finding(
            if is_full {
                Severity::Trouble
            } else {
                Severity::Warning
            },
            Kind::MemoryNearlyFull,
            format!("{} {when}.", server.address),
        )
    })
}

/// The findings about a stream.
pub(super) fn about_stream(
    stream: &StreamFacts,
    track: Option<&StreamTrack>,
    now: u64,
) -> Vec<Finding> {
    let name = shown(stream.name.as_bytes());
    let word = quoted(&stream.name);
    let found = [
        nobody_reads(stream, track, now, &name, &word),
        backup(stream, &name, &word),
        dead_letters(stream, &name, &word),
        blocked(stream, &name, &word, now),
        outside(stream, &name, &word),
        misfits(stream, &name, &word),
        stream.trouble.as_ref().map(|line| Finding {
            advice: Some("streamctl doctor".to_owned()),
            ..finding(
                Severity::Warning,
                Kind::NotReadable,
                format!(
                    "{name} can't be looked at: {}.",
                    cut(&shown(line.as_bytes()), 200)
                ),
            )
        }),
    ];
    let mut findings: Vec<Finding> = found.into_iter().flatten().collect();
    findings.extend(stream.groups.iter().filter_map(|g| mixed(g, &name, &word)));
    for finding in &mut findings {
        finding.stream = Some(stream.name.clone());
    }
    findings
}

fn nobody_reads(
    stream: &StreamFacts,
    track: Option<&StreamTrack>,
    now: u64,
    name: &str,
    word: &str,
) -> Option<Finding> {
    if !stream.groups.is_empty() || !stream.exists || stream.length == 0 {
        return None;
    }
    let (per_second, is_sure) = arrives(stream, track, now)?;
    let newest = stream.last.map_or(0, stream_lib::EntryId::ms);
    if per_second <= 0.0 || now.saturating_sub(newest) > FRESH_MS {
        return None;
    }
    Some(Finding {
        detail: format!("{}.", of(stream.length, "entry", "entries")),
        numbers: vec![
            number("length", stream.length),
            Number {
                name: "arrives_per_second",
                value: per_second,
                is_sure,
            },
        ],
        advice: Some(format!("streamctl stream info {word}")),
        ..finding(
            Severity::Warning,
            Kind::NobodyReads,
            format!(
                "{name} grows by {}, and no group reads it.",
                rate(per_second)
            ),
        )
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^52")]
fn is_nearly(some: u64, all: u64) -> bool {
    all > 0 && some as f64 > NEARLY * all as f64
}

fn backup(stream: &StreamFacts, name: &str, word: &str) -> Option<Finding> {
    let most = stream.backup_capacity?;
    is_nearly(stream.backup, most).then(|| Finding {
        detail: "When it is full, adding fails.".to_owned(),
        numbers: vec![
            number("backup", stream.backup),
            number("backup_capacity", most),
        ],
        advice: Some(format!("streamctl stream info {word}")),
        ..finding(
            Severity::Warning,
            Kind::BackupNearlyFull,
            format!(
                "The backup stream of {name} has {} of at most {} entries.",
                count(stream.backup),
                count(most)
            ),
        )
    })
}

fn dead_letters(stream: &StreamFacts, name: &str, word: &str) -> Option<Finding> {
    let most = stream.dead_capacity?;
    is_nearly(stream.dead, most).then(|| Finding {
        detail: "When there are more, the oldest are dropped.".to_owned(),
        numbers: vec![number("dead", stream.dead), number("dead_capacity", most)],
        advice: Some(format!("streamctl dlq ls {word} --kinds")),
        ..finding(
            Severity::Warning,
            Kind::DeadLettersNearCap,
            format!(
                "{name} has {} dead letters; {} are kept.",
                count(stream.dead),
                count(most)
            ),
        )
    })
}

/// The stream is too long, and some group still needs its first entry.
fn blocked(stream: &StreamFacts, name: &str, word: &str, now: u64) -> Option<Finding> {
    let most = stream.max_length?;
    let is_low = stream
        .priority
        .as_ref()
        .is_some_and(|p| p.eq_ignore_ascii_case("low"));
    let first = stream.first.filter(|_| stream.length > most && !is_low)?;
    let blocks = |group: &&GroupFacts| {
        let holds = group.oldest_pending.is_some_and(|id| id <= first);
        holds || group.cursor < first && group.unread != Some(0)
    };
    let groups: Vec<String> = stream
        .groups
        .iter()
        .filter(blocks)
        .map(|group| shown(group.name.as_bytes()))
        .collect();
    (!groups.is_empty()).then(|| Finding {
        detail: format!(
            "The oldest entry is {} old.",
            age_ms(now.saturating_sub(first.ms()))
        ),
        since_ms: Some(first.ms()),
        numbers: vec![number("length", stream.length), number("max_length", most)],
        advice: Some(format!("streamctl retention plan {word}")),
        ..finding(
            Severity::Warning,
            Kind::RetentionBlocked,
            format!(
                "{name} can't be trimmed to {} entries: all {} stay for {}.",
                count(most),
                count(stream.length),
                groups.join(", ")
            ),
        )
    })
}

fn outside(stream: &StreamFacts, name: &str, word: &str) -> Option<Finding> {
    (stream.outside > 0).then(|| Finding {
        detail: "No consumer reads them: a producer doesn't know of the partitions.".to_owned(),
        numbers: vec![number("outside", stream.outside)],
        advice: Some(format!("streamctl stream info {word}")),
        ..finding(
            Severity::Warning,
            Kind::OutsidePartitions,
            format!(
                "{name} has {} entries outside of its partitions.",
                count(stream.outside)
            ),
        )
    })
}

/// Entries that don't fit the schemas of their stream: consumers fail on them.
fn misfits(stream: &StreamFacts, name: &str, word: &str) -> Option<Finding> {
    let found = stream.misfits.as_ref().filter(|found| found.count > 0)?;
    let newest = of(found.looked, "entry", "entries");
    let fit = if found.count == 1 {
        "doesn't fit its schema"
    } else {
        "don't fit their schema"
    };
    Some(Finding {
        detail: found
            .example
            .as_ref()
            .map_or_else(String::new, |example| format!("{example}.")),
        numbers: vec![
            number("misfits", found.count),
            number("looked_at", found.looked),
        ],
        advice: Some(format!("streamctl schema ls {word}")),
        ..finding(
            Severity::Warning,
            Kind::SchemaMisfits,
            format!(
                "{} of the newest {newest} of {name} {fit}.",
                count(found.count)
            ),
        )
    })
}

/// Living members of one program with different versions.
fn mixed(group: &GroupFacts, name: &str, word: &str) -> Option<Finding> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let living = group.consumers.iter().filter(|c| c.alive == Some(true));
    for program in living.filter_map(|c| c.facts.program.as_ref()) {
        let of = versions.entry(&program.name).or_default();
        of.insert(&program.version);
    }
    let (program, versions) = versions.into_iter().find(|(_, of)| of.len() > 1)?;
    let all: Vec<String> = versions.iter().map(|v| shown(v.as_bytes())).collect();
    let who = shown(group.name.as_bytes());
    Some(Finding {
        group: Some(group.name.clone()),
        advice: Some(format!(
            "streamctl consumer ls {word} {}",
            quoted(&group.name)
        )),
        ..finding(
            Severity::Note,
            Kind::MixedVersions,
            format!(
                "{name}/{who} runs {} in versions {}.",
                shown(program.as_bytes()),
                all.join(" and ")
            ),
        )
    })
}
