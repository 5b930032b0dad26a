//! `cron ls`.

use serde_json::{Value, json};
use stream_lib::CronState;

use crate::cli::context::Context;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Report, table};
use crate::words::{dash, millis_of, rfc3339, shown};

pub(crate) fn ls(context: &Context, stream: &str) -> Outcome {
    super::dlq::ensure_known(context, stream)?;
    let jobs = context.redis()?.manager().crons(stream)?.list()?;
    let now = context.redis()?.clock()?;
    let rows = jobs.iter().map(|job| {
        let time = |at| context.clock.time(millis_of(at), now);
        [
            shown(job.name.as_bytes()),
            shown(job.expression.as_bytes()),
            shown(job.zone.as_bytes()),
            state(job.state).to_owned(),
            time(job.last),
            job.next.map_or_else(dash, time),
            job.missed.map_or_else(dash, |missed| missed.to_string()),
            job.no_overlap
                .as_ref()
                .map_or_else(dash, |group| shown(group.as_bytes())),
        ]
    });
    let text = match jobs.len() {
        0 => "No jobs.\n".to_owned(),
        _ => table(
            [
                "Job",
                "Expression",
                "Zone",
                "State",
                ">Last",
                ">Next",
                "Missed",
                "No overlap",
            ],
            rows,
        ),
    };
    let rows: Vec<Value> = jobs
        .iter()
        .map(|job| {
            json!({
                "name": job.name,
                "expression": job.expression,
                "zone": job.zone,
                "state": state(job.state),
                "revision": job.revision,
                "missed": job.missed.map(|missed| missed.to_string()),
                "no_overlap": job.no_overlap,
                "last": rfc3339(millis_of(job.last)),
                "next": job.next.and_then(|next| rfc3339(millis_of(next))),
            })
        })
        .collect();
    let json = json!({ "stream": stream, "jobs": rows });
    context
        .output
        .print(&Report::new(text, json).with_rows("jobs"))?;
    Ok(Exit::Done)
}

fn state(state: CronState) -> &'static str {
    match state {
        CronState::On => "on",
        CronState::Paused => "paused",
        CronState::Removed => "removed",
        _ => "–",
    }
}
