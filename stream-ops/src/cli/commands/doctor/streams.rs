//! Checks of streams.

use stream_lib::{FieldMask, Peek, Result, StreamSchema};

use super::line::Line;
use crate::assess::Severity;
use crate::cli::commands::rights;
use crate::cli::context::Context;
use crate::observe::{StreamFacts, own_key, partition_names};
use crate::server::{Answered, Redis, request};
use crate::words::{bytes, count, cut, of, quoted, shown};

const SAMPLE: &str = include_str!("sample.lua");

/// Pending entries that are looked at in each group.
const PENDING: &str = "100";

/// Groups that one script looks at: with more, it would hold up Redis.
const GROUPS: usize = 5;

/// Entries that are compared with their schema.
const NEWEST: usize = 100;

/// A larger entry is reported.
const LARGE: u64 = 1 << 20;

pub(super) fn lines(redis: &Redis, stream: &StreamFacts, context: &Context) -> Result<Vec<Line>> {
    let name = stream.name.as_str();
    let parts = match stream.partitions {
        Some(number) => partition_names(name, number),
        None => vec![name.to_owned()],
    };
    let mut lines = vec![rights(redis, name)?];
    lines.push(dead_consumers(stream));
    lines.extend(samples(redis, stream, &parts)?);
    lines.push(misfits(redis, name, context)?);
    Ok(lines)
}

fn rights(redis: &Redis, stream: &str) -> Result<Line> {
    Ok(match rights::missing(redis, stream)? {
        None => Line::unknown("rights", Some(stream)),
        Some(missing) if missing.is_empty() => {
            Line::good("rights", Some(stream), "all commands that the library uses")
        }
        Some(missing) => Line::good(
            "rights",
            Some(stream),
            format!(
                "missing: {}",
                cut(&shown(missing.join(", ").as_bytes()), 300)
            ),
        )
        .at(Severity::Trouble)
        .advising("ACL SETUSER … (the README lists the rights)"),
    })
}

fn dead_consumers(stream: &StreamFacts) -> Line {
    let mut dead = Vec::new();
    let mut held = 0;
    for group in &stream.groups {
        let of_dead = group.held_by_dead();
        if of_dead > 0 {
            held += of_dead;
            dead.push(shown(group.name.as_bytes()));
        }
    }
    if dead.is_empty() {
        return Line::good("dead-consumers", Some(&stream.name), "none hold entries");
    }
    Line::good(
        "dead-consumers",
        Some(&stream.name),
        format!(
            "{} in dead hands, in {}",
            of(held, "entry", "entries"),
            dead.join(", ")
        ),
    )
    .at(Severity::Warning)
    .advising(format!(
        "streamctl pending ls {} {} --suspects",
        quoted(&stream.name),
        dead.first().map_or("GROUP", String::as_str)
    ))
}

/// Checks by a script that returns no payload.
fn samples(redis: &Redis, stream: &StreamFacts, parts: &[String]) -> Result<Vec<Line>> {
    let name = Some(stream.name.as_str());
    let (mut largest, mut missing, mut locks, mut waiting) = (0, 0, 0, 0);
    let mut is_known = false;
    let names: Vec<_> = stream
        .groups
        .iter()
        .map(|group| group.name.as_str())
        .collect();
    for part in parts {
        let (drain, cleaner) = (own_key(part, "lock:drain"), own_key(part, "lock:retention"));
        let mut of_part = 0;
        // A stream without groups is sampled, too.
        for names in names
            .chunks(GROUPS)
            .chain(names.is_empty().then_some(&[][..]))
        {
            let mut words = vec!["EVAL_RO", SAMPLE, "3", part, &drain, &cleaner, PENDING];
            words.extend(names);
            let answer = redis.ask_one(part, request(words))?;
            let [size, groups, eternal] = answer.list() else {
                continue;
            };
            is_known = true;
            largest = largest.max(size.count().unwrap_or(0));
            of_part = of_part.max(eternal.count().unwrap_or(0));
            for group in groups.list() {
                let [gone, held] = group.list() else { continue };
                missing += gone.count().unwrap_or(0);
                waiting += held.count().unwrap_or(0);
            }
        }
        locks += of_part;
    }
    if !is_known {
        let what = ["entries-gone", "waiting", "locks", "large-entries"];
        return Ok(what
            .into_iter()
            .map(|what| Line::unknown(what, name))
            .collect());
    }
    let in_set: u64 = stream.groups.iter().map(|group| group.waiting).sum();
    Ok(vec![
        match missing {
            0 => Line::good("entries-gone", name, "no pending id without its entry"),
            number => Line::good(
                "entries-gone",
                name,
                format!(
                    "{} without an entry: deleted or trimmed while they were pending",
                    of(number, "pending id", "pending ids")
                ),
            )
            .at(Severity::Warning),
        },
        if waiting == in_set {
            Line::good(
                "waiting",
                name,
                format!("{} wait for a retry", count(waiting)),
            )
        } else {
            Line::good(
                "waiting",
                name,
                format!(
                    "~waiting holds {}, the set of due times {}: takeover finds the others",
                    count(waiting),
                    count(in_set)
                ),
            )
            .at(Severity::Note)
        },
        match locks {
            0 => Line::good("locks", name, "none without a lease"),
            number => Line::good(
                "locks",
                name,
                format!(
                    "{} without a lease: they never lapse",
                    of(number, "lock", "locks")
                ),
            )
            .at(Severity::Warning),
        },
        {
            let line = Line::good(
                "large-entries",
                name,
                format!("the largest of the newest has {}", bytes(largest)),
            );
            if largest > LARGE {
                line.at(Severity::Note)
            } else {
                line
            }
        },
    ])
}

/// The newest entries against the schemas.
fn misfits(redis: &Redis, stream: &str, context: &Context) -> Result<Line> {
    let what = "schema-misfits";
    if redis.manager().schemas(stream)?.is_empty() {
        return Ok(Line::unknown(what, Some(stream)));
    }
    let page = redis.manager().peek(stream, &Peek::newest(NEWEST))?;
    // Again, since the type of an entry is stored before the entry.
    let schemas = redis.manager().schemas(stream)?;
    let whole = page.entries.iter().filter(|entry| entry.is_whole());
    let mask = if context.globals.show_sensitive {
        FieldMask::default()
    } else {
        FieldMask::of(&schemas)
    };
    let (mut looked, mut misfits, mut example) = (0, 0, None);
    for entry in whole {
        looked += 1;
        if let Some((schema, found)) = StreamSchema::check_any(&schemas, &entry.message()) {
            misfits += 1;
            example.get_or_insert_with(|| {
                let first = found.first().map(|misfit| {
                    if mask.hides(misfit.field.as_bytes()) {
                        misfit.field.clone()
                    } else {
                        misfit.to_string()
                    }
                });
                format!(
                    "{}: {} ({})",
                    entry.at,
                    first.unwrap_or_default(),
                    schema.name
                )
            });
        }
    }
    Ok(match example {
        None => Line::good(
            what,
            Some(stream),
            format!("none among the newest {looked}"),
        ),
        Some(example) => Line::good(
            what,
            Some(stream),
            format!(
                "{misfits} of the newest {looked}, such as {}",
                cut(&shown(example.as_bytes()), 160)
            ),
        )
        .at(Severity::Warning)
        .advising(format!("streamctl schema ls {}", quoted(stream))),
    })
}
