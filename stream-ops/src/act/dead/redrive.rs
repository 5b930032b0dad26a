//! `dlq redrive`.

use std::collections::BTreeMap;

use stream_lib::{DeadFilter, FieldEdits};

use super::choice::DeadChoice;
use super::failing::Judge;
use crate::act::job::{InSteps, Step};
use crate::act::plan::{Failing, Plan};
use crate::act::refused::Planned;
use crate::act::said::{listed, named};
use crate::act::source::ensure_known;
use crate::server::Redis;
use crate::words::{count, of, shown};

/// Plans to put dead letters back into their stream, for the groups that failed on them,
/// with `edits` applied.
///
/// # Blocking
///
/// One round trip per dead letter: its fields are compared with the newest schema.
///
/// # Errors
///
/// Those of [`DeadLetters`](stream_lib::DeadLetters).
pub fn redrive(redis: &Redis, stream: &str, choice: &DeadChoice, edits: &FieldEdits) -> Planned {
    ensure_known(redis, stream)?;
    let letters = redis.manager().dead_letters(stream)?;
    // Refuses invalid edits.
    letters.plan_redrive(&DeadFilter::new().limit(0), edits, &[])?;
    let all = letters.count()?;
    let mut ids = choice.select(&letters)?;
    let chosen = ids.len();
    let mut judge = Judge::new(redis.manager().schemas(stream)?);
    let mut groups: BTreeMap<String, u64> = BTreeMap::new();
    let mut bare = 0_u64;
    let mut there = Vec::with_capacity(chosen);
    for id in ids.drain(..) {
        let Some(letter) = letters.letter(id)? else {
            continue;
        };
        if letter.message().is_empty() {
            bare += 1;
            continue;
        }
        *groups.entry(letter.group().to_owned()).or_default() += 1;
        judge.look(&id.to_string(), &edits.applied_to(letter.message()));
        there.push(id);
    }
    let number = there.len();
    let missing = chosen - number - usize::try_from(bare).unwrap_or(0);
    let bound = choice.bound(&there);
    let failing = judge.found();
    let sentence = sentence(stream, number, all, &groups, &choice.range(&there));
    let failed = failing.as_ref().and_then(Failing::sentence);
    let (name, edits) = (stream.to_owned(), edits.clone());
    let job = InSteps::job(there, move |redis: &Redis, ids: &[_]| {
        let letters = redis.manager().dead_letters(&name)?;
        let report = letters.redrive_edited(ids, &edits)?;
        Ok(Step::done(report.redriven)
            .and_left("were not there any more", report.missing)
            .and_left("stay, without their fields", report.without_body))
    });
    let unit = ("dead letter", "dead letters");
    let mut plan = Plan::new("dlq redrive", stream, unit, "Put back", job)
        .counted(number)
        .say(sentence)
        .detail("groups", serde_json::json!(groups))
        .detail("without_body", bare)
        .detail("missing", missing);
    plan.sentences.extend(failed);
    if bare > 0 {
        let letters = of(bare, "stays", "stay");
        plan = plan.say(format!("{letters}: the fields were too large to be kept."));
    }
    if missing > 0 {
        plan = plan.say(format!("{} not there.", of(missing as u64, "is", "are")));
    }
    plan.group.clone_from(&choice.group);
    plan.of = Some(all);
    plan.is_limited = choice.is_limited();
    plan.bound = bound;
    plan.begin = choice.begin();
    plan.failing = failing;
    Ok(plan)
}

fn sentence(
    stream: &str,
    number: usize,
    all: u64,
    groups: &BTreeMap<String, u64>,
    range: &str,
) -> String {
    let stream = named(stream);
    if number == 0 {
        return format!(
            "No dead letter of {stream} is meant, of {}{range}.",
            count(all)
        );
    }
    let groups: Vec<_> = groups.iter().collect();
    let whom = match groups.as_slice() {
        [(group, _)] => format!(", for {} only", shown(group.as_bytes())),
        several => {
            let each = |(group, count): &(&String, &u64)| {
                format!(
                    "{} for {}",
                    crate::words::count(**count),
                    shown(group.as_bytes())
                )
            };
            let each: Vec<String> = several.iter().map(each).collect();
            format!(", {}", listed(&each))
        }
    };
    format!(
        "Would put back {} of {} into {stream}{whom}{range}.",
        count(number as u64),
        of(all, "dead letter", "dead letters"),
    )
}
