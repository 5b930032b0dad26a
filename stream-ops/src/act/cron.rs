//! `cron pause` and `resume`.

use stream_lib::{CronJob, CronState};

use super::job::{Once, Step};
use super::plan::Plan;
use super::refused::{Planned, Refused};
use super::said::named;
use super::source::ensure_known;
use crate::server::Redis;
use crate::words::quoted;

const JOB: (&str, &str) = ("job", "jobs");

/// Plans to pause a job that recurs, in all processes.
///
/// # Errors
///
/// Where there is no such job, or Redis can't be reached.
pub fn pause(redis: &Redis, stream: &str, name: &str) -> Planned {
    let known = job(redis, stream, name)?;
    let what = format!("the job {} of {}", named(name), named(stream));
    let owned = (stream.to_owned(), name.to_owned());
    let act = Once::job(move |redis: &Redis| {
        let done = redis.manager().crons(&owned.0)?.pause(&owned.1)?;
        Ok(Step::done(u64::from(done)).and_left("was not there", u64::from(!done)))
    });
    let plan = Plan::new("cron pause", stream, JOB, "Paused", act)
        .detail("job", name)
        .with_result(format!("Paused {what}"));
    let undo = format!("streamctl cron resume {} {}", quoted(stream), quoted(name));
    Ok(match known.state {
        CronState::Paused => plan
            .counted(0_u64)
            .say(format!("It is paused already: {what}.")),
        CronState::Removed => plan.counted(0_u64).say(format!("It was removed: {what}.")),
        _ => plan.say(format!(
            "Would pause {what} in all processes, until it is resumed. Undo: `{undo}`."
        )),
    })
}

/// Plans to resume a job that was paused or removed, from now on.
///
/// # Errors
///
/// Where there is no such job, or Redis can't be reached.
pub fn resume(redis: &Redis, stream: &str, name: &str) -> Planned {
    let known = job(redis, stream, name)?;
    let what = format!("the job {} of {}", named(name), named(stream));
    let owned = (stream.to_owned(), name.to_owned());
    let act = Once::job(move |redis: &Redis| {
        let done = redis.manager().crons(&owned.0)?.resume(&owned.1)?;
        Ok(Step::done(u64::from(done)).and_left("was not there", u64::from(!done)))
    });
    let plan = Plan::new("cron resume", stream, JOB, "Resumed", act)
        .detail("job", name)
        .with_result(format!("Resumed {what}"));
    Ok(match known.state {
        CronState::On => plan
            .counted(0_u64)
            .say(format!("It goes on already: {what}.")),
        _ => plan.say(format!(
            "Would resume {what}, from now on: times that have passed are left out."
        )),
    })
}

fn job(redis: &Redis, stream: &str, name: &str) -> Planned<CronJob> {
    ensure_known(redis, stream)?;
    let jobs = redis.manager().crons(stream)?.list()?;
    let known = jobs.into_iter().find(|job| job.name == name);
    known.ok_or_else(|| {
        Refused::NoSuch(format!(
            "{} has no job {}; `streamctl cron ls {}` shows those that it has",
            named(stream),
            named(name),
            quoted(stream)
        ))
    })
}
