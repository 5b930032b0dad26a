//! The threads that move and add what is due, for all streams of a manager.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::cron::{Job, LocalJobs, Ticker};
use super::promoter::{Hints, Promoter};
use crate::connection::{LinkHandle, Topology};
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::keys::StreamKeys;
use crate::runtime::{Alarm, Bell, Desk, Rounds, Task, on_library_thread};
use crate::split::Splits;

/// How long a stop waits for the step under way, before it cuts the connection.
const POLITE: Duration = Duration::from_millis(500);

/// How long a stop waits after that at most.
const LAST: Duration = Duration::from_secs(2);

/// One thread for the scheduled messages of all streams, which begins with the first
/// alarm, and one for all jobs, which begins with the first job: it calls users'
/// functions, which may be slow. Clones share the threads.
#[derive(Debug, Clone)]
pub(crate) struct Timekeeper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    topology: Arc<Topology>,
    splits: Arc<Splits>,
    promoting: Rounds,
    ticking: Rounds,
    jobs: LocalJobs,
    tasks: Mutex<Tasks>,
}

#[derive(Debug, Default)]
struct Tasks {
    /// No new task begins: the shutdown has begun.
    is_closed: bool,
    promoters: BTreeMap<String, Promoting>,
    tickers: Vec<Kept<Ticker>>,
}

/// A task with the means to reach it.
struct Kept<T> {
    handle: LinkHandle,
    desk: Arc<Desk<T>>,
}

/// The promoter of a stream.
#[derive(Debug)]
struct Promoting {
    hints: Arc<Hints>,
    bell: Bell,
    task: Kept<Promoter>,
}

impl Timekeeper {
    pub(crate) fn new(topology: &Arc<Topology>, splits: &Arc<Splits>) -> Self {
        Self(Arc::new(Inner {
            topology: Arc::clone(topology),
            splits: Arc::clone(splits),
            promoting: Rounds::new("stream-schedule"),
            ticking: Rounds::new("stream-cron"),
            jobs: LocalJobs::default(),
            tasks: Mutex::default(),
        }))
    }

    /// The alarm by which a producer or a consumer of a stream tells that something is
    /// scheduled there; `keys` are the stem's. `max_backup` bounds the length of its
    /// backup stream, if it is bounded.
    pub(crate) fn alarm(&self, keys: &StreamKeys, max_backup: Option<u64>) -> Alarm {
        let (timekeeper, keys) = (self.clone(), keys.clone());
        Alarm::new(move |partition, wait| match partition {
            None => timekeeper.0.note(&keys, wait, max_backup),
            Some(number) => timekeeper.0.note(&keys.partition(number), wait, max_backup),
        })
    }

    /// The jobs of this manager.
    pub(crate) fn jobs(&self) -> &LocalJobs {
        &self.0.jobs
    }

    /// Takes part in a job from now on. The job is declared first; with `is_lazy`, its
    /// task declares it as soon as it can.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`, `Closed`, `System`, and those of the connection.
    pub(crate) fn begin_job(&self, job: Job, is_lazy: bool) -> Result<()> {
        let inner = &*self.0;
        let (job, bell) = (Arc::new(job), inner.ticking.bell());
        inner.jobs.add(&job, &bell)?;
        let begun = inner.begin_job(&job, &bell, is_lazy);
        if begun.is_err() {
            inner.jobs.remove(&job);
        }
        begun
    }

    /// Begins a stop without waiting for it.
    pub(crate) fn signal_stop(&self) {
        let mut tasks = self.0.tasks.lock();
        tasks.is_closed = true;
        for promoting in tasks.promoters.values() {
            promoting.task.handle.hold_off();
        }
        for ticker in &tasks.tickers {
            ticker.handle.hold_off();
        }
    }

    /// Ends all tasks, and joins the threads. From one of the library's own threads this
    /// only signals.
    pub(crate) fn stop(&self) {
        self.signal_stop();
        let (promoters, tickers) = {
            let mut tasks = self.0.tasks.lock();
            (
                mem::take(&mut tasks.promoters),
                mem::take(&mut tasks.tickers),
            )
        };
        // They hold users' functions.
        self.0.jobs.clear();
        let now = Instant::now();
        let by = if on_library_thread() {
            now
        } else {
            now + POLITE
        };
        for promoting in promoters.values() {
            promoting.task.end(by);
        }
        for ticker in &tickers {
            ticker.end(by);
        }
        if !on_library_thread() {
            self.0.promoting.join_idle(now + LAST);
            self.0.ticking.join_idle(now + LAST);
        }
    }
}

impl Inner {
    fn note(&self, keys: &StreamKeys, wait: Option<Duration>, max_backup: Option<u64>) {
        let mut tasks = self.tasks.lock();
        if tasks.is_closed {
            return;
        }
        if let Some(promoting) = tasks.promoters.get(keys.stream()) {
            promoting.hints.note(wait, max_backup, &promoting.bell);
            return;
        }
        let (hints, bell) = (Arc::<Hints>::default(), self.promoting.bell());
        let handle = LinkHandle::default();
        hints.note(wait, max_backup, &bell);
        let promoter = Promoter::new(
            &self.topology,
            keys.clone(),
            Arc::clone(&hints),
            handle.clone(),
        );
        match self.promoting.add(promoter, &bell) {
            Ok(desk) => {
                let promoting = Promoting {
                    hints,
                    bell,
                    task: Kept { handle, desk },
                };
                tasks.promoters.insert(keys.stream().to_owned(), promoting);
            }
            // The next alarm tries again; other processes do the work meanwhile.
            Err(e) => log::error!(
                "starting the thread that moves scheduled messages of `{}` failed; the next one \
                 tries again: {}",
                keys.stream(),
                with_causes(&e)
            ),
        }
    }

    fn begin_job(&self, job: &Arc<Job>, bell: &Bell, is_lazy: bool) -> Result<()> {
        let handle = LinkHandle::default();
        let mut ticker = Ticker::new(
            &self.topology,
            &self.splits,
            Arc::clone(job),
            handle.clone(),
        );
        if !is_lazy {
            job.locate(&self.splits)?;
            let keys = job.keys();
            let key = keys.stream().as_bytes();
            self.topology.run_alone(key, |wire| ticker.declare(wire))?;
        }
        let mut tasks = self.tasks.lock();
        if tasks.is_closed {
            return Err(Error::new(ErrorKind::Closed, "the manager was shut down"));
        }
        let desk = self.ticking.add(ticker, bell)?;
        tasks.tickers.push(Kept { handle, desk });
        Ok(())
    }
}

impl<T: Task> Kept<T> {
    /// Takes the task off its thread, by force after `deadline`.
    fn end(&self, deadline: Instant) {
        if self.desk.take(deadline).is_none() {
            self.handle.end();
        }
    }
}

impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}
