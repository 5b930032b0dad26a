//! `retention run`.

use super::job::{Once, Step};
use super::plan::Plan;
use super::refused::Planned;
use super::said::named;
use super::source::existing_parts;
use crate::server::Redis;
use crate::words::{count, of, shown};

/// Plans to clean a stream now, by the settings stored with it. What goes is looked at again
/// when it is done: by then more may be too old.
///
/// # Errors
///
/// Where there is no such stream, and those of
/// [`retention_plan`](stream_lib::StreamManager::retention_plan).
pub fn clean(redis: &Redis, stream: &str) -> Planned {
    existing_parts(redis, stream)?;
    let retention = redis.manager().retention_plan(stream)?;
    let name = stream.to_owned();
    let job = Once::job(move |redis: &Redis| {
        let report = redis.manager().cleanup_now(&name)?;
        Ok(Step::done(report.removed))
    });
    let may_be_more = retention.removes >= stream_lib::RetentionPlan::COUNTED;
    let more = if may_be_more { "at least " } else { "" };
    let sentence = match retention.removes {
        0 => format!("Nothing of {} would go now.", named(stream)),
        removes => format!(
            "Would remove {more}{} of {} from {}: {} too old, {} too many, {} acknowledged by all.",
            count(removes),
            of(retention.length, "entry", "entries"),
            named(stream),
            count(retention.expired),
            count(retention.excess),
            count(retention.acknowledged)
        ),
    };
    let mut plan = Plan::new(
        "retention run",
        stream,
        ("entry", "entries"),
        "Removed",
        job,
    )
    .counted(retention.removes)
    .say(sentence)
    .detail("length", retention.length);
    if retention.above_floor > 0 {
        let entries = of(retention.above_floor, "entry is", "entries are");
        plan = plan.say(format!("{entries} unread or pending for some group."));
    }
    if let Some(blocked) = &retention.blocked {
        plan = plan.say(shown(blocked.to_string().as_bytes()));
    }
    plan.unhandled = retention.above_floor;
    plan.of = Some(retention.length);
    plan.may_be_more = may_be_more;
    plan.has_limit = false;
    Ok(plan)
}
