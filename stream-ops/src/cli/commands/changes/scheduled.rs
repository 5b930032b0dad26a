//! `scheduled cancel` and `scheduled run-now`.

use serde_json::Map;
use stream_lib::ScheduleId;

use crate::cli::args::Bounds;
use crate::cli::commands::dlq::ensure_known;
use crate::cli::context::Context;
use crate::cli::exit::{Fault, Outcome};
use crate::cli::plan::{Done, Plan, Step, carry_out, ids_in_words};
use crate::words::{of, shown};

pub(crate) fn run(
    context: &Context,
    stream: &str,
    ids: &[ScheduleId],
    cancels: bool,
    bounds: &Bounds,
) -> Outcome {
    ensure_known(context, stream)?;
    let scheduled = context.redis()?.manager().scheduled(stream)?;
    let chosen: Vec<ScheduleId> = match (ids, bounds.limit, bounds.all) {
        ([_, ..], limit, _) => ids
            .iter()
            .copied()
            .take(limit.unwrap_or(usize::MAX))
            .collect(),
        ([], None, false) => {
            return Err(Fault::usage(
                "say which messages: their ids, as `streamctl scheduled ls` has them, --limit or --all",
            ));
        }
        ([], limit, _) => {
            let found = scheduled.list(limit.unwrap_or(usize::MAX))?;
            found.iter().map(stream_lib::ScheduledMessage::id).collect()
        }
    };
    let what = of(
        chosen.len() as u64,
        "scheduled message",
        "scheduled messages",
    );
    let name = shown(stream.as_bytes());
    let (action, said, did) = if cancels {
        (
            "scheduled cancel",
            format!("Would cancel {what} of `{name}`, for good."),
            "Cancelled",
        )
    } else {
        (
            "scheduled run-now",
            format!("Would add {what} to `{name}` now."),
            "Added",
        )
    };
    let which = ids_in_words(&chosen);
    let plan = Plan {
        action,
        stream: stream.to_owned(),
        group: String::new(),
        items: chosen,
        said,
        done: Done::new(did, "message", "messages"),
        again: None,
        json: Map::new(),
        loses: None,
        which,
    };
    carry_out(context, &plan, bounds, |chunk| {
        let done = if cancels {
            scheduled.cancel_all_of(chunk)?
        } else {
            let mut done = 0;
            for id in chunk {
                done += usize::from(scheduled.run_now(*id)?);
            }
            done
        };
        Ok(Step {
            done,
            left: chunk.len().saturating_sub(done),
        })
    })
}
