//! `cron pause`, `resume` and `run-now`.

use std::thread;
use std::time::{Duration, Instant};

use stream_lib::{CronJob, CronState, Result, RunRequest, RunState};

use super::job::{Job, Once, Step};
use super::plan::Plan;
use super::refused::{Planned, Refused};
use super::said::named;
use super::source::ensure_known;
use crate::server::Redis;
use crate::words::{quoted, shown};

const JOB: (&str, &str) = ("job", "jobs");

/// Plans to pause a recurring job in all processes.
///
/// # Errors
///
/// If there is no such job, or Redis can't be reached.
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
        CronState::Removed => plan.counted(0_u64).say(format!("It is removed: {what}.")),
        _ => plan.say(format!(
            "Would pause {what} in all processes, until it is resumed. Undo: `{undo}`."
        )),
    })
}

/// Plans to resume a paused or removed job, from now on. Times that have passed are
/// skipped.
///
/// # Errors
///
/// If there is no such job, or Redis can't be reached.
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
        CronState::On => plan.counted(0_u64).say(format!("It isn't paused: {what}.")),
        _ => plan.say(format!(
            "Would resume {what}, from now on: times that have passed are skipped."
        )),
    })
}

/// Plans to run a job once now, even if it is paused. A process that has the job adds the
/// message; it has `wait` to do so, at least one second.
///
/// # Errors
///
/// If there is no such job, if it was removed, or if Redis can't be reached.
pub fn run_now(redis: &Redis, stream: &str, name: &str, wait: Duration) -> Planned {
    let known = job(redis, stream, name)?;
    let what = format!("the job {} of {}", named(name), named(stream));
    if known.state == CronState::Removed {
        let resume = format!("streamctl cron resume {} {}", quoted(stream), quoted(name));
        return Err(Refused::NoSuch(format!(
            "{what} was removed; `{resume}` brings it back"
        )));
    }
    let act = Run {
        stream: stream.to_owned(),
        name: name.to_owned(),
        wait: wait.max(Duration::from_secs(1)),
        asked: None,
    };
    let plan = Plan::new("cron run-now", stream, JOB, "Ran", Box::new(act))
        .detail("job", name)
        .with_result(format!("Ran {what}"))
        .say(format!(
            "Would run {what} now, once: a process that has it adds the message of this moment."
        ));
    Ok(match known.state {
        CronState::Paused => plan.say("It is paused, and stays so."),
        _ => plan.say("Its regular times stay as they are."),
    })
}

/// The time between two checks for the run.
const LOOK: Duration = Duration::from_millis(100);

/// Asks for a run, then waits for it.
struct Run {
    stream: String,
    name: String,
    wait: Duration,
    asked: Option<(RunRequest, Instant)>,
}

impl Job for Run {
    fn step(&mut self, redis: &Redis) -> Result<Step> {
        let Some((request, until)) = &self.asked else {
            let request = redis.manager().crons(&self.stream)?;
            let request = request.ask_to_run(&self.name, self.wait)?;
            self.asked = Some((request, Instant::now() + self.wait));
            return Ok(Step::default());
        };
        match request.look()? {
            RunState::Ran => Ok(Step::done(1_u64).last_if(true)),
            RunState::Failed => {
                let why = request.failure().unwrap_or("for an unknown reason");
                let why = format!("failed: {}", shown(why.as_bytes()));
                self.asked = None;
                Ok(Step::default().and_left(why, 1_u64).last_if(true))
            }
            RunState::Waiting if Instant::now() < *until => {
                thread::park_timeout(LOOK);
                Ok(Step::default())
            }
            _ => {
                let step = self.cancel()?;
                let left = 1 - step.done;
                let why = format!(
                    "was not: no process that has it answered within {} s",
                    self.wait.as_secs()
                );
                Ok(step.and_left(why, left).last_if(true))
            }
        }
    }

    fn cancel(&mut self) -> Result<Step> {
        let Some((request, _)) = self.asked.take() else {
            return Ok(Step::default());
        };
        let has_run = request.withdraw()? == RunState::Ran;
        Ok(Step::done(u64::from(has_run)))
    }
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
