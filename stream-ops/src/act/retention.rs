//! `retention run`.

use stream_lib::CleanupSteps;

use super::job::{Job, STEP, Step};
use super::plan::Plan;
use super::refused::Planned;
use super::said::named;
use super::source::existing_parts;
use crate::server::Redis;
use crate::words::{count, of, shown};

/// Plans to clean a stream now, by the settings stored with it. Carrying out the plan
/// checks each entry again, and removes no more entries than planned.
///
/// # Errors
///
/// If there is no such stream, and those of
/// [`retention_plan`](stream_lib::StreamManager::retention_plan).
pub fn clean(redis: &Redis, stream: &str) -> Planned {
    clean_some(redis, stream, None)
}

/// As [`clean`], of at most `limit` entries, the oldest.
///
/// # Errors
///
/// As [`clean`].
pub fn clean_some(redis: &Redis, stream: &str, limit: Option<u64>) -> Planned {
    existing_parts(redis, stream)?;
    let retention = redis.manager().retention_plan(stream)?;
    let is_counted = retention.removes < stream_lib::RetentionPlan::COUNTED;
    let removes = limit.map_or(retention.removes, |limit| limit.min(retention.removes));
    let is_part = removes < retention.removes;
    let may_be_more = !is_counted && !is_part;
    let left = if may_be_more { limit } else { Some(removes) };
    let more = if may_be_more { "at least " } else { "" };
    let name = named(stream);
    let goes = format!(
        "Would remove {more}{} of {} from {name}",
        count(removes),
        of(retention.length, "entry", "entries"),
    );
    let sentence = if removes == 0 {
        format!("Nothing of {name} would go now.")
    } else if is_part {
        format!(
            "{goes}: the oldest, of {} that may go.",
            count(retention.removes)
        )
    } else {
        format!(
            "{goes}: {} too old, {} too many, {} acknowledged by all.",
            count(retention.expired),
            count(retention.excess),
            count(retention.acknowledged)
        )
    };
    let job = Box::new(Cleanup {
        stream: stream.to_owned(),
        left,
        steps: None,
    });
    let unit = ("entry", "entries");
    let mut plan = Plan::new("retention run", stream, unit, "Removed", job)
        .counted(removes)
        .say(sentence)
        .detail("length", retention.length);
    // For a part of the entries the number is an upper bound only.
    let unhandled = retention.above_floor.min(removes);
    if unhandled > 0 {
        let up_to = if is_part { "Up to " } else { "" };
        let entries = of(unhandled, "entry is", "entries are");
        plan = plan.say(format!(
            "{up_to}{entries} unread or pending for some group."
        ));
    }
    if let Some(blocked) = &retention.blocked {
        plan = plan.say(shown(blocked.to_string().as_bytes()));
    }
    plan.unhandled = unhandled;
    plan.of = Some(retention.length);
    plan.may_be_more = may_be_more;
    plan.is_limited = limit.is_some();
    plan.bound = limit.or(left).map(|most| ("--limit", most.to_string()));
    Ok(plan)
}

struct Cleanup {
    stream: String,
    /// The number of entries that may still go; `None` without a bound.
    left: Option<u64>,
    steps: Option<CleanupSteps>,
}

impl Job for Cleanup {
    fn step(&mut self, redis: &Redis) -> stream_lib::Result<Step> {
        let steps = match &mut self.steps {
            Some(steps) => steps,
            none => none.insert(redis.manager().cleanup_in_steps(&self.stream)?),
        };
        let most = self.left.map_or(STEP as u64, |left| left.min(STEP as u64));
        let removed = steps.step(most)?;
        self.left = self.left.map(|left| left.saturating_sub(removed));
        let is_over = steps.is_over() || self.left == Some(0);
        Ok(Step::done(removed).last_if(is_over))
    }
}
