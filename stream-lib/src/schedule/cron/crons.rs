//! The jobs of a stream: listed, paused, removed, run once now.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::job::Job;
use super::listed::CronJob;
use super::request::RunRequest;
use crate::command::{self, AskOutcome, JobCall, JobOutcome, JobRequest, JobState, Tick};
use crate::connection::Topology;
use crate::error::{Error, ErrorKind, Result, Shown};
use crate::keys::StreamKeys;
use crate::runtime::{Bell, random_suffix};
use crate::schedule::parts::Parts;
use crate::split::Splits;

/// How long a run by hand waits for a connection.
const CONNECTING: Duration = Duration::from_secs(5);

/// The jobs that a manager takes part in. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct LocalJobs(Arc<Mutex<BTreeMap<(String, String), Local>>>);

#[derive(Debug, Clone)]
struct Local {
    job: Arc<Job>,
    /// The bell of its ticker.
    bell: Bell,
}

impl LocalJobs {
    /// # Errors
    ///
    /// `AlreadyExists` if there is a job of this name.
    pub(crate) fn add(&self, job: &Arc<Job>, bell: &Bell) -> Result<()> {
        let key = (job.stream().to_owned(), job.name().to_owned());
        let mut jobs = self.0.lock();
        if jobs.contains_key(&key) {
            let text = format!(
                "there is a job named `{}` of `{}` already in this manager",
                Shown(job.name()),
                Shown(job.stream())
            );
            return Err(Error::new(ErrorKind::AlreadyExists, text));
        }
        let (job, bell) = (Arc::clone(job), bell.clone());
        jobs.insert(key, Local { job, bell });
        Ok(())
    }

    pub(crate) fn remove(&self, job: &Job) {
        let key = (job.stream().to_owned(), job.name().to_owned());
        self.0.lock().remove(&key);
    }

    /// Forgets all jobs.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    /// The jobs of a stream.
    #[cfg(feature = "test-util")]
    pub(crate) fn of(&self, stream: &str) -> Vec<Arc<Job>> {
        let jobs = self.0.lock();
        let of_stream = jobs.values().filter(|local| local.job.stream() == stream);
        of_stream.map(|local| Arc::clone(&local.job)).collect()
    }

    fn get(&self, stream: &str, name: &str) -> Option<Local> {
        let key = (stream.to_owned(), name.to_owned());
        self.0.lock().get(&key).cloned()
    }
}

/// The recurring jobs of one stream, `{<stream>}:cron` in Redis.
///
/// # Blocking
///
/// Every method waits for Redis: up to 5 s for a connection, and as long for the answer. A
/// run may wait 5 s more until the type of its message is stored.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable) while Redis can't be reached,
/// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the connection is lost before
/// the answer to a change, [`PermissionDenied`](crate::ErrorKind::PermissionDenied) if
/// the Redis user lacks a permission, [`WrongType`](crate::ErrorKind::WrongType) if a key
/// holds something else, [`Refused`](crate::ErrorKind::Refused) while Redis takes no
/// writes.
///
/// # Examples
///
/// ```no_run
/// # let manager = stream_lib::StreamManager::from_env()?;
/// let crons = manager.crons("reports")?;
/// for job in crons.list()? {
///     println!("{}: {} in {}, next at {:?}", job.name, job.expression, job.zone, job.next);
/// }
/// crons.pause("nightly-report")?;
/// # Ok::<(), stream_lib::Error>(())
/// ```
pub struct Crons {
    parts: Parts,
    local: LocalJobs,
}

impl Crons {
    pub(crate) fn new(
        topology: Arc<Topology>,
        splits: Arc<Splits>,
        keys: StreamKeys,
        local: LocalJobs,
    ) -> Self {
        Self {
            parts: Parts::new(topology, splits, keys),
            local,
        }
    }

    /// All jobs by name, with those of other processes and removed ones (`HGETALL`).
    pub fn list(&self) -> Result<Vec<CronJob>> {
        let listed = self.parts.all().and_then(|parts| {
            let mut jobs = Vec::new();
            for part in &parts {
                jobs.extend(self.parts.run(part, command::stored_jobs)?);
            }
            Ok(jobs)
        });
        let mut jobs = listed.map_err(|e| self.failed(e, "listing the jobs"))?;
        jobs.sort_by(|(a, _), (b, _)| a.cmp(b));
        let jobs = jobs.into_iter().map(|(name, stored)| {
            let is_here = self.local.get(self.parts.stream(), &name).is_some();
            CronJob::new(name, &stored, is_here)
        });
        Ok(jobs.collect())
    }

    /// Pauses a job in all processes, until it is resumed. Returns whether it exists.
    pub fn pause(&self, name: &str) -> Result<bool> {
        self.change(name, JobState::Paused, "pausing a job")
    }

    /// Resumes a job that was paused or removed, from now on: ticks that were due
    /// meanwhile are left out. Processes notice within ten seconds or so.
    /// Returns whether there is one.
    pub fn resume(&self, name: &str) -> Result<bool> {
        self.change(name, JobState::On, "resuming a job")
    }

    /// Removes a job in all processes. The removal is remembered: a later declaration of
    /// the job needs a higher [`revision`](crate::Cron::revision). Returns whether it
    /// existed.
    pub fn remove(&self, name: &str) -> Result<bool> {
        self.change(name, JobState::Removed, "removing a job")
    }

    /// Adds a message of a job now, also while the job is paused, and whether or not a
    /// group has handled the message before. Its ticks stay as they are.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound) where this manager has no such job: the message
    /// is made by the process that has declared it, which [`ask_to_run`](Self::ask_to_run)
    /// reaches; or where it was removed, or a manager that connects lazily has not declared
    /// it yet.
    pub fn run_now(&self, name: &str) -> Result<()> {
        let local = self.local.get(self.parts.stream(), name).ok_or_else(|| {
            let text = format!(
                "this manager has no job named `{}`, so it can't make its message",
                Shown(name)
            );
            self.failed(Error::new(ErrorKind::NotFound, text), "running a job")
        })?;
        let stored = local.job.store_type(CONNECTING);
        let message = stored.and_then(|()| local.job.message());
        let message = message.map_err(|e| self.failed(e, "running a job"))?;
        let tick = Tick {
            known: None,
            request: None,
            no_overlap: None,
            last: 0,
            times: &[0],
        };
        let keys = local.job.keys();
        let call = local.job.call(&keys);
        let located = self.parts.all().map(|parts| {
            let mut parts = parts.into_iter();
            parts.find(|part| part.keys == keys)
        });
        let part = located.map_err(|e| self.failed(e, "running a job"))?;
        // The second try is for a clock that was set back.
        for _ in 0..2 {
            let Some(part) = &part else { break };
            let ticked = self
                .parts
                .run(part, |wire, _| call.tick(wire, tick, &message));
            let answer = ticked.map_err(|e| self.failed(e, "running a job"))?;
            match answer.outcome {
                JobOutcome::Ticked => return Ok(()),
                JobOutcome::ClockBack => {}
                _ => break,
            }
        }
        let text = format!(
            "the job `{}` is not in Redis: it was removed, or this manager has not connected yet",
            Shown(name)
        );
        Err(self.failed(Error::new(ErrorKind::NotFound, text), "running a job"))
    }

    /// Asks the processes that have a job to run it now, once, out of turn, as
    /// [`run_now`](Self::run_now) does, also while it is paused. Its ticks stay as they
    /// are. The first of them that looks makes the message: within ten seconds or so,
    /// where one lives. The request lapses after `time`, 1 s to 1 h.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound) where there is no such job, or it was removed;
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) while another request for it stands;
    /// [`Config`](ErrorKind::Config) for a time out of its bounds.
    pub fn ask_to_run(&self, name: &str, time: Duration) -> Result<RunRequest> {
        const BOUNDS: RangeInclusive<Duration> =
            Duration::from_secs(1)..=Duration::from_secs(3_600);
        let doing = "asking for a run of a job";
        if !BOUNDS.contains(&time) {
            let text = format!("`time` is {time:?}, and must be 1 s to 1 h");
            return Err(self.failed(Error::new(ErrorKind::Config, text), doing));
        }
        let token = random_suffix();
        let parts = self.parts.all().map_err(|e| self.failed(e, doing))?;
        let mut why = (ErrorKind::NotFound, "there is no such job");
        for part in parts {
            let asked = self.parts.run(&part, |wire, keys| {
                let request = JobRequest {
                    keys,
                    name,
                    token: &token,
                };
                request.ask(wire, time)
            });
            match asked.map_err(|e| self.failed(e, doing))? {
                AskOutcome::Asked => {
                    return Ok(RunRequest::new(self.parts.clone(), part, name, token));
                }
                AskOutcome::Waits => {
                    why = (
                        ErrorKind::AlreadyExists,
                        "another request stands, which no process has taken yet",
                    );
                    break;
                }
                AskOutcome::Removed => why = (ErrorKind::NotFound, "it was removed"),
                AskOutcome::Gone => {}
            }
        }
        let text = format!("the job `{}`: {}", Shown(name), why.1);
        Err(self.failed(Error::new(why.0, text), doing))
    }

    fn change(&self, name: &str, state: JobState, doing: &str) -> Result<bool> {
        let changed = self.parts.all().and_then(|parts| {
            let mut changed = false;
            for part in &parts {
                changed |= self.parts.run(part, |wire, keys| {
                    let call = JobCall {
                        keys,
                        name,
                        now: None,
                    };
                    call.change(wire, state)
                })?;
            }
            Ok(changed)
        });
        let changed = changed.map_err(|e| self.failed(e, doing))?;
        if let Some(local) = self.local.get(self.parts.stream(), name) {
            local.job.look_again();
            local.bell.ring();
        }
        Ok(changed)
    }

    fn failed(&self, error: Error, doing: &str) -> Error {
        error.while_doing(format_args!("{doing} of `{}`", self.parts.stream()))
    }
}

impl fmt::Debug for Crons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crons")
            .field("stream", &self.parts.stream())
            .finish_non_exhaustive()
    }
}
