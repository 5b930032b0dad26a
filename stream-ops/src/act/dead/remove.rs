//! `dlq rm`.

use super::choice::DeadChoice;
use crate::act::job::{InSteps, Step};
use crate::act::plan::Plan;
use crate::act::refused::Planned;
use crate::act::said::named;
use crate::act::source::ensure_known;
use crate::server::Redis;
use crate::words::{count, of};

/// Plans to remove dead letters for good.
///
/// # Blocking
///
/// One request per 500 dead letters read.
///
/// # Errors
///
/// Those of [`DeadLetters`](stream_lib::DeadLetters).
pub fn remove(redis: &Redis, stream: &str, choice: &DeadChoice) -> Planned {
    ensure_known(redis, stream)?;
    let letters = redis.manager().dead_letters(stream)?;
    let all = letters.count()?;
    let mut ids = choice.select(&letters)?;
    let chosen = ids.len();
    if !choice.ids.is_empty() {
        let mut there = Vec::with_capacity(chosen);
        for id in ids.drain(..) {
            if letters.letter(id)?.is_some() {
                there.push(id);
            }
        }
        ids = there;
    }
    let (number, bound) = (ids.len(), choice.bound(&ids));
    let range = choice.range(&ids);
    let sentence = if number == 0 {
        format!(
            "No dead letter of {} is meant, of {}{range}.",
            named(stream),
            count(all)
        )
    } else {
        format!(
            "Would remove {} of {} of {} for good{range}.",
            count(number as u64),
            of(all, "dead letter", "dead letters"),
            named(stream),
        )
    };
    let name = stream.to_owned();
    let job = InSteps::job(ids, move |redis: &Redis, ids: &[_]| {
        let report = redis.manager().dead_letters(&name)?.remove_letters(ids)?;
        Ok(Step::done(report.removed).and_left("were not there any more", report.missing))
    });
    let unit = ("dead letter", "dead letters");
    let mut plan = Plan::new("dlq rm", stream, unit, "Removed", job)
        .counted(number)
        .say(sentence)
        .detail("missing", chosen - number);
    if chosen > number {
        plan = plan.say(format!(
            "{} not there.",
            of((chosen - number) as u64, "is", "are")
        ));
    }
    if number > 0 {
        let save = format!("streamctl dlq export {}", crate::words::quoted(stream));
        plan = plan.say(format!(
            "It can't be undone; `{save}` writes them out first."
        ));
    }
    plan.group.clone_from(&choice.group);
    plan.of = Some(all);
    plan.is_limited = choice.is_limited();
    plan.bound = bound;
    plan.begin = choice.begin();
    Ok(plan)
}
