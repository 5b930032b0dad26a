//! `replay`.

use stream_lib::{Answer, EntryId};

use super::job::{Job, STEP, Step};
use super::plan::Plan;
use super::refused::{Planned, Refused};
use super::said::named;
use super::send::{Message, add};
use super::source::{Bound, Part, existing_parts};
use super::walk::{COUNTED, walk};
use crate::observe::look_at;
use crate::server::{Answered, Redis, Request, pairs, request};
use crate::words::{count, of};

/// The destination of replayed entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Into another stream, as new messages with their fields and headers.
    Stream(String),
    /// Into their own stream again, for this group: other groups skip them.
    Group(String),
}

/// Plans to copy the entries of a range.
///
/// # Blocking
///
/// One request per 2,000 entries of the range, or per few megabytes.
///
/// # Errors
///
/// If there is no such stream or group, if the stream is its own target, or if Redis
/// can't be reached.
pub fn replay(
    redis: &Redis,
    stream: &str,
    from: Bound,
    to: Bound,
    target: &Target,
    limit: Option<u64>,
) -> Planned {
    let parts = existing_parts(redis, stream)?;
    let now = redis.clock()?;
    let (first, last) = (from.first(now), to.last(now));
    match target {
        Target::Stream(into) if into == stream => {
            let text = "--into names the stream itself: --group NAME delivers entries again";
            return Err(Refused::Wrong(text.to_owned()));
        }
        Target::Group(group) => {
            super::groups::found(&look_at(redis, stream)?, stream, group)?;
        }
        Target::Stream(_) => {}
    }
    let most = limit.unwrap_or(COUNTED);
    let (mut ranges, mut number, mut has_more) = (Vec::new(), 0, false);
    for part in parts {
        let walked = walk(redis, &part.key, first, last, most.saturating_sub(number))?;
        number += walked.count;
        has_more |= walked.has_more && limit.is_none();
        // A range that wasn't counted to its end is copied up to its newest entry of now.
        let newest = redis.ask_one(
            &part.key,
            request([
                "XREVRANGE",
                &part.key,
                &last.to_string(),
                &first.to_string(),
                "COUNT",
                "1",
            ]),
        )?;
        let newest = newest
            .list()
            .first()
            .and_then(|entry| entry.list().first()?.id());
        let end = if walked.has_more && limit.is_none() {
            newest
        } else {
            walked.last
        };
        if let Some(end) = end {
            ranges.push(Range {
                part,
                next: first,
                last: end,
            });
        }
    }
    let end = ranges.iter().map(|range| range.last).max();
    let to_end = end.map_or_else(String::new, |end| format!(", from {first} to {end}"));
    let more = if has_more { "at least " } else { "" };
    let entries = of(number, "entry", "entries");
    let sentence = match target {
        _ if number == 0 => format!("No entry of {} is in this range.", named(stream)),
        Target::Stream(into) => format!(
            "Would copy {more}{entries} of {}{to_end}, into {}.",
            named(stream),
            named(into)
        ),
        Target::Group(group) => format!(
            "Would deliver {more}{entries} of {} again{to_end}, for the group {} only.",
            named(stream),
            named(group)
        ),
    };
    let job = Box::new(Replay {
        ranges,
        target: target.clone(),
    });
    let mut plan = Plan::new("replay", stream, ("entry", "entries"), "Copied", job)
        .counted(number)
        .say(sentence);
    match target {
        Target::Stream(into) => plan = plan.detail("into", into.clone()),
        Target::Group(group) => {
            plan = plan.of_group(group).say(
                "Copies come behind the newest entry; consumers of other libraries see them in \
                 all groups.",
            );
        }
    }
    if has_more {
        plan = plan.say(format!("Counting has ended at {}.", count(COUNTED)));
    }
    plan.is_limited = limit.is_some();
    plan.may_be_more = has_more;
    plan.bound = end.map(|end| ("--to", end.to_string()));
    Ok(plan)
}

struct Range {
    part: Part,
    next: EntryId,
    last: EntryId,
}

struct Replay {
    ranges: Vec<Range>,
    target: Target,
}

impl Job for Replay {
    fn step(&mut self, redis: &Redis) -> stream_lib::Result<Step> {
        let Some(range) = self.ranges.first_mut() else {
            return Ok(Step::default().last_if(true));
        };
        let (from, to, most) = (
            range.next.to_string(),
            range.last.to_string(),
            STEP.to_string(),
        );
        let key = range.part.key.clone();
        let page = redis.ask_one(&key, request(["XRANGE", &key, &from, &to, "COUNT", &most]))?;
        if let Some(line) = page.error() {
            return Ok(refused(line));
        }
        let entries: Vec<Entry> = page.list().iter().filter_map(Entry::read).collect();
        let last = entries.last().map(|entry| entry.id);
        let step = match &self.target {
            _ if entries.is_empty() => Step::default(),
            Target::Stream(into) => {
                let messages: Vec<Message> = entries.iter().map(Entry::message).collect();
                add(redis, into, &messages)?
            }
            Target::Group(group) => {
                let copies: Vec<Request> = entries
                    .iter()
                    .map(|entry| entry.copy(&key, group))
                    .collect();
                told(&redis.tell(&key, &copies)?)
            }
        };
        match last {
            Some(last) if last < range.last => range.next = last.next(),
            _ => {
                self.ranges.remove(0);
            }
        }
        Ok(step.last_if(self.ranges.is_empty()))
    }
}

fn refused(line: &str) -> Step {
    Step {
        refused: Some(line.to_owned()),
        ..Step::default()
    }
}

fn told(answers: &[Answer]) -> Step {
    let mut step = Step::default();
    for answer in answers {
        match answer.error() {
            None => step.done += 1,
            Some(line) => step.refused = step.refused.or_else(|| Some(line.to_owned())),
        }
    }
    step
}

struct Entry {
    id: EntryId,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Entry {
    fn read(answer: &Answer) -> Option<Self> {
        let [id, fields] = answer.list() else {
            return None;
        };
        let pair = |(name, value): (&Answer, &Answer)| {
            Some((name.bytes()?.to_vec(), value.bytes()?.to_vec()))
        };
        Some(Self {
            id: id.id()?,
            fields: pairs(fields.list()).filter_map(pair).collect(),
        })
    }

    /// As a new message: its fields and the headers of its producer.
    fn message(&self) -> Message {
        let mut message = Message::default();
        for (name, value) in &self.fields {
            if let Some(header) = name.strip_prefix(b"~h:") {
                let header = String::from_utf8_lossy(header).into_owned();
                message.headers.push((header, value.clone()));
            } else if name.first() != Some(&b'~') {
                message.fields.push(name, value);
            }
        }
        message
    }

    /// As a redrive would add it: for one group, with its first id as origin.
    fn copy(&self, key: &str, group: &str) -> Request {
        let mut words = request(["XADD", key, "*"]);
        let mut has_origin = false;
        for (name, value) in &self.fields {
            if name == b"~for" {
                continue;
            }
            has_origin |= name == b"~origin";
            words.extend([name.clone(), value.clone()]);
        }
        if !has_origin {
            words.extend(request(["~origin", &self.id.to_string()]));
        }
        words.extend(request(["~for", group]));
        words
    }
}
