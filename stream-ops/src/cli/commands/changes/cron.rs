//! `cron pause` and `cron resume`.

use serde_json::Map;

use crate::cli::args::Bounds;
use crate::cli::context::Context;
use crate::cli::exit::{Fault, Outcome};
use crate::cli::plan::{Done, Plan, at_once};
use crate::words::shown;

pub(crate) fn run(context: &Context, stream: &str, job: &str, pauses: bool) -> Outcome {
    let jobs = context.redis()?.manager().crons(stream)?;
    if jobs.list()?.iter().all(|known| known.name != job) {
        let (stream, job) = (shown(stream.as_bytes()), shown(job.as_bytes()));
        return Err(Fault::no_such(format!(
            "`{stream}` has no job `{job}`; `streamctl cron ls {stream}` shows those that it has"
        )));
    }
    let what = format!(
        "the job `{}` of `{}`",
        shown(job.as_bytes()),
        shown(stream.as_bytes())
    );
    let (action, said, did) = if pauses {
        (
            "cron pause",
            format!("Would have {what} rest, until `streamctl cron resume`."),
            "Paused",
        )
    } else {
        (
            "cron resume",
            format!("Would have {what} go on."),
            "Resumed",
        )
    };
    let plan = Plan {
        action,
        stream: stream.to_owned(),
        group: String::new(),
        items: vec![()],
        said,
        done: Done::new(did, "job", "jobs"),
        again: None,
        json: Map::new(),
        loses: None,
        which: job.to_owned(),
    };
    at_once(context, &plan, &Bounds::default(), || {
        Ok(if pauses {
            jobs.pause(job)?
        } else {
            jobs.resume(job)?
        })
    })
}
