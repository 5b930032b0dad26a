//! Plans changes without making them. The plans are those of the command line.

use std::time::Duration;

use super::what::Change;
use crate::act::{
    DeadChoice, HandsOn, PendingChoice, Planned, ScheduledChoice, cancel, hold, pause_job, pending,
    redrive, release, remove_dead, resume_job, run_job_now, run_now, send,
};
use crate::server::Redis;
use crate::words::age;

/// The time for a process that has a job to run it.
const RUN_IN: Duration = Duration::from_secs(30);

/// Plans a change in the name of `who`. Nothing is changed.
///
/// # Errors
///
/// Those of the plans in [`act`](crate::act).
pub(crate) fn plan(redis: &Redis, who: &str, change: &Change) -> Planned {
    let mut plan = match change {
        Change::SetAside { stream, group, at } => {
            let hands = HandsOn::Bury(format!("set aside by {who}, by hand"));
            let choice = PendingChoice {
                ids: vec![*at],
                ..PendingChoice::default()
            };
            pending(redis, stream, group, &hands, &choice)
        }
        Change::Hold {
            stream,
            group,
            time,
        } => {
            let why = format!("by {who}, from the dashboard");
            hold(redis, stream, group, *time, &why)
        }
        Change::Unhold { stream, group } => release(redis, stream, group),
        Change::Redrive {
            stream,
            letters,
            edits,
            at_most,
            ..
        } => {
            let choice = DeadChoice {
                ids: letters.clone(),
                ..DeadChoice::default()
            };
            redrive(redis, stream, &choice, edits).map(|plan| plan.at_most(*at_most))
        }
        Change::RemoveDead { stream, letters } => {
            let choice = DeadChoice {
                ids: letters.clone(),
                ..DeadChoice::default()
            };
            remove_dead(redis, stream, &choice)
        }
        Change::SendCopy {
            stream, message, ..
        } => send(redis, stream, vec![message.clone()], true, None),
        Change::RunJob { stream, job } => run_job_now(redis, stream, job, RUN_IN),
        Change::PauseJob { stream, job } => pause_job(redis, stream, job),
        Change::ResumeJob { stream, job } => resume_job(redis, stream, job),
        Change::RunScheduled { stream, id } => run_now(redis, stream, &one(*id)),
        Change::CancelScheduled { stream, id } => cancel(redis, stream, &one(*id)),
    }?;
    // In the words of the pages.
    plan.single = match change {
        Change::SetAside { group, at, .. } => Some(format!("Set {at} aside for {group}")),
        Change::Hold { group, time, .. } => Some(format!("Held {group} back for {}", age(*time))),
        Change::Unhold { group, .. } => Some(format!("Let {group} read again")),
        Change::SendCopy { id, .. } => Some(format!("Sent a corrected copy of {id}")),
        _ => plan.single,
    };
    Ok(plan)
}

fn one(id: stream_lib::ScheduleId) -> ScheduledChoice {
    ScheduledChoice {
        ids: vec![id],
        ..ScheduledChoice::default()
    }
}
