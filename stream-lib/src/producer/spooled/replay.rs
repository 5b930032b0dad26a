//! The thread that sends the messages of the spool, oldest first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::Outgoing;
use crate::connection::{Link, LinkHandle, Wire};
use crate::error::{Error, ErrorKind, Result};
use crate::producer::health::{Part, ProducerHealth};
use crate::producer::spool::Spool;
use crate::producer::spooled::envelope;
use crate::producer::spooled::route::Route;
use crate::runtime::{Backoff, Shutdown, Thread, on_library_thread};

/// The most that one request carries.
const MESSAGES: usize = 256;
const BYTES: u64 = 1 << 20;

/// While there is nothing to do: a message that goes to the spool ends it.
const IDLE: Duration = Duration::from_secs(60);

/// Between tries: short, since a grace is short too.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long a stop waits for the request under way, before it cuts the
/// connection, and how long after that.
const POLITE: Duration = Duration::from_millis(500);
const LAST: Duration = Duration::from_secs(2);

/// The replay of one spool. Dropped, it is told to end.
#[derive(Debug)]
pub(crate) struct Replay {
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Set when it must end, even if messages are left.
    halt: Shutdown,
    /// Messages went to the spool since the last look.
    woken: AtomicBool,
    /// Nothing more comes: when to end at the latest.
    closed: Mutex<Option<Instant>>,
    connection: LinkHandle,
}

impl Replay {
    pub(crate) fn start(
        spool: Arc<Spool>,
        route: Arc<Route>,
        health: Arc<ProducerHealth>,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let name = format!("{} spool", route.keys.stream());
        let topology = Arc::clone(&route.topology);
        let link = Link::new(topology, route.keys.stream(), shared.connection.clone());
        let mut worker = Worker {
            link,
            sender: Sender { spool, route },
            shared: Arc::clone(&shared),
            health,
        };
        let thread = Thread::spawn(name, move || worker.run())?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Says that there is something to send.
    pub(crate) fn wake(&self) {
        if !self.shared.woken.swap(true, Ordering::SeqCst) {
            self.shared.halt.nudge();
        }
    }

    /// Says that nothing more comes: it ends when the spool is empty, or the
    /// grace is over.
    pub(crate) fn close(&self, grace: Duration) {
        self.shared
            .closed
            .lock()
            .get_or_insert_with(|| grace_from_now(grace));
        self.wake();
    }

    /// Waits for the end of the thread, once closed; false from one of the
    /// library's own threads, where it doesn't wait.
    pub(crate) fn join(&self) -> bool {
        let mut place = self.thread.lock();
        if on_library_thread() {
            return false;
        }
        let Some(thread) = place.take() else {
            return true;
        };
        let deadline = self.shared.closed.lock().unwrap_or_else(Instant::now);
        if !thread.ends_by(deadline) {
            self.shared.halt.set();
            self.shared.connection.hold_off();
            if !thread.ends_by(Instant::now() + POLITE) {
                self.shared.connection.stop();
            }
        }
        thread.join_by(Instant::now() + LAST);
        true
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.shared.halt.set();
    }
}

/// The state of the thread.
struct Worker {
    link: Link,
    sender: Sender,
    shared: Arc<Shared>,
    health: Arc<ProducerHealth>,
}

impl Worker {
    fn run(&mut self) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        while !self.is_over() {
            self.shared.woken.store(false, Ordering::SeqCst);
            if self.sender.spool.is_empty() {
                self.health.works(Part::Replay);
                if self.shared.closed.lock().is_some() {
                    return;
                }
                self.wait_for_messages();
                continue;
            }
            match self.link.run(|wire| self.sender.step(wire)) {
                // They are on their way to the disk.
                Ok(0) => self.wait_for_messages(),
                Ok(_) => {
                    backoff.reset();
                    self.health.works(Part::Replay);
                }
                Err(e) => {
                    if !self.shared.halt.is_set() {
                        self.health.held_up(Part::Replay, &e);
                    }
                    self.pause(backoff.next());
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        let closed = *self.shared.closed.lock();
        self.shared.halt.is_set() || closed.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn wait_for_messages(&self) {
        let Shared { halt, woken, .. } = &*self.shared;
        let idle = Instant::now() + IDLE;
        let end = self.health.ends_from().map_or(idle, |at| at.min(idle));
        halt.wait_until(end, || woken.load(Ordering::SeqCst));
    }

    /// Waits before the next try, which a close brings forward.
    fn pause(&self, wait: Duration) {
        let Shared { halt, closed, .. } = &*self.shared;
        let before = closed.lock().is_some();
        halt.wait_until(Instant::now() + wait, || closed.lock().is_some() != before);
    }
}

/// Sends the messages of a spool.
struct Sender {
    spool: Arc<Spool>,
    route: Arc<Route>,
}

impl Sender {
    /// Sends the oldest messages, and forgets those that Redis has. Returns how
    /// many these are; 0 where none is on disk.
    fn step(&self, wire: &mut Wire) -> Result<usize> {
        self.route.check(wire, &self.spool)?;
        let mut records = self.spool.peek_oldest(MESSAGES, BYTES)?;
        let Some(first) = records.first() else {
            return Ok(0);
        };
        // A damaged spool has messages of its earlier name.
        let id = first.spool;
        let same = records.iter().take_while(|record| record.spool == id);
        let same = same.count();
        records.truncate(same);
        let mut batch = Outgoing::default();
        for record in &records {
            let message = envelope::open(&record.message).ok_or_else(|| {
                let text = "a message in the spool can't be read by this version of stream-lib";
                Error::new(ErrorKind::System, text)
            })?;
            batch.push_encoded(message);
        }
        let numbers: Vec<_> = records.iter().map(|record| record.sequence).collect();
        let answers = self.route.send(wire, id, &numbers, &batch)?;
        let taken = answers.iter().take_while(|answer| answer.is_ok()).count();
        if let Some(last) = numbers.iter().take(taken).next_back() {
            self.spool.remove_up_to(*last)?;
        }
        match answers.into_iter().find_map(Result::err) {
            Some(error) => Err(error),
            None if taken == 0 => Err(Error::new(ErrorKind::Protocol, "no answer")),
            None => Ok(taken),
        }
    }
}

/// When a grace that begins now is over.
fn grace_from_now(grace: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(grace).unwrap_or(now)
}
