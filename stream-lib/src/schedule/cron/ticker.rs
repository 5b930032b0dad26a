//! The task by which this process takes part in a job.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::config::Cron;
use super::job::Job;
use super::missed::{DueTicks, Missed};
use super::terms::Terms;
use super::times::Times;
use crate::command::{JobAnswer, JobOutcome, JobRequest, JobState, Outgoing, Tick};
use crate::connection::{LinkHandle, Loans, Topology, Wire};
use crate::error::{Error, Result, with_causes};
use crate::runtime::{Backoff, ServerClock, Task, Trouble, jitter};
use crate::schedule::outage::Outage;
use crate::split::Splits;

/// The longest wait between two looks: the server's clock may be set, and the job may be
/// changed, paused or resumed by others, or a run of it asked for.
const LOOK: Duration = Duration::from_secs(10);

/// How far ahead the last due time may lie, in ms; beyond that, the server's clock was
/// set back.
const AHEAD: u64 = 60_000;

/// How long the ticks of all jobs wait for the type of one, the first time.
const PATIENCE: Duration = Duration::from_millis(500);

/// The known state of the job in its stream.
#[derive(Debug)]
struct Known {
    /// The last due time, in ms since 1970.
    last: u64,
    /// Expression, zone and rules.
    terms: String,
    /// `None` if this version can't read the expression or the zone.
    times: Option<Times>,
    /// The stored rules, or this process's own if none are stored.
    missed: Missed,
    no_overlap: Option<String>,
    is_on: bool,
}

/// The task for one job.
pub(crate) struct Ticker {
    topology: Arc<Topology>,
    splits: Arc<Splits>,
    handle: LinkHandle,
    /// Connections to the server of the job's place, once that is known.
    loans: Option<Loans>,
    progress: Progress,
    at: Instant,
    backoff: Backoff,
    outage: Outage,
    trouble: Trouble,
}

/// The progress of the job.
struct Progress {
    job: Arc<Job>,
    clock: ServerClock,
    known: Option<Known>,
    /// The token of a request to run it out of turn.
    asked: Option<String>,
    /// When to ask for the job's state again.
    look_at: Instant,
    /// How long the next step waits until the type of the messages is stored.
    type_patience: Duration,
}

/// The next step.
enum Next {
    Declare,
    Look,
    Wait(Duration),
    Tick(DueTicks),
    /// Out of turn, for the request of this token.
    Run(String),
}

impl Ticker {
    pub(crate) fn new(
        topology: &Arc<Topology>,
        splits: &Arc<Splits>,
        job: Arc<Job>,
        handle: LinkHandle,
    ) -> Self {
        let now = Instant::now();
        Self {
            topology: Arc::clone(topology),
            splits: Arc::clone(splits),
            handle,
            loans: None,
            progress: Progress {
                job,
                clock: ServerClock::new(),
                known: None,
                asked: None,
                look_at: now,
                type_patience: PATIENCE,
            },
            at: now,
            backoff: Backoff::for_connections(),
            outage: Outage::default(),
            trouble: Trouble::default(),
        }
    }

    /// Declares the job on this connection, before the task begins.
    ///
    /// # Errors
    ///
    /// Those of the connection and of Redis.
    pub(crate) fn declare(&mut self, wire: &mut Wire) -> Result<()> {
        self.progress.declare(wire)
    }

    /// Takes the next step. Returns the time to wait after it.
    fn step(&mut self) -> Result<Duration> {
        let patience = self.progress.type_patience;
        // Later tries are those of the thread that stores types.
        self.progress.type_patience = Duration::ZERO;
        self.progress.job.store_type(patience)?;
        let mut next = self.progress.next();
        // The stream may have got partitions since.
        if matches!(next, Next::Declare | Next::Look) {
            match self.progress.job.locate(&self.splits) {
                Ok(false) => {}
                Ok(true) => {
                    self.progress.known = None;
                    next = Next::Declare;
                }
                Err(e) => {
                    self.progress.job.look_again();
                    return Err(e);
                }
            }
        }
        let Self {
            topology,
            handle,
            loans,
            progress,
            ..
        } = self;
        let keys = progress.job.keys();
        let loans = loans
            .get_or_insert_with(|| Loans::new(Arc::clone(topology), keys.stream(), handle.clone()));
        loans.lead_to(keys.stream());
        let message;
        let wait = match next {
            Next::Wait(wait) => return Ok(wait),
            Next::Declare => loans
                .run_pooled(|wire| progress.declare(wire))
                .map(|()| Duration::ZERO),
            Next::Look => loans
                .run_pooled(|wire| progress.look(wire))
                .map(|()| Duration::ZERO),
            Next::Tick(due) => {
                message = progress.job.message()?;
                loans.run_pooled(|wire| progress.tick(wire, &due, &message))
            }
            Next::Run(token) => {
                let made = progress.job.message();
                let answered = loans.run_pooled(|wire| match &made {
                    Ok(message) => progress.run(wire, &token, message),
                    Err(e) => progress.fail(wire, &token, e),
                });
                answered.map(|()| Duration::ZERO)
            }
        };
        if wait.is_err() {
            loans.failed();
        }
        wait
    }

    /// Logs a failure, unless it is an outage that has only begun.
    fn failed(&mut self, error: &Error) -> Duration {
        if self.outage.tells(error, Instant::now()) && self.trouble.begins(error) {
            log::warn!(
                "the job `{}` of `{}` is held up, and tries again until it works: {}",
                self.progress.job.name,
                self.progress.job.stream(),
                with_causes(error)
            );
        }
        self.backoff.next()
    }
}

impl Progress {
    fn next(&mut self) -> Next {
        let Some(known) = &self.known else {
            return Next::Declare;
        };
        if let Some(token) = self.asked.take() {
            return Next::Run(token);
        }
        let is_wanted = self.job.take_look() || self.look_at <= Instant::now();
        let Some(now) = self.clock.now_ms().filter(|_| !is_wanted) else {
            return Next::Look;
        };
        let look = self.look_at.saturating_duration_since(Instant::now());
        let Some(times) = known.times.as_ref().filter(|_| known.is_on) else {
            return Next::Wait(look);
        };
        if known.last > now + AHEAD {
            // The script sets the last due time to now.
            return Next::Tick(DueTicks {
                last: known.last,
                fire: Vec::new(),
            });
        }
        if let Some(due) = known.missed.due(times, known.last, now) {
            return Next::Tick(due);
        }
        let next = times.after(known.last.max(now));
        let wait = next.map_or(look, |next| Duration::from_millis(next - now));
        Next::Wait(wait.min(look))
    }

    fn declare(&mut self, wire: &mut Wire) -> Result<()> {
        let job = Arc::clone(&self.job);
        let keys = job.keys();
        let call = job.call(&keys);
        let answer = call.declare(wire, &job.terms, job.cron.revision)?;
        self.has_looked(answer.now);
        let (name, stream) = (&job.name, job.stream());
        match answer.outcome {
            JobOutcome::Stale => log::warn!(
                "the job `{name}` of `{stream}` is known with a higher revision, with the \
                 schedule `{}`: this process follows it; raise `revision` to change it",
                Terms::of(&answer.terms)
            ),
            JobOutcome::Removed => log::warn!(
                "the job `{name}` of `{stream}` was removed and stays removed: `Crons::resume`, or \
                 a higher `revision`, brings it back"
            ),
            JobOutcome::Changed => log::info!(
                "the job `{name}` of `{stream}` has the schedule `{}` from now on",
                Terms::of(&answer.terms)
            ),
            _ => {}
        }
        self.learn(answer);
        Ok(())
    }

    fn look(&mut self, wire: &mut Wire) -> Result<()> {
        let keys = self.job.keys();
        let look = self.job.call(&keys).look(wire)?;
        self.has_looked(look.now);
        match look.stored {
            None => self.known = None,
            Some(stored) => {
                let is_on = stored.state == JobState::On;
                self.follow(stored.last, stored.terms, is_on);
                self.asked = look.request;
            }
        }
        Ok(())
    }

    /// Runs the job out of turn, for a request. What is known of its ticks stays.
    fn run(&mut self, wire: &mut Wire, token: &str, message: &Outgoing) -> Result<()> {
        let job = Arc::clone(&self.job);
        let tick = Tick {
            known: None,
            request: Some(token),
            no_overlap: None,
            last: 0,
            times: &[0],
        };
        let keys = job.keys();
        let answer = job.call(&keys).tick(wire, tick, message)?;
        self.clock.set(answer.now, Instant::now());
        match answer.outcome {
            JobOutcome::Ticked => log::info!(
                "the job `{}` of `{}` was run out of turn, as was asked for",
                job.name,
                job.stream()
            ),
            // It goes on from now, and so does the request.
            JobOutcome::ClockBack => self.asked = Some(token.to_owned()),
            _ => {}
        }
        Ok(())
    }

    /// Answers a request for a run: the message can't be made. The job's ticks go on.
    fn fail(&self, wire: &mut Wire, token: &str, error: &Error) -> Result<()> {
        let job = &self.job;
        let request = JobRequest {
            keys: &job.keys(),
            name: &job.name,
            token,
        };
        request.fail(wire, &job.reason(error))?;
        log::warn!(
            "the job `{}` of `{}` was asked to run, and its message can't be made: {}",
            job.name,
            job.stream(),
            with_causes(error)
        );
        Ok(())
    }

    fn tick(&mut self, wire: &mut Wire, due: &DueTicks, message: &Outgoing) -> Result<Duration> {
        let job = Arc::clone(&self.job);
        let known = self.known.as_ref();
        let group = known.and_then(|known| known.no_overlap.clone());
        let known = known.map(|known| (&*known.terms, known.last));
        let tick = Tick {
            known: known.or(Some(("", 0))),
            request: None,
            // The script uses the group of the terms, if they have rules.
            no_overlap: job.cron.no_overlap.as_deref(),
            last: due.last,
            times: &due.fire,
        };
        let keys = job.keys();
        let answer = job.call(&keys).tick(wire, tick, message)?;
        self.clock.set(answer.now, Instant::now());
        let (name, stream) = (&job.name, job.stream());
        match answer.outcome {
            JobOutcome::Busy => log::info!(
                "the job `{name}` of `{stream}` skips a tick: the group `{}` has not handled the \
                 message before",
                group.unwrap_or_default()
            ),
            JobOutcome::ClockBack => log::warn!(
                "the server's clock was set back by more than a minute: the job `{name}` of \
                 `{stream}` goes on from now"
            ),
            JobOutcome::Gone => {
                self.known = None;
                return Ok(Duration::ZERO);
            }
            // The answer has brought the server's clock.
            JobOutcome::Early => {
                let wait = due.last.saturating_sub(answer.now);
                return Ok(Duration::from_millis(wait.max(1)));
            }
            _ => {}
        }
        self.learn(answer);
        Ok(Duration::ZERO)
    }

    fn has_looked(&mut self, server_ms: u64) {
        let now = Instant::now();
        self.clock.set(server_ms, now);
        self.look_at = now + jitter(LOOK, 0.1);
    }

    fn learn(&mut self, answer: JobAnswer) {
        let is_on = !matches!(answer.outcome, JobOutcome::Paused | JobOutcome::Removed);
        self.follow(answer.last, answer.terms, is_on);
    }

    /// Adopts the state that the stream has stored.
    fn follow(&mut self, last: u64, terms: String, is_on: bool) {
        let parts = Terms::of(&terms);
        let times = match self.known.take() {
            Some(known) if known.terms == terms => known.times,
            _ if terms == self.job.terms => Some(self.job.times.clone()),
            _ => match Cron::times_of(parts.schedule) {
                Ok(times) => Some(times),
                Err(e) => {
                    log::warn!(
                        "the job `{}` of `{}` has a schedule that this version can't read, so other \
                         processes do its ticks: {}",
                        self.job.name,
                        self.job.stream(),
                        with_causes(&e)
                    );
                    None
                }
            },
        };
        let own = &self.job.cron;
        let no_overlap = parts.no_overlap().or(own.no_overlap.as_deref());
        let no_overlap = no_overlap.filter(|group| !group.is_empty());
        self.known = Some(Known {
            last,
            times,
            missed: parts.missed().unwrap_or(own.missed),
            no_overlap: no_overlap.map(str::to_owned),
            is_on,
            terms,
        });
    }
}

impl Task for Ticker {
    fn tend(&mut self) {
        if self.progress.job.is_held() {
            self.at = Instant::now() + LOOK;
            return;
        }
        let wait = match self.step() {
            Ok(wait) => {
                self.backoff.reset();
                self.outage.ends();
                if self.trouble.ends() {
                    let job = &self.progress.job;
                    log::info!("the job `{}` of `{}` goes on", job.name, job.stream());
                }
                wait
            }
            Err(e) => self.failed(&e),
        };
        self.at = Instant::now() + wait;
    }

    fn wake_at(&self) -> Option<Instant> {
        Some(self.at)
    }
}
