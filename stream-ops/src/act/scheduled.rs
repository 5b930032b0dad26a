//! `scheduled cancel` and `run-now`.

use stream_lib::{ScheduleId, ScheduledMessage};

use super::job::{InSteps, Step};
use super::plan::Plan;
use super::refused::Planned;
use super::said::named;
use super::source::{ensure_known, ms_of};
use crate::server::Redis;
use crate::words::{count, of};

/// A choice of scheduled messages: by default, all of them.
#[derive(Debug, Clone, Default)]
pub struct ScheduledChoice {
    /// These ids. If there are any, the other fields except `limit` have no effect.
    pub ids: Vec<ScheduleId>,
    /// At most this number, those that are due first.
    pub limit: Option<usize>,
    /// Those with at most this number. Numbers grow with the time of scheduling, in each
    /// partition separately.
    pub until: Option<u64>,
    /// Those due by this time, in milliseconds of Unix time.
    pub due_by: Option<u64>,
}

/// Plans to cancel scheduled messages.
///
/// # Errors
///
/// Those of [`Scheduled`](stream_lib::Scheduled).
pub fn cancel(redis: &Redis, stream: &str, choice: &ScheduledChoice) -> Planned {
    let name = stream.to_owned();
    plan(
        redis,
        stream,
        choice,
        ("scheduled cancel", "Cancelled", "cancel"),
        move |redis, ids| {
            let done = redis.manager().scheduled(&name)?.cancel_all_of(ids)?;
            Ok(Step::done(done).and_left("were not scheduled any more", ids.len() - done))
        },
    )
}

/// Plans to add scheduled messages to the stream now.
///
/// # Errors
///
/// As [`cancel`].
pub fn run_now(redis: &Redis, stream: &str, choice: &ScheduledChoice) -> Planned {
    let name = stream.to_owned();
    plan(
        redis,
        stream,
        choice,
        ("scheduled run-now", "Ran", "run now"),
        move |redis, ids| {
            let scheduled = redis.manager().scheduled(&name)?;
            let mut done = 0;
            for id in ids {
                done += usize::from(scheduled.run_now(*id)?);
            }
            Ok(Step::done(done).and_left("were not scheduled any more", ids.len() - done))
        },
    )
}

fn plan(
    redis: &Redis,
    stream: &str,
    choice: &ScheduledChoice,
    (action, verb, would): (&'static str, &'static str, &str),
    act: impl FnMut(&Redis, &[ScheduleId]) -> stream_lib::Result<Step> + Send + 'static,
) -> Planned {
    ensure_known(redis, stream)?;
    let scheduled = redis.manager().scheduled(stream)?;
    let all = scheduled.count()?;
    let most = choice.limit.unwrap_or(usize::MAX);
    let mut chosen: Vec<ScheduleId> = Vec::new();
    let mut after: Option<ScheduledMessage> = None;
    'pages: loop {
        let page = scheduled.list_after(after.as_ref(), 500)?;
        for message in &page {
            if choice.admits(message) && chosen.len() < most {
                chosen.push(message.id());
            }
        }
        match page.into_iter().last() {
            Some(last) if chosen.len() < most => after = Some(last),
            _ => break 'pages,
        }
    }
    let number = chosen.len();
    let newest = choice
        .until
        .or_else(|| chosen.iter().map(|id| id.number()).max());
    let bound = newest
        .filter(|_| choice.ids.is_empty())
        .map(|number| ("--until", number.to_string()));
    let missing = if choice.ids.is_empty() {
        0
    } else {
        choice.ids.len() - number
    };
    let until = bound
        .as_ref()
        .map_or_else(String::new, |(_, id)| format!(" (until {id})"));
    let sentence = match number {
        0 => format!(
            "No scheduled message of {} is meant, of {}.",
            named(stream),
            count(all)
        ),
        _ => format!(
            "Would {would} {} of {} of {}{until}.",
            count(number as u64),
            of(all, "scheduled message", "scheduled messages"),
            named(stream)
        ),
    };
    let unit = ("scheduled message", "scheduled messages");
    let job = InSteps::job(chosen, act);
    let mut plan = Plan::new(action, stream, unit, verb, job)
        .counted(number)
        .say(sentence)
        .detail("missing", missing);
    if missing > 0 {
        plan = plan.say(format!(
            "{} not scheduled.",
            of(missing as u64, "is", "are")
        ));
    }
    plan.of = Some(all);
    plan.is_limited = choice.limit.is_some() || !choice.ids.is_empty();
    plan.bound = bound;
    Ok(plan)
}

impl ScheduledChoice {
    fn admits(&self, message: &ScheduledMessage) -> bool {
        let id = message.id();
        if !self.ids.is_empty() {
            return self.ids.contains(&id);
        }
        let is_due = |by| message.due().is_some_and(|due| ms_of(due) <= by);
        self.until.is_none_or(|until| id.number() <= until) && self.due_by.is_none_or(is_due)
    }
}
