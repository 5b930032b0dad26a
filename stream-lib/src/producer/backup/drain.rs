//! The thread that moves entries from the backup stream back to the stream.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::{DrainLease, DrainState, Drained};
use crate::config::BackupStreamConfig;
use crate::connection::{Link, LinkHandle, Topology, Wire};
use crate::error::{Result, with_causes};
use crate::keys::StreamKeys;
use crate::producer::backup::pace::Pace;
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
    connection: LinkHandle,
}

impl Drain {
    pub(crate) fn start(
        topology: Arc<Topology>,
        keys: &StreamKeys,
        config: &BackupStreamConfig,
        health: &Arc<ProducerHealth>,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let owner = format!("{}-{}", std::process::id(), random_suffix());
        let mut worker = Worker {
            link: Link::new(topology, keys.stream(), shared.connection.clone()),
            mover: Mover {
                stream: keys.stream().to_owned(),
                lease: DrainLease::new(keys, owner, config.lock_timeout),
                capacity: config.stream.capacity(),
                batch: config.transfer_batch_size as u64,
            },
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
        if !self.shared.woken.swap(true, Ordering::SeqCst) {
            self.shared.stop.nudge();
        }
    }

    pub(crate) fn stop(&self) {
        self.shared.stop_began.get_or_init(Instant::now);
        self.shared.stop.set();
        self.shared.connection.hold_off();
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
    link: Link,
    mover: Mover,
    pace: Pace,
    shared: Arc<Shared>,
    health: Arc<ProducerHealth>,
}

impl Worker {
    fn run(&mut self) {
        let mut backoff = Backoff::for_connections();
        while !self.shared.stop.is_set() {
            self.shared.woken.store(false, Ordering::SeqCst);
            match self.link.run(|wire| self.mover.step(wire)) {
                Ok(drained) => {
                    backoff.reset();
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
                    self.shared.stop.sleep(backoff.next());
                }
            }
        }
        self.release();
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
        if let Some(wire) = self.link.live_wire()
            && let Err(e) = self.mover.lease.release(wire)
        {
            log::debug!(
                "the drain lock of `{}` is left to lapse: {}",
                self.mover.stream,
                with_causes(&e)
            );
        }
    }
}

/// Moves entries, a batch at a time.
struct Mover {
    stream: String,
    lease: DrainLease,
    capacity: u64,
    batch: u64,
}

impl Mover {
    /// Moves one batch.
    fn step(&self, wire: &mut Wire) -> Result<Drained> {
        let mut drained = self.lease.drain(wire, self.capacity, self.batch)?;
        if let (DrainState::TooLarge(id), 0) = (&drained.state, drained.moved) {
            let id = *id;
            if self.lease.move_large(wire, id)? {
                log::warn!(
                    "the entry {id} in the backup stream of `{}` has more fields than a script \
                     can move, and was moved by itself",
                    self.stream
                );
                drained.moved = 1;
                drained.left = drained.left.saturating_sub(1);
            }
        }
        Ok(drained)
    }
}
