//! `pending release`, `pending bury` and `pending ack`.

use serde_json::Map;
use stream_lib::{EntryAddress, Pending, PendingFilter, PendingReport};

use crate::cli::args::{Bounds, PendingWhich};
use crate::cli::context::{Context, no_group};
use crate::cli::exit::{Fault, Outcome};
use crate::cli::plan::{Done, Plan, Step, carry_out, ids_in_words};
use crate::observe::look_at;
use crate::words::{of, shown};

/// What is done with pending entries.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act<'a> {
    Release,
    Bury(&'a str),
    Ack,
}

pub(crate) fn run(
    context: &Context,
    chosen_by: &PendingWhich,
    act: Act<'_>,
    bounds: &Bounds,
) -> Outcome {
    let (stream, group) = (chosen_by.of.name.as_str(), chosen_by.of.group.as_str());
    let redis = context.redis()?;
    if look_at(redis, stream)?.group(group).is_none() {
        return Err(no_group(stream, group));
    }
    let pending = redis.manager().pending(stream, group)?;
    let entries = chosen(&pending, chosen_by, bounds)?;
    let what = of(entries.len() as u64, "entry", "entries");
    let name = format!("{}/{}", shown(stream.as_bytes()), shown(group.as_bytes()));
    let (action, said, did, end, loses) = match act {
        Act::Release => (
            "pending release",
            format!("Would hand {what} of {name} out again, at once. Deliveries stay counted."),
            "Released",
            "",
            None,
        ),
        Act::Bury(_) => (
            "pending bury",
            format!(
                "Would move {what} of {name} to the dead letters, for this group only. \
                 `streamctl dlq redrive` puts them back."
            ),
            "Moved",
            " to the dead letters",
            None,
        ),
        Act::Ack => (
            "pending ack",
            format!("Would acknowledge {what} of {name}, as if they were done."),
            "Acknowledged",
            "",
            Some(format!("{name} would never handle {what}")),
        ),
    };
    let which = ids_in_words(&entries);
    let plan = Plan {
        action,
        stream: stream.to_owned(),
        group: group.to_owned(),
        again: entries
            .iter()
            .map(|at| at.id)
            .max()
            .filter(|_| chosen_by.entries.is_empty())
            .map(|id| format!("--until {id}")),
        items: entries,
        said,
        done: Done {
            did,
            one: "entry",
            many: "entries",
            end,
        },
        json: Map::new(),
        loses,
        which,
    };
    carry_out(context, &plan, bounds, |chunk| {
        let report: PendingReport = match act {
            Act::Release => pending.release(chunk)?,
            Act::Bury(why) => pending.bury(chunk, why)?,
            Act::Ack => pending.ack(chunk)?,
        };
        Ok(Step {
            done: report.done,
            left: report.not_pending + report.deleted + report.held.len(),
        })
    })
}

fn chosen(pending: &Pending, which: &PendingWhich, bounds: &Bounds) -> Outcome<Vec<EntryAddress>> {
    let limit = bounds.limit.unwrap_or(usize::MAX);
    if !which.entries.is_empty() {
        return Ok(which.entries.iter().copied().take(limit).collect());
    }
    if !which.suspects && !which.dead {
        return Err(Fault::usage(
            "say which entries: their ids, as `streamctl pending ls` has them, --suspects or --dead",
        ));
    }
    let mut filter = if which.suspects {
        PendingFilter::suspects()
    } else {
        PendingFilter::new().held_by_dead()
    };
    if let Some(until) = bounds.until {
        filter = filter.between(stream_lib::EntryId::MIN..=until);
    }
    let mut entries = Vec::new();
    loop {
        let page = pending.list(
            &filter
                .clone()
                .limit(limit.saturating_sub(entries.len()).min(1_000)),
        )?;
        entries.extend(page.entries.iter().map(|entry| entry.at));
        match page.next {
            Some(next) if entries.len() < limit => filter = filter.after(next),
            _ => return Ok(entries),
        }
    }
}
