//! Changes of scheduled messages and recurring jobs.

use super::drive::drive;
use crate::act::{self, Bound, ScheduledChoice};
use crate::cli::change_args::{Agreed, CronChange, ScheduledChange, ScheduledWhich};
use crate::cli::context::Context;
use crate::cli::exit::{Fault, Outcome};

pub(crate) fn scheduled(context: &Context, change: ScheduledChange) -> Outcome {
    let redis = context.redis()?;
    let (plan, agreed) = match change {
        ScheduledChange::Cancel { which, agreed } => {
            let (stream, choice) = chosen(which)?;
            (act::cancel(redis, &stream, &choice), agreed)
        }
        ScheduledChange::RunNow { which, agreed } => {
            let (stream, choice) = chosen(which)?;
            (act::run_now(redis, &stream, &choice), agreed)
        }
    };
    drive(context, plan, agreed)
}

fn chosen(which: ScheduledWhich) -> Outcome<(String, ScheduledChoice)> {
    let due_by = match which.due_by {
        None => None,
        Some(Bound::Time(ms)) => Some(ms),
        Some(_) => return Err(Fault::usage("--due-by takes a time: 2026-11-27T02:41:03Z")),
    };
    let choice = ScheduledChoice {
        ids: which.ids,
        limit: which.limit,
        until: which.until,
        due_by,
    };
    Ok((which.of.name, choice))
}

pub(crate) fn cron(context: &Context, change: CronChange) -> Outcome {
    let redis = context.redis()?;
    let plan = match change {
        CronChange::Pause { of, job } => act::pause_job(redis, &of.name, &job),
        CronChange::Resume { of, job } => act::resume_job(redis, &of.name, &job),
        CronChange::RunNow { of, job, wait } => act::run_job_now(redis, &of.name, &job, wait),
    };
    drive(context, plan, Agreed::default())
}
