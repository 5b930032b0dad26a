//! `consumer rm`.

use super::job::{Once, Step};
use super::plan::Plan;
use super::refused::{Planned, Refused};
use super::said::{group_of, named};
use crate::server::Redis;
use crate::words::{of, quoted};

/// Plans to remove a consumer from its group. Its pending entries stay with the group,
/// and another consumer takes them over. Carrying out the plan fails while the consumer
/// lives.
///
/// # Errors
///
/// If there is no such consumer, or Redis can't be reached.
pub fn remove(redis: &Redis, stream: &str, group: &str, consumer: &str) -> Planned {
    let consumers = redis.manager().group_consumers(stream, group)?;
    let known = consumers.into_iter().find(|known| known.name == consumer);
    let known = known.ok_or_else(|| {
        Refused::NoSuch(format!(
            "{} has no consumer {}; `streamctl consumer ls {} {}` shows those that it has",
            group_of(stream, group),
            named(consumer),
            quoted(stream),
            quoted(group)
        ))
    })?;
    let owned = (stream.to_owned(), group.to_owned(), consumer.to_owned());
    let job = Once::job(move |redis: &Redis| {
        let manager = redis.manager();
        let removed = manager.remove_group_consumer(&owned.0, &owned.1, &owned.2)?;
        let was_there = u64::from(removed.was_there);
        Ok(Step::done(was_there).and_left("was not there", 1 - was_there))
    });
    let what = format!(
        "the consumer {} of {}",
        named(consumer),
        group_of(stream, group)
    );
    let mut plan = Plan::new(
        "consumer rm",
        stream,
        ("consumer", "consumers"),
        "Removed",
        job,
    )
    .of_group(group)
    .with_result(format!("Removed {what}"))
    .say(format!("Would remove {what}."))
    .detail("consumer", consumer)
    .detail("pending", known.pending)
    .detail("alive", known.alive);
    if known.pending > 0 {
        let entries = of(known.pending, "pending entry stays", "pending entries stay");
        plan = plan.say(format!(
            "Its {entries} with the group, and another consumer takes over."
        ));
    }
    if known.alive == Some(true) {
        plan = plan.say("It lives: it can't be removed until it stops.");
    }
    Ok(plan)
}
