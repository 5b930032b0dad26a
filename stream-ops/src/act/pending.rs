//! `pending release`, `bury` and `ack`.

use std::time::Duration;

use stream_lib::{
    EntryAddress, EntryId, Pending, PendingFilter, PendingHolder, PendingPage, PendingReport,
};

use super::groups::found;
use super::job::{InSteps, Step};
use super::plan::Plan;
use super::refused::Planned;
use super::said::{group_of, named};
use super::source::existing_parts;
use crate::observe::look_at;
use crate::server::Redis;
use crate::words::{count, of, ordinal, shown};

/// A change of pending entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandsOn {
    /// The next free consumer of the group reads them again.
    Release,
    /// They move to the dead letters, with this reason.
    Bury(String),
    /// They are acknowledged without being handled.
    Ack,
}

/// A choice of pending entries: by default, all that dead consumers hold.
#[derive(Debug, Clone, Default)]
pub struct PendingChoice {
    /// These entries. If there are any, the fields below, except `dead_after`, have no
    /// effect.
    pub ids: Vec<EntryAddress>,
    /// Entries that this consumer holds.
    pub consumer: Option<String>,
    /// Entries delivered at least this often.
    pub min_deliveries: u64,
    /// Also entries that wait for a retry.
    pub waiting: bool,
    /// At most this number of the oldest.
    pub limit: Option<usize>,
    /// Entries up to this id, inclusive.
    pub until: Option<EntryId>,
    /// The time without a sign of life after which a consumer of another library counts
    /// as dead.
    pub dead_after: Option<Duration>,
}

/// Plans to release, bury or acknowledge pending entries that no living consumer holds.
///
/// # Blocking
///
/// One request per 1,000 pending entries read.
///
/// # Errors
///
/// Those of [`Pending`].
pub fn pending(
    redis: &Redis,
    stream: &str,
    group: &str,
    hands: &HandsOn,
    choice: &PendingChoice,
) -> Planned {
    existing_parts(redis, stream)?;
    found(&look_at(redis, stream)?, stream, group)?;
    let handle = opened(redis, stream, group, choice.dead_after)?;
    let mut chosen: Vec<EntryAddress> = Vec::new();
    let (mut alive, mut missing) = (0_u64, 0_u64);
    let mut only = None;
    if choice.ids.is_empty() {
        let most = choice.limit.unwrap_or(usize::MAX);
        let mut after = None;
        while chosen.len() < most {
            let page = page(&handle, choice, after)?;
            for entry in page.entries {
                if entry.holder.is_nobody() {
                    chosen.push(entry.at);
                } else {
                    alive += 1;
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        chosen.truncate(most);
    } else {
        let mut ids = choice.ids.clone();
        ids.sort_unstable();
        ids.dedup();
        for at in ids {
            let one = PendingFilter::new().between(at.id..=at.id).limit(300);
            let found = handle.list(&one)?.entries;
            match found.into_iter().find(|entry| entry.at == at) {
                Some(entry) if entry.holder == PendingHolder::Alive => alive += 1,
                Some(entry) => {
                    chosen.push(at);
                    only = Some(entry);
                }
                None => missing += 1,
            }
        }
    }
    let number = chosen.len() as u64;
    let bound = bound(choice, &chosen);
    let (action, verb, sentence) = said(stream, group, hands, number, bound.as_ref());
    let owned = (
        stream.to_owned(),
        group.to_owned(),
        hands.clone(),
        choice.dead_after,
    );
    let job = InSteps::job(chosen, move |redis: &Redis, ids: &[EntryAddress]| {
        let (stream, group, hands, dead_after) = &owned;
        let handle = opened(redis, stream, group, *dead_after)?;
        let report = match hands {
            HandsOn::Release => handle.release(ids),
            HandsOn::Bury(why) => handle.bury(ids, why),
            HandsOn::Ack => handle.ack(ids),
        };
        report.map(|report| step(&report))
    });
    let unit = ("pending entry", "pending entries");
    let mut plan = Plan::new(action, stream, unit, verb, job)
        .of_group(group)
        .counted(number)
        .say(sentence)
        .detail("held_by_living", alive)
        .detail("missing", missing);
    if let (Some(entry), 1) = (only, number) {
        plan = plan.say(format!(
            "It is on its {} delivery, and {} held it last.",
            ordinal(entry.deliveries),
            named(&entry.consumer)
        ));
    }
    if *hands == HandsOn::Ack {
        plan.unhandled = number;
    }
    if alive > 0 {
        let consumers = "held by consumers that live, and left alone";
        plan = plan.say(format!("{} {consumers}.", of(alive, "is", "are")));
    }
    if missing > 0 {
        plan = plan.say(format!("{} not pending.", of(missing, "is", "are")));
    }
    plan.is_limited = choice.limit.is_some() || !choice.ids.is_empty();
    plan.bound = bound;
    Ok(plan)
}

fn opened(
    redis: &Redis,
    stream: &str,
    group: &str,
    dead_after: Option<Duration>,
) -> stream_lib::Result<Pending> {
    let pending = redis.manager().pending(stream, group)?;
    Ok(match dead_after {
        Some(time) => pending.dead_after(time),
        None => pending,
    })
}

fn page(
    handle: &Pending,
    choice: &PendingChoice,
    after: Option<EntryAddress>,
) -> stream_lib::Result<PendingPage> {
    let mut filter = PendingFilter::new()
        .between(EntryId::MIN..=choice.until.unwrap_or(EntryId::MAX))
        .min_deliveries(choice.min_deliveries)
        .limit(1_000);
    if let Some(consumer) = &choice.consumer {
        filter = filter.consumer(consumer);
    }
    if !choice.waiting {
        filter = filter.held_by_dead();
    }
    if let Some(after) = after {
        filter = filter.after(after);
    }
    handle.list(&filter)
}

fn bound(choice: &PendingChoice, chosen: &[EntryAddress]) -> Option<(&'static str, String)> {
    if !choice.ids.is_empty() {
        return None;
    }
    let newest = choice.until.or_else(|| chosen.iter().map(|at| at.id).max());
    newest.map(|id| ("--until", id.to_string()))
}

fn step(report: &PendingReport) -> Step {
    Step::done(report.done)
        .and_left("were not pending any more", report.not_pending)
        .and_left(
            "were deleted from the stream, and are acknowledged",
            report.deleted,
        )
        .and_left("are held by consumers that live", report.held.len())
}

fn said(
    stream: &str,
    group: &str,
    hands: &HandsOn,
    number: u64,
    bound: Option<&(&'static str, String)>,
) -> (&'static str, &'static str, String) {
    let until = bound.map_or_else(String::new, |(_, id)| format!(" (until {id})"));
    let entries = of(number, "pending entry", "pending entries");
    let whose = group_of(stream, group);
    let (action, verb, sentence) = match hands {
        HandsOn::Release => (
            "pending release",
            "Released",
            format!(
                "Would release {entries} of {whose}{until}: the next free consumer reads them \
                 again."
            ),
        ),
        HandsOn::Bury(why) => (
            "pending bury",
            "Buried",
            format!(
                "Would move {entries} of {whose} to the dead letters{until}: {}.",
                shown(why.as_bytes())
            ),
        ),
        HandsOn::Ack => (
            "pending ack",
            "Acknowledged",
            format!(
                "Would acknowledge {entries} of {whose}{until}: no consumer of the group handles \
                 them."
            ),
        ),
    };
    if number == 0 {
        let sentence = format!(
            "No pending entry of {} in {} is meant: {} are held by no living consumer.",
            named(group),
            named(stream),
            count(0)
        );
        return (action, verb, sentence);
    }
    (action, verb, sentence)
}
