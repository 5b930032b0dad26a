//! `group create`, `set-id`, `hold`, `release` and `rm`.

use std::time::{Duration, SystemTime};

use stream_lib::{EntryId, StartFrom};

use super::job::{Once, Step};
use super::plan::Plan;
use super::refused::{Planned, Refused};
use super::said::{group_of, named};
use super::source::{existing_parts, ms_of, parts};
use super::walk::{COUNTED, pending_between, walk};
use crate::observe::{GroupFacts, StreamFacts, look_at};
use crate::server::Redis;
use crate::words::{age, count, of, quoted, shown};

const GROUP: (&str, &str) = ("group", "groups");

/// Plans to create a group, and its stream if that doesn't exist.
///
/// # Errors
///
/// If Redis can't be reached, or refuses to read the stream.
pub fn create(redis: &Redis, stream: &str, group: &str, from: StartFrom) -> Planned {
    let facts = facts(redis, stream)?;
    let whose = group_of(stream, group);
    let (owned, name) = ((stream.to_owned(), group.to_owned()), whose.clone());
    let job = Once::job(move |redis: &Redis| {
        let made = redis.manager().create_group(&owned.0, &owned.1, from)?;
        Ok(Step::done(u64::from(made)).and_left("was there already", u64::from(!made)))
    });
    let plan = Plan::new("group create", stream, GROUP, "Made", job)
        .of_group(group)
        .with_result(format!("Made {name}"));
    if facts.group(group).is_some() {
        let text = format!("There is {whose} already; it stays as it is.");
        return Ok(plan.counted(0_u64).say(text));
    }
    let unread = match from {
        StartFrom::Beginning => facts.length,
        StartFrom::End => 0,
        _ => between(redis, stream, after(from).next(), EntryId::MAX)?.0,
    };
    let entries = of(unread, "entry is", "entries are");
    let mut plan = plan
        .say(format!("Would make {whose}: {entries} unread to it then."))
        .detail("unread", unread);
    if !facts.exists {
        plan = plan.say(format!(
            "There is no stream {} yet: it is made, empty.",
            named(stream)
        ));
    }
    Ok(plan)
}

/// Plans to set the position of a group. Carrying out the plan fails while a consumer of
/// the group lives, unless `force` is true.
///
/// # Errors
///
/// If there is no such group, or Redis can't be reached.
pub fn set_id(redis: &Redis, stream: &str, group: &str, to: StartFrom, force: bool) -> Planned {
    let parts = existing_parts(redis, stream)?;
    let (mut skipped, mut again, mut may_be_more) = (0, 0, false);
    for part in &parts {
        let facts = look_at(redis, &part.key)?;
        let cursor = found(&facts, stream, group)?.cursor;
        let target = match to {
            StartFrom::End => facts.last.unwrap_or(EntryId::MIN),
            other => after(other),
        };
        let (first, last) = (cursor.min(target), cursor.max(target));
        let walked = walk(redis, &part.key, first.next(), last, COUNTED)?;
        may_be_more |= walked.has_more;
        if target > cursor {
            skipped += walked.count;
        } else {
            again += walked.count;
        }
    }
    let whose = group_of(stream, group);
    let owned = (stream.to_owned(), group.to_owned());
    // `$` would mean the newest entry at the time of the change.
    let fixed = match (to, parts.as_slice()) {
        (StartFrom::End, [part]) => look_at(redis, &part.key)?.last.map_or(to, StartFrom::Id),
        _ => to,
    };
    let job = Once::job(move |redis: &Redis| {
        redis
            .manager()
            .set_group_id(&owned.0, &owned.1, fixed, force)?;
        Ok(Step::done(1_u64))
    });
    let where_to = match fixed {
        StartFrom::Beginning => "before the oldest entry".to_owned(),
        StartFrom::End => "behind the newest entry".to_owned(),
        other => format!("behind {}", after(other)),
    };
    let more = if may_be_more { "At least " } else { "" };
    let mut plan = Plan::new("group set-id", stream, GROUP, "Set", job)
        .of_group(group)
        .with_result(format!("Set {whose} {where_to}"))
        .say(format!("Would set {whose} {where_to}."))
        .detail("skipped", skipped)
        .detail("read_again", again);
    if skipped > 0 {
        let entries = of(skipped, "unread entry is", "unread entries are");
        plan = plan.say(format!(
            "{more}{entries} skipped, and never handled by the group."
        ));
        plan.unhandled = skipped;
    }
    if again > 0 {
        let entries = of(again, "entry is", "entries are");
        plan = plan.say(format!("{more}{entries} read again."));
    }
    plan.may_be_more = may_be_more;
    Ok(plan)
}

/// Plans to hold a group for a time.
///
/// # Errors
///
/// If there is no such group, or Redis can't be reached.
pub fn hold(redis: &Redis, stream: &str, group: &str, time: Duration, why: &str) -> Planned {
    let facts = facts(redis, stream)?;
    let known = found(&facts, stream, group)?;
    let whose = group_of(stream, group);
    let owned = (stream.to_owned(), group.to_owned(), why.to_owned());
    let job = Once::job(move |redis: &Redis| {
        let now = Duration::from_millis(redis.clock()?);
        let until = SystemTime::UNIX_EPOCH.checked_add(now.saturating_add(time));
        let until = until.unwrap_or(SystemTime::UNIX_EPOCH);
        redis.manager().hold(&owned.0, &owned.1, until, &owned.2)?;
        Ok(Step::done(1_u64))
    });
    let undo = format!(
        "streamctl group release {} {}",
        quoted(stream),
        quoted(group)
    );
    let mut plan = Plan::new("group hold", stream, GROUP, "Held", job)
        .of_group(group)
        .with_result(format!("Held {whose} for {}", age(time)))
        .say(format!(
            "Would hold {whose} for {}: its consumers read nothing, and no retries are used up.",
            age(time)
        ))
        .say(format!("Handlers that run are finished. Undo: `{undo}`."))
        .detail("seconds", time.as_secs_f64())
        .detail("why", why);
    if let Some(held) = &known.held {
        let why = shown(held.why.as_bytes());
        plan = plan.say(format!("This hold replaces another one: {why}."));
    }
    if known.living() == 0 {
        plan = plan.say(
            "None of its consumers is known to live; those of other libraries take no \
                         notice of a hold.",
        );
    }
    Ok(plan)
}

/// Plans to end the hold of a group.
///
/// # Errors
///
/// If Redis can't be reached.
pub fn release(redis: &Redis, stream: &str, group: &str) -> Planned {
    let held = redis.manager().held(stream, group)?;
    let whose = group_of(stream, group);
    let owned = (stream.to_owned(), group.to_owned());
    let job = Once::job(move |redis: &Redis| {
        let was_held = redis.manager().release(&owned.0, &owned.1)?;
        Ok(Step::done(u64::from(was_held)).and_left("was not held", u64::from(!was_held)))
    });
    let sentence = match &held {
        Some(_) => format!("Would end the hold of {whose}: its consumers go on reading."),
        None => format!("Nothing holds {whose}."),
    };
    Ok(Plan::new("group release", stream, GROUP, "Released", job)
        .of_group(group)
        .with_result(format!("Released {whose}"))
        .counted(u64::from(held.is_some()))
        .say(sentence))
}

/// Plans to remove a group. Carrying out the plan fails while a consumer of the group
/// lives.
///
/// # Errors
///
/// If there is no such group, or Redis can't be reached.
pub fn remove(redis: &Redis, stream: &str, group: &str) -> Planned {
    let facts = facts(redis, stream)?;
    let known = found(&facts, stream, group)?;
    let whose = group_of(stream, group);
    let owned = (stream.to_owned(), group.to_owned());
    let job = Once::job(move |redis: &Redis| {
        let was_there = redis.manager().remove_group(&owned.0, &owned.1)?;
        Ok(Step::done(u64::from(was_there)).and_left("was not there", u64::from(!was_there)))
    });
    let unread = known
        .unread
        .map_or_else(|| "an unknown number".to_owned(), count);
    let mut plan = Plan::new("group rm", stream, GROUP, "Removed", job)
        .of_group(group)
        .with_result(format!("Removed {whose}"))
        .say(format!(
            "Would remove {whose}. Its entries: {unread} unread, {} pending.",
            count(known.pending)
        ))
        .say(
            "The entries stay in the stream. It can't be undone: a group that is made again \
              begins where it is told to.",
        )
        .detail("unread", known.unread)
        .detail("pending", known.pending)
        .detail("living", known.living());
    plan.unhandled = known.unread.unwrap_or(1) + known.pending;
    if known.living() > 0 {
        let consumers = of(known.living() as u64, "consumer lives", "consumers live");
        plan = plan.say(format!(
            "{consumers}: the group can't be removed until they stop."
        ));
    }
    Ok(plan)
}

/// The number of entries up to `until` that a group has not handled: unread ones, and
/// pending ones from `first` on.
pub(super) fn unhandled(
    redis: &Redis,
    key: &str,
    group: &GroupFacts,
    (first, until): (EntryId, EntryId),
) -> Planned<u64> {
    let unread = walk(redis, key, group.cursor.next(), until, COUNTED)?.count;
    let pending = match group.pending {
        0 => 0,
        _ => pending_between(redis, key, &group.name, (first, until), COUNTED)?,
    };
    Ok(unread + pending)
}

fn facts(redis: &Redis, stream: &str) -> Planned<StreamFacts> {
    let facts = look_at(redis, stream)?;
    match facts.trouble {
        Some(line) => Err(Refused::Redis(line)),
        None => Ok(facts),
    }
}

pub(super) fn found<'a>(
    facts: &'a StreamFacts,
    stream: &str,
    group: &str,
) -> Planned<&'a GroupFacts> {
    facts.group(group).ok_or_else(|| {
        Refused::NoSuch(format!(
            "{} has no group {}; `streamctl group ls {}` shows those that it has",
            named(stream),
            named(group),
            quoted(stream)
        ))
    })
}

fn between(redis: &Redis, stream: &str, from: EntryId, to: EntryId) -> Planned<(u64, bool)> {
    let (mut count, mut has_more) = (0, false);
    for part in parts(redis, stream)? {
        let walked = walk(redis, &part.key, from, to, COUNTED)?;
        count += walked.count;
        has_more |= walked.has_more;
    }
    Ok((count, has_more))
}

/// The id after which a group begins.
fn after(from: StartFrom) -> EntryId {
    match from {
        StartFrom::Id(id) => id,
        StartFrom::Time(time) => EntryId::new(ms_of(time), 0).previous(),
        StartFrom::End => EntryId::MAX,
        _ => EntryId::MIN,
    }
}
