//! The thread that moves entries from the backup stream back to the stream.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::{DrainLease, Drained, Drainer, Replaced, declare_backup};
use crate::config::BackupStreamConfig;
use crate::connection::{LinkHandle, Loans, Topology, Wire};
use crate::error::{Result, with_causes};
use crate::keys::StreamKeys;
use crate::producer::backup::mover::Mover;
use crate::producer::backup::pace::Pace;
use crate::producer::capacity::Capacity;
use crate::producer::health::{Part, ProducerHealth};
use crate::runtime::{Backoff, Shutdown, Thread, on_library_thread, random_suffix};

/// How long a stop waits for the batch under way, before it cuts the
/// connection.
const POLITE: Duration = Duration::from_secs(1);

/// How long it then waits at most.
const LAST: Duration = Duration::from_secs(2);

/// The drain of one producer. Dropped, it is told to end.
#[derive(Debug)]
pub(crate) struct Drain {
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: Shutdown,
    /// When that began.
    stop_began: OnceLock<Instant>,
    /// Entries went to the backup stream since the last look.
    woken: AtomicBool,
    /// Entries went there in this life.
    used: AtomicBool,
    connection: LinkHandle,
}

impl Drain {
    pub(crate) fn start(
        topology: Arc<Topology>,
        keys: &StreamKeys,
        config: &BackupStreamConfig,
        capacity: Capacity,
        health: &Arc<ProducerHealth>,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let asked = config.stream.asked_capacity();
        let owner = format!("{}-{}", std::process::id(), random_suffix());
        let drainer = Drainer::Producer(asked);
        let mut worker = Worker {
            loans: Loans::new(topology, keys.stream(), shared.connection.clone()),
            holds_lease: false,
            mover: Mover {
                lease: DrainLease::new(keys, drainer, owner, config.lock_timeout),
                batch: config.transfer_batch_size as u64,
            },
            asked,
            declared: false,
            capacity,
            pace: Pace::new(config),
            shared: Arc::clone(&shared),
            health: Arc::clone(health),
        };
        let thread = Thread::spawn(format!("{} drain", keys.stream()), move || worker.run())?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Says that there is something to move.
    pub(crate) fn wake(&self) {
        // Only ever set, and read when the producer has ended.
        self.shared.used.store(true, Ordering::Relaxed);
        if !self.shared.woken.swap(true, Ordering::SeqCst) {
            self.shared.stop.nudge();
        }
    }

    pub(crate) fn stop(&self) {
        // Only once, and first: the thread lets attempts be made again when it has
        // seen the stop.
        if self.shared.stop_began.set(Instant::now()).is_ok() {
            self.shared.connection.hold_off();
            self.shared.stop.set();
        }
    }

    /// Waits for the end of the thread, once it was told to stop. From one of
    /// the library's own threads it doesn't wait.
    pub(crate) fn join(&self) {
        let mut place = self.thread.lock();
        if on_library_thread() {
            return;
        }
        let Some(thread) = place.take() else { return };
        let began = self.shared.stop_began.get_or_init(Instant::now);
        if !thread.ends_by(*began + POLITE) {
            self.shared.connection.stop();
        }
        thread.join_by(Instant::now() + LAST);
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The state of the thread.
struct Worker {
    loans: Loans,
    /// The last batch was asked for by a lease of ours.
    holds_lease: bool,
    mover: Mover,
    /// The capacity that the configuration asks for.
    asked: Option<u64>,
    /// The stream has been told of its backup stream, and of the capacity.
    declared: bool,
    capacity: Capacity,
    pace: Pace,
    shared: Arc<Shared>,
    health: Arc<ProducerHealth>,
}

impl Worker {
    fn run(&mut self) {
        let mut backoff = Backoff::for_connections();
        while !self.shared.stop.is_set() {
            self.shared.woken.store(false, Ordering::SeqCst);
            match self.step() {
                Ok(drained) => {
                    backoff.reset();
                    self.capacity.learn(drained.capacity);
                    match drained.refusal() {
                        Some(refusal) => self.health.held_up(Part::Drain, &refusal),
                        None => self.health.works(Part::Drain),
                    }
                    self.wait(&drained);
                }
                Err(e) => {
                    // A stop may have ended the connection.
                    if !self.shared.stop.is_set() {
                        self.health.held_up(Part::Drain, &e);
                    }
                    if self.loans.pause(&self.shared.stop, backoff.next()) {
                        backoff.reset();
                    }
                }
            }
        }
        self.declare_at_last();
        self.release();
    }

    /// Moves a batch. The first time, the stream is told of its backup stream.
    fn step(&mut self) -> Result<Drained> {
        let Self { loans, mover, .. } = self;
        let (declared, asked) = (self.declared, self.asked);
        self.holds_lease = false;
        let drained = loans.run_pooled(|wire| {
            if !declared {
                declare(wire, mover.lease.keys(), asked)?;
            }
            mover.step(wire)
        });
        let drained = drained.inspect_err(|_| loans.failed())?;
        (self.declared, self.holds_lease) = (true, true);
        Ok(drained)
    }

    /// A producer that ends at once has not come to a first step, and may have put
    /// entries into the backup stream: others must know of it.
    fn declare_at_last(&mut self) {
        if self.declared || !self.shared.used.load(Ordering::Relaxed) {
            return;
        }
        self.resume();
        let Self { loans, mover, .. } = self;
        let asked = self.asked;
        let declared = loans.run_pooled(|wire| declare(wire, mover.lease.keys(), asked));
        if let Err(e) = declared {
            log::warn!(
                "`{}` could not be told of its backup stream, so entries move back from there only \
                 once a backup producer is open: {}",
                mover.stream(),
                with_causes(&e)
            );
        }
    }

    /// Lets a last exchange be made, though the stop keeps connections from being made.
    fn resume(&self) {
        let began = self.shared.stop_began.get_or_init(Instant::now);
        self.shared.connection.resume(*began + POLITE);
    }

    /// Sleeps until the next batch. While the backup stream is empty, an entry
    /// that this process adds to it ends the sleep.
    fn wait(&mut self, drained: &Drained) {
        let mut time = self.pace.after(drained);
        if let Some(at) = self.health.ends_from() {
            // A success then shows that the trouble is over.
            time = time.min(at.saturating_duration_since(Instant::now()));
        }
        let Shared { stop, woken, .. } = &*self.shared;
        if drained.left > 0 {
            stop.sleep(time);
        } else {
            stop.wait_until(Instant::now() + time, || woken.load(Ordering::SeqCst));
        }
    }

    /// Lets others drain at once. Where that fails, the lease lapses.
    fn release(&mut self) {
        if !self.holds_lease {
            return;
        }
        self.resume();
        let Self { loans, mover, .. } = self;
        if let Err(e) = loans.run_pooled(|wire| mover.lease.release(wire)) {
            log::debug!(
                "the drain lock of `{}` is left to lapse: {}",
                self.mover.stream(),
                with_causes(&e)
            );
        }
    }
}

/// Tells the stream of its backup stream, and of the capacity, with a warning for
/// each value that replaces another.
fn declare(wire: &mut Wire, keys: &StreamKeys, asked: Option<u64>) -> Result<()> {
    for replaced in declare_backup(wire, keys, asked)? {
        let (stream, Replaced { name, before, now }) = (keys.stream(), replaced);
        if name == "capacity" {
            log::warn!(
                "the capacity of `{stream}` is now {now}, in place of {before}: it belongs to the \
                 stream, and holds for every program that uses it"
            );
        } else {
            log::warn!(
                "the backup stream of `{stream}` is now `{now}`, in place of `{before}`: entries in \
                 the old one move back only while a producer that names it is open; use one \
                 `backup_stream` in all programs"
            );
        }
    }
    Ok(())
}
