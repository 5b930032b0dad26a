//! `group create`, `set-id`, `hold`, `release` and `rm`; `consumer rm`.

use std::time::{Duration, SystemTime};

use serde_json::Map;
use stream_lib::StartFrom;

use crate::cli::args::{Bounds, OneGroup};
use crate::cli::context::{Context, no_group};
use crate::cli::exit::Outcome;
use crate::cli::plan::{Done, Plan, at_once};
use crate::observe::{GroupFacts, StreamFacts, look_at};
use crate::words::{age, count, count_or_dash, shown};

fn plan(action: &'static str, of: &OneGroup, said: String, did: &'static str) -> Plan<()> {
    Plan {
        action,
        stream: of.name.clone(),
        group: of.group.clone(),
        items: vec![()],
        said,
        done: Done::new(did, "group", "groups"),
        again: None,
        json: Map::new(),
        loses: None,
        which: String::new(),
    }
}

fn name(of: &OneGroup) -> String {
    format!(
        "{}/{}",
        shown(of.name.as_bytes()),
        shown(of.group.as_bytes())
    )
}

/// The group, which must exist.
fn existing(context: &Context, of: &OneGroup) -> Outcome<(StreamFacts, GroupFacts)> {
    let stream = look_at(context.redis()?, &of.name)?;
    match stream.group(&of.group).cloned() {
        Some(group) => Ok((stream, group)),
        None => Err(no_group(&of.name, &of.group)),
    }
}

pub(crate) fn create(context: &Context, of: &OneGroup, from: StartFrom) -> Outcome {
    let said = format!(
        "Would make the group {}, which reads {}.",
        name(of),
        place(from)
    );
    let plan = plan("group create", of, said, "Made");
    at_once(context, &plan, &Bounds::default(), || {
        let manager = context.redis()?.manager();
        Ok(manager.create_group(&of.name, &of.group, from)?)
    })
}

pub(crate) fn set_id(
    context: &Context,
    of: &OneGroup,
    to: StartFrom,
    force: bool,
    bounds: &Bounds,
) -> Outcome {
    let (_, group) = existing(context, of)?;
    let said = format!("Would have {} read {}.", name(of), place(to));
    let skips = match to {
        StartFrom::End => true,
        StartFrom::Id(id) => id > group.cursor,
        _ => false,
    };
    let mut plan = plan("group set-id", of, said, "Set");
    if skips && group.unread != Some(0) {
        plan.loses = Some(format!(
            "{} would skip unread entries ({} are unread)",
            name(of),
            count_or_dash(group.unread)
        ));
    }
    at_once(context, &plan, bounds, || {
        let manager = context.redis()?.manager();
        manager.set_group_id(&of.name, &of.group, to, force)?;
        Ok(true)
    })
}

fn place(from: StartFrom) -> String {
    match from {
        StartFrom::Beginning => "from the beginning of the stream".to_owned(),
        StartFrom::End => "what comes from now on".to_owned(),
        StartFrom::Id(id) => format!("on behind {id}"),
        _ => "from a time on".to_owned(),
    }
}

pub(crate) fn hold(context: &Context, of: &OneGroup, time: Duration, why: &str) -> Outcome {
    existing(context, of)?;
    let said = format!(
        "Would hold {} for {}: it finishes what it has and reads nothing new. Ends by itself; \
         `streamctl group release` ends it sooner.",
        name(of),
        age(time)
    );
    let plan = plan("group hold", of, said, "Held");
    at_once(context, &plan, &Bounds::default(), || {
        let redis = context.redis()?;
        let until = redis
            .clock()?
            .saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let until = SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_millis(until))
            .unwrap_or(SystemTime::UNIX_EPOCH);
        redis.manager().hold(&of.name, &of.group, until, why)?;
        Ok(true)
    })
}

pub(crate) fn release(context: &Context, of: &OneGroup) -> Outcome {
    existing(context, of)?;
    let plan = plan(
        "group release",
        of,
        format!("Would end the hold of {}.", name(of)),
        "Released",
    );
    at_once(context, &plan, &Bounds::default(), || {
        Ok(context.redis()?.manager().release(&of.name, &of.group)?)
    })
}

pub(crate) fn rm(context: &Context, of: &OneGroup, bounds: &Bounds) -> Outcome {
    let (_, group) = existing(context, of)?;
    let said = format!(
        "Would remove the group {} with all that belongs to it: {} unread, {} pending. The \
         entries stay in the stream.",
        name(of),
        count_or_dash(group.unread),
        count(group.pending)
    );
    let mut plan = plan("group rm", of, said, "Removed");
    if group.unread != Some(0) || group.pending > 0 {
        plan.loses = Some(format!(
            "{} has {} unread and {} pending entries, which it would never handle",
            name(of),
            count_or_dash(group.unread),
            count(group.pending)
        ));
    }
    at_once(context, &plan, bounds, || {
        Ok(context
            .redis()?
            .manager()
            .remove_group(&of.name, &of.group)?)
    })
}

pub(crate) fn rm_consumer(context: &Context, of: &OneGroup, consumer: &str) -> Outcome {
    let (_, group) = existing(context, of)?;
    let held = group.consumers.iter().find(|c| c.name == consumer);
    let said = format!(
        "Would remove the consumer {} of {}, and hand the {} entries that it holds to the others.",
        shown(consumer.as_bytes()),
        name(of),
        held.map_or_else(|| "0".to_owned(), |c| count(c.pending))
    );
    let mut plan = plan("consumer rm", of, said, "Removed");
    consumer.clone_into(&mut plan.which);
    plan.done = Done::new("Removed", "consumer", "consumers");
    at_once(context, &plan, &Bounds::default(), || {
        let manager = context.redis()?.manager();
        let removed = manager.remove_group_consumer(&of.name, &of.group, consumer)?;
        Ok(removed.was_there)
    })
}
