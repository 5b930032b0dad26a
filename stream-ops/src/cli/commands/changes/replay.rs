//! `replay`: entries once more, into another stream or for one group.

use serde_json::Map;
use stream_lib::{EntryAddress, EntryId, Peek, PeekedEntry, Producer, RawMessage, StreamConfig};

use crate::cli::args::Bounds;
use crate::cli::context::{Context, no_group};
use crate::cli::exit::{Exit, Fault, Outcome};
use crate::cli::plan::{Done, Plan, Step, carry_out};
use crate::observe::{look_at, partition_names};
use crate::server::{Answered, request};
use crate::words::{of, shown};

/// Where the entries go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    Stream(&'a str),
    Group(&'a str),
}

pub(crate) fn run(
    context: &Context,
    stream: &str,
    range: (EntryId, EntryId),
    target: Target<'_>,
    bounds: &Bounds,
) -> Outcome {
    if range.0 > range.1 {
        return Err(Fault::usage("--from comes after --to"));
    }
    let facts = look_at(context.redis()?, stream)?;
    if !facts.exists {
        return Err(Fault::no_such(format!(
            "there is no stream `{}`",
            shown(stream.as_bytes())
        )));
    }
    if let Target::Group(group) = target
        && facts.group(group).is_none()
    {
        return Err(no_group(stream, group));
    }
    let to = range.1.min(bounds.until.unwrap_or(EntryId::MAX));
    let entries = ids(context, stream, (range.0, to), bounds.limit)?;
    let what = of(entries.len() as u64, "entry", "entries");
    let (from, group, where_to) = (
        shown(stream.as_bytes()),
        match target {
            Target::Group(group) => group.to_owned(),
            Target::Stream(_) => String::new(),
        },
        match target {
            Target::Stream(into) => format!("into `{}`", shown(into.as_bytes())),
            Target::Group(group) => format!("once more, for {} only", shown(group.as_bytes())),
        },
    );
    let parts = facts.partitions.map(|count| partition_names(stream, count));
    let plan = Plan {
        action: "replay",
        stream: stream.to_owned(),
        group,
        again: entries
            .iter()
            .map(|at| at.id)
            .max()
            .map(|id| format!("--until {id}")),
        items: entries,
        said: format!("Would add {what} of `{from}` {where_to}. They stay where they are."),
        done: Done::new("Added", "entry", "entries"),
        json: Map::new(),
        loses: None,
        which: String::new(),
    };
    let manager = context.redis()?.manager();
    let producer: Option<Producer<RawMessage>> = match target {
        Target::Stream(into) => {
            manager.create_simple_producer("streamctl", StreamConfig::new(into))?;
            Some(manager.producer("streamctl")?)
        }
        Target::Group(_) => None,
    };
    carry_out(context, &plan, bounds, |chunk| {
        let mut step = Step::default();
        for at in chunk {
            let found = manager.entry(stream, *at)?;
            let Some(entry) = found.filter(PeekedEntry::is_whole) else {
                step.left += 1;
                continue;
            };
            match (&producer, target) {
                (Some(producer), _) => {
                    producer.add(&entry.message())?;
                }
                (None, Target::Stream(group) | Target::Group(group)) => {
                    let part = match (&parts, at.partition) {
                        (Some(parts), Some(number)) => parts.get(usize::from(number)),
                        _ => None,
                    };
                    let key = part.map_or(stream, String::as_str);
                    add_for(context, key, group, *at, &entry.message())?;
                }
            }
            step.done += 1;
        }
        Ok(step)
    })
}

fn ids(
    context: &Context,
    stream: &str,
    (from, to): (EntryId, EntryId),
    limit: Option<usize>,
) -> Outcome<Vec<EntryAddress>> {
    const PAGE: usize = 1_000;
    let limit = limit.unwrap_or(usize::MAX);
    let manager = context.redis()?.manager();
    let mut entries = Vec::new();
    let mut after = None;
    while entries.len() < limit {
        let most = PAGE.min(limit - entries.len());
        let mut peek = Peek::oldest(most).between(from..=to).max_value_bytes(1);
        if let Some(after) = after {
            peek = peek.after(after);
        }
        let page = manager.peek(stream, &peek)?;
        entries.extend(page.entries.iter().map(|entry| entry.at));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(entries)
}

/// Marked as what was redriven is: other groups acknowledge and skip it.
fn add_for(
    context: &Context,
    key: &str,
    group: &str,
    at: EntryAddress,
    message: &RawMessage,
) -> Outcome<()> {
    let origin = at.id.to_string();
    let mut words: Vec<Vec<u8>> = ["XADD", key, "*"].map(|w| w.as_bytes().to_vec()).into();
    for (name, value) in message.iter() {
        words.push(name.to_vec());
        words.push(value.to_vec());
    }
    for (name, value) in [("~origin", origin.as_str()), ("~for", group)] {
        words.push(name.as_bytes().to_vec());
        words.push(value.as_bytes().to_vec());
    }
    let answer = context.redis()?.ask_one(key, request(words))?;
    match answer.error() {
        Some(line) => Err(Fault::new(Exit::Failed, format!("Redis answered: {line}"))),
        None => Ok(()),
    }
}
