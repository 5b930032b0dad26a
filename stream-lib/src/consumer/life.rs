//! One life of a consumer: how its threads begin and end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use parking_lot::Mutex;

use crate::command::{self, Group};
use crate::config::ConsumerConfig;
use crate::connection::Topology;
use crate::consumer::keeper::{self, Ends};
use crate::consumer::member::Member;
use crate::consumer::member::settle::Settle;
use crate::consumer::stats::Counters;
use crate::consumer::worker::Work;
use crate::consumer::{reader, settler};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Thread, on_library_thread, random_suffix};

/// How long the checks before the start wait for a connection.
const CONNECTION: Duration = Duration::from_secs(5);

/// The threads of a running consumer. Dropped, they are told to stop and left
/// to themselves.
pub(crate) struct Life {
    member: Arc<Member>,
    threads: Vec<Thread>,
}

impl Life {
    pub(crate) fn begin(
        topology: &Arc<Topology>,
        config: &ConsumerConfig,
        group: &Group,
        handler: &Arc<dyn Work>,
        counters: &Arc<Counters>,
        failure: &Arc<Mutex<Option<Error>>>,
    ) -> Result<Self> {
        let label = config.consumer.clone().unwrap_or_else(default_label);
        // Each entry is settled once, so this never fills while Redis answers.
        let (settle, inbox) = bounded(4 * config.read_count + 4 * config.workers);
        let member = Arc::new(Member::new(
            Arc::clone(topology),
            config.clone(),
            group.clone(),
            format!("{label}-{}", random_suffix()),
            Arc::clone(counters),
            Arc::clone(failure),
            settle,
            handler.batch_size(),
        ));
        prepare(&member)?;

        let mut life = Self {
            member: Arc::clone(&member),
            threads: Vec::new(),
        };
        let (stop_workers, workers_stop) = bounded(0);
        let (reader_lives, reader_ended) = bounded(0);
        let (workers_live, workers_ended) = bounded(0);
        let (ack_lives, ack_ended) = bounded(0);
        let ends = Ends {
            stop_workers,
            reader: reader_ended,
            workers: workers_ended,
            ack: ack_ended,
        };
        let stream = group.stream();
        life.spawn(format!("{stream} ack"), move |member| {
            settler::run(member, &inbox);
            drop(ack_lives);
        })?;
        for number in 1..=config.workers {
            let handler = Arc::clone(handler);
            let (stop, lives) = (workers_stop.clone(), workers_live.clone());
            life.spawn(format!("{stream} worker {number}"), move |member| {
                handler.work(member, &stop);
                drop(lives);
            })?;
        }
        drop(workers_live);
        life.spawn(format!("{stream} reader"), move |member| {
            reader::run(member);
            drop(reader_lives);
        })?;
        life.spawn(format!("{stream} lease"), move |member| {
            keeper::run(member, ends);
        })?;
        Ok(life)
    }

    /// Starts one thread. Where the system has none left, those that run
    /// already are told to end when the half-made life is dropped.
    fn spawn(
        &mut self,
        name: String,
        body: impl FnOnce(&Arc<Member>) + Send + 'static,
    ) -> Result<()> {
        let member = Arc::clone(&self.member);
        let thread = Thread::spawn(name, move || body(&member)).inspect_err(|_| {
            // The one that conducts a stop is not there.
            self.member.halt.set();
            let _ = self.member.settle.try_send(Settle::Finish);
        })?;
        self.threads.push(thread);
        Ok(())
    }

    pub(crate) fn name(&self) -> &str {
        &self.member.name
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.member.stop.is_set()
    }

    /// Whether the group was made and checked at the start.
    pub(crate) fn is_prepared(&self) -> bool {
        self.member.prepared.load(Ordering::SeqCst)
    }

    pub(crate) fn buffered(&self) -> usize {
        self.member.queue.buffered()
    }

    pub(crate) fn running(&self) -> usize {
        self.member.queue.running()
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
            return self.member.queue.running();
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
        // Who is not done by now gives up, lest it wait for Redis for ever.
        self.member.halt.set();
        self.member.queue.running()
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.member.stop.set();
    }
}

/// Makes the group and checks what the consumer may do. Where Redis is away,
/// the reader does it later; any other trouble is the caller's.
fn prepare(member: &Member) -> Result<()> {
    let Member { group, config, .. } = member;
    let prepared = (|| {
        let node = member.topology.node_for(group.stream().as_bytes());
        let mut wire = node.pooled(CONNECTION)?;
        group.make(&mut wire, config.start_from)?;
        command::preflight(&mut wire, group, &member.name)?;
        group.join(&mut wire, &member.name)?;
        member.beat(&mut wire, None).inspect_err(|_| {
            // Who doesn't start leaves nothing behind.
            let _ = group.leave(&mut wire, &member.name);
        })
    })();
    match prepared {
        Ok(()) => {
            member.prepared.store(true, Ordering::SeqCst);
            Ok(())
        }
        // Whatever was under way may be done again: nothing of it adds up.
        Err(e) if e.is_retryable() || e.kind() == ErrorKind::OutcomeUnknown => {
            log::warn!(
                "the consumer of `{}` starts without Redis, and reads as soon as it can: {e}",
                group.stream()
            );
            Ok(())
        }
        Err(e) => Err(e.while_doing(format_args!(
            "starting a consumer of `{}` in the group `{}`",
            group.stream(),
            group.name()
        ))),
    }
}

/// Host and process id.
fn default_label() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "host".to_owned());
    format!("{host}-{}", std::process::id())
}
