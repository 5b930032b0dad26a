//! `stream trim`.

use std::time::Duration;

use stream_lib::EntryId;

use super::groups::unhandled;
use super::job::{Job, STEP, Step};
use super::oldest::end_of_oldest;
use super::plan::Plan;
use super::refused::Planned;
use super::said::named;
use super::source::{before, existing_parts};
use super::walk::{COUNTED, walk};
use crate::observe::look_at;
use crate::server::{Answered, Redis, request};
use crate::words::{count, of, shown};

const SCRIPT: &str = include_str!("trim.lua");

/// The entries that stay in a stream. An entry goes if `max_length` or `max_age` lets it
/// go, unless it comes after `until`. With `until` alone, entries up to it go.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keep {
    /// The number of newest entries that stay, over all partitions.
    pub max_length: Option<u64>,
    /// Entries younger than this stay.
    pub max_age: Option<Duration>,
    /// Entries after this id stay, whatever the other limits are.
    pub until: Option<EntryId>,
}

/// Plans to remove the oldest entries of a stream. Entries that a group has not handled
/// go too, and are counted.
///
/// # Blocking
///
/// One request per 2,000 entries to remove, or per few megabytes.
///
/// # Errors
///
/// If there is no such stream, or Redis can't be reached.
pub fn trim(redis: &Redis, stream: &str, keep: &Keep) -> Planned {
    let parts = existing_parts(redis, stream)?;
    let until = last_to_go(redis, &parts, keep)?;
    let (mut goes, mut length, mut may_be_more, mut lost) = (0, 0, false, 0);
    let mut whose: Vec<String> = Vec::new();
    for part in &parts {
        let facts = look_at(redis, &part.key)?;
        length += facts.length;
        let Some(until) = until else { continue };
        let walked = walk(redis, &part.key, EntryId::MIN, until, COUNTED)?;
        goes += walked.count;
        may_be_more |= walked.has_more;
        let mut most = 0;
        for group in &facts.groups {
            // Entries deleted from the stream are still pending.
            let range = (facts.first.unwrap_or(EntryId::MIN), until);
            let number = unhandled(redis, &part.key, group, range)?.min(walked.count);
            if number > 0 {
                whose.push(shown(group.name.as_bytes()));
            }
            most = most.max(number);
        }
        lost += most;
    }
    whose.sort();
    whose.dedup();
    let keys = parts.into_iter().map(|part| part.key).collect();
    let job = Box::new(Trim {
        keys,
        until: until.unwrap_or(EntryId::MIN),
    });
    let more = if may_be_more { "at least " } else { "" };
    let sentence = match (goes, until) {
        (0, _) | (_, None) => {
            let entries = of(length, "entry", "entries");
            format!("Nothing of {} would go, of {entries}.", named(stream))
        }
        (goes, Some(until)) => format!(
            "Would remove {more}{} of {} from {}, for good (until {until}).",
            count(goes),
            of(length, "entry", "entries"),
            named(stream)
        ),
    };
    let mut plan = Plan::new("stream trim", stream, ("entry", "entries"), "Removed", job)
        .counted(goes)
        .say(sentence)
        .detail("length", length)
        .detail("groups", whose.clone());
    if lost > 0 {
        let entries = of(lost, "of them is", "of them are");
        let whose = super::said::listed(&whose);
        plan = plan.say(format!(
            "{entries} unread or pending for {whose}, and lost to it."
        ));
    }
    plan.unhandled = lost;
    plan.of = Some(length);
    plan.may_be_more = may_be_more;
    plan.has_limit = false;
    plan.bound = until.map(|until| ("--until", until.to_string()));
    Ok(plan)
}

/// The newest entry that goes; `None` if none does.
fn last_to_go(
    redis: &Redis,
    parts: &[super::source::Part],
    keep: &Keep,
) -> Planned<Option<EntryId>> {
    let mut last: Option<EntryId> = None;
    if let Some(age) = keep.max_age {
        let oldest = before(redis.clock()?, age);
        last = Some(EntryId::new(oldest, 0).previous());
    }
    if let Some(most) = keep.max_length {
        let mut length = 0_u64;
        for part in parts {
            let entries = redis.ask_one(&part.key, request(["XLEN", &part.key]))?;
            length = length.saturating_add(entries.count().unwrap_or(0));
        }
        let keys = parts.iter().map(|part| part.key.as_str());
        let end = end_of_oldest(redis, keys, length.saturating_sub(most))?;
        last = last.max(end);
    }
    Ok(match (last, keep.until) {
        (Some(last), Some(until)) => Some(last.min(until)),
        (None, Some(until)) if keep.max_length.is_none() => Some(until),
        (last, _) => last,
    })
}

struct Trim {
    keys: Vec<String>,
    until: EntryId,
}

impl Job for Trim {
    fn step(&mut self, redis: &Redis) -> stream_lib::Result<Step> {
        let Some(key) = self.keys.first() else {
            return Ok(Step::default().last_if(true));
        };
        let (last, next) = (self.until.to_string(), self.until.next().to_string());
        let most = STEP.to_string();
        let words = ["EVAL", SCRIPT, "1", key, &last, &next, &most];
        let answers = redis.tell(key, &[request(words)])?;
        let answer = answers
            .into_iter()
            .next()
            .unwrap_or(stream_lib::Answer::Nil);
        if let Some(line) = answer.error() {
            return Ok(Step {
                refused: Some(line.to_owned()),
                ..Step::default()
            });
        }
        let number = |at: usize| answer.list().get(at).and_then(Answered::count);
        if number(1) != Some(1) {
            self.keys.remove(0);
        }
        Ok(Step::done(number(0).unwrap_or(0)).last_if(self.keys.is_empty()))
    }
}
