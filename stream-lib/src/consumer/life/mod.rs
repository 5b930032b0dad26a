//! One life of a consumer: how its threads begin and end.
//!
//! *Prepare* makes the group and checks the permissions, before there is any
//! thread, save where the manager connects lazily. At the end the keeper conducts
//! the *stop* of the others.

mod prepare;
mod stop;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use self::prepare::{default_label, prepare};
use self::stop::Ends;
use crate::consumer::identity::Identity;
use crate::consumer::member::Member;
use crate::consumer::worker::{Crew, Work};
use crate::consumer::{keeper, reader, settler};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Thread, counted, on_library_thread, random_suffix};

/// The threads of a running consumer. Dropped, they are told to stop and left
/// to themselves.
pub(crate) struct Life {
    member: Arc<Member>,
    threads: Vec<Thread>,
}

impl Life {
    pub(crate) fn begin(identity: &Identity, handler: &Arc<dyn Work>) -> Result<Self> {
        let until_ended = identity.until_ended.upgrade().ok_or_else(|| {
            let text = "the consumer can't start: its manager was shut down";
            Error::new(ErrorKind::Closed, text)
        })?;
        let config = &identity.config;
        let label = config.consumer.clone().unwrap_or_else(default_label);
        // Each entry is settled once, so this never fills while Redis answers.
        let (settle, inbox) = bounded(4 * config.read_count + 4 * config.workers);
        let name = format!("{label}-{}", random_suffix());
        let member = Arc::new(Member::new(identity, name, settle, handler.batch_size()));
        // A lazy manager waits for nothing: the reader makes the group.
        if !identity.is_lazy {
            prepare(&member)?;
        }

        let mut life = Self {
            member: Arc::clone(&member),
            threads: Vec::new(),
        };
        let (stop_workers, workers_stop) = bounded(0);
        let (reader_lives, reader_ended) = bounded(0);
        let (workers_live, workers_ended) = bounded(0);
        let (settler_lives, settler_ended) = bounded(0);
        let ends = Ends {
            stop_workers,
            reader: reader_ended,
            workers: workers_ended,
            settler: settler_ended,
        };
        let stream = identity.group.stream();
        life.spawn(format!("{stream} settler"), move |member| {
            settler::run(member, &inbox);
            drop(settler_lives);
        })?;
        let crew = Arc::new(Crew::new(&member, workers_stop));
        for number in 1..=config.workers {
            let handler = Arc::clone(handler);
            let (crew, lives) = (Arc::clone(&crew), workers_live.clone());
            life.spawn(format!("{stream} worker {number}"), move |_| {
                handler.work(&crew);
                drop(lives);
            })?;
        }
        drop(workers_live);
        life.spawn(format!("{stream} reader"), move |member| {
            reader::run(member);
            drop(reader_lives);
        })?;
        life.spawn(format!("{stream} keeper"), move |member| {
            let keeper = keeper::run(member);
            stop::conduct(member, keeper, ends);
            drop(until_ended);
        })?;
        // A consumer of the wrong stream has no other sign of it.
        log::info!(
            "the consumer `{}` of `{stream}` in the group `{}` has started, with {}",
            member.name,
            identity.group.name(),
            counted(config.workers, "worker", "workers")
        );
        Ok(life)
    }

    /// Starts one thread. Where the system has none left, those that run
    /// already are told to end when the half-made life is dropped.
    fn spawn(&mut self, name: String, body: impl FnOnce(&Member) + Send + 'static) -> Result<()> {
        let member = Arc::clone(&self.member);
        let thread = Thread::spawn(name, move || body(&member)).inspect_err(|_| {
            // The one that conducts a stop is not there.
            self.member.halt.set();
            self.member.acknowledging.finish(Instant::now());
        })?;
        self.threads.push(thread);
        Ok(())
    }

    pub(crate) fn member(&self) -> Arc<Member> {
        Arc::clone(&self.member)
    }

    pub(crate) fn name(&self) -> &str {
        &self.member.name
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.member.stop.is_set()
    }

    /// Whether the group was made and checked at the start.
    pub(crate) fn is_prepared(&self) -> bool {
        self.member.health.group_stood()
    }

    pub(crate) fn buffered(&self) -> usize {
        self.member.buffer.room.buffered()
    }

    pub(crate) fn running(&self) -> usize {
        self.member.buffer.pause.running()
    }

    /// How many entries have ended here, but not in Redis.
    pub(crate) fn settling(&self) -> usize {
        let replies = self.member.replies.all();
        replies.iter().map(|held| held.settling()).sum()
    }

    pub(crate) fn signal_stop(&self) {
        self.member.stop.set();
    }

    /// Stops and joins the threads, within the grace and a little; those that
    /// are still in a handler then are detached. Returns how many handlers
    /// still ran. From one of the library's own threads it only signals.
    pub(crate) fn end(mut self, grace: Duration) -> usize {
        const SETTLE: Duration = Duration::from_secs(10);
        self.signal_stop();
        if on_library_thread() {
            return self.running();
        }
        let deadline = Instant::now() + grace + SETTLE;
        // The last one conducts the stop of the others.
        while let Some(thread) = self.threads.pop() {
            let done = self.member.halt.is_set();
            thread.join_by(if done {
                Instant::now() + SETTLE / 100
            } else {
                deadline
            });
        }
        // A thread that has not ended by now gives up, instead of waiting for
        // Redis for ever.
        self.member.halt.set();
        self.running()
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.member.stop.set();
    }
}
