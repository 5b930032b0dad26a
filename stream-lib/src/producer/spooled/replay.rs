//! The thread that sends the messages of the spool, oldest first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::connection::{Link, LinkHandle, Loans};
use crate::error::{Result, with_causes};
use crate::producer::health::{Part, ProducerHealth};
use crate::producer::spool::Spool;
use crate::producer::spooled::routes::Routes;
use crate::producer::spooled::sender::{Sender, SetAside, Step};
use crate::runtime::{Backoff, LogLimit, LogLine, Shutdown, Thread, on_library_thread};

/// The wait while there is nothing to do; a message that goes to the spool ends it.
const IDLE: Duration = Duration::from_secs(60);

/// The pauses between tries: short, since a grace is short, too, and since a server that
/// is back sends no signal.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// For how long a success shows that the server is there.
const RECENT: Duration = Duration::from_millis(500);

/// How long a stop waits for the request under way, before it cuts the connection, and
/// how long after that.
const POLITE: Duration = Duration::from_millis(500);
const LAST: Duration = Duration::from_secs(2);

/// The replay of one spool. On drop it is told to end.
#[derive(Debug)]
pub(crate) struct Replay {
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Set when it must end, even if messages are left.
    halt: Shutdown,
    /// Whether messages went to the spool since the last look.
    woken: AtomicBool,
    /// When Redis last took messages of the spool.
    sent: Mutex<Option<Instant>>,
    /// Set once no more messages come: the latest time of the end.
    closed: Mutex<Option<Instant>>,
    connection: LinkHandle,
}

impl Replay {
    pub(crate) fn start(
        spool: Arc<Spool>,
        routes: Arc<Routes>,
        health: Arc<ProducerHealth>,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let stream = routes.whole().keys.stream();
        let name = format!("{stream} spool");
        let topology = Arc::clone(&routes.whole().topology);
        let link = Link::new(Arc::clone(&topology), stream, shared.connection.clone());
        let loans = Loans::new(topology, stream, shared.connection.clone());
        let mut worker = Worker {
            link,
            loans,
            sender: Sender::new(spool, routes),
            shared: Arc::clone(&shared),
            health,
            lines: LogLimit::default(),
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

    /// Whether Redis takes messages of the spool, as of a moment ago.
    pub(crate) fn works(&self) -> bool {
        let sent = *self.shared.sent.lock();
        sent.is_some_and(|sent| sent.elapsed() < RECENT)
    }

    /// Says that no more messages come: it ends when the spool is empty, or the grace is
    /// over.
    pub(crate) fn close(&self, grace: Duration) {
        self.shared
            .closed
            .lock()
            .get_or_insert_with(|| grace_from_now(grace));
        self.wake();
    }

    /// Waits for the end of the thread, once closed; false from one of the library's own
    /// threads, where it doesn't wait.
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
    /// The connection to the server of a stream without partitions.
    link: Link,
    /// The connections to those of all partitions.
    loans: Loans,
    sender: Sender,
    shared: Arc<Shared>,
    health: Arc<ProducerHealth>,
    /// Bounds the lines about messages that are set aside.
    lines: LogLimit,
}

impl Worker {
    fn run(&mut self) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        while !self.is_over() {
            self.shared.woken.store(false, Ordering::SeqCst);
            if self.sender.is_empty() {
                self.health.works(Part::Replay);
                if self.shared.closed.lock().is_some() {
                    break;
                }
                self.wait_for_messages();
                continue;
            }
            let sender = &mut self.sender;
            let step = match sender.parts() {
                Ok(None) => self.link.run(|wire| sender.step(wire)),
                Ok(Some(parts)) => sender.step_apart(&mut self.loans, &parts),
                Err(e) => Err(e),
            };
            match step {
                // They are on their way to the disk.
                Ok(Step::Nothing) => self.wait_for_messages(),
                Ok(Step::Found) => {}
                Ok(Step::Sent) => {
                    *self.shared.sent.lock() = Some(Instant::now());
                    backoff.reset();
                    self.health.works(Part::Replay);
                }
                Ok(Step::SetAside(refused)) => {
                    backoff.reset();
                    self.tell_of_refused(&refused);
                }
                Err(e) => {
                    // A search goes on at once: the server is there.
                    if !self.sender.narrows() {
                        if !self.shared.halt.is_set() {
                            self.health.held_up(Part::Replay, &e);
                        }
                        if self.pause(backoff.next()) {
                            backoff.reset();
                        }
                    }
                }
            }
        }
        if let Some(withheld) = self.lines.take_rest() {
            self.tell_of_withheld(withheld);
        }
    }

    fn is_over(&self) -> bool {
        let closed = *self.shared.closed.lock();
        self.shared.halt.is_set() || closed.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn wait_for_messages(&mut self) {
        let now = Instant::now();
        if let Some(withheld) = self.lines.take_due(now) {
            self.tell_of_withheld(withheld);
        }
        let Shared { halt, woken, .. } = &*self.shared;
        let idle = [Some(now + IDLE), self.lines.due(), self.health.ends_from()];
        let end = idle.into_iter().flatten().min().unwrap_or(now);
        halt.wait_until(end, || woken.load(Ordering::SeqCst));
    }

    /// Waits before the next try. A close ends the wait, and so does a newly found
    /// server: then it returns true.
    fn pause(&self, wait: Duration) -> bool {
        let Shared { halt, closed, .. } = &*self.shared;
        let before = closed.lock().is_some();
        let is_closed = || closed.lock().is_some() != before;
        self.link.pause_unless(halt, wait, is_closed)
    }

    fn tell_of_refused(&mut self, refused: &SetAside) {
        let LogLine::Written { withheld } = self.lines.admit(Instant::now()) else {
            return;
        };
        if withheld > 0 {
            self.tell_of_withheld(withheld);
        }
        log::error!(
            "Redis refuses a message of {} bytes for `{}` that waited in the spool; it was set aside \
             as `{}`, and the next ones go on: {}",
            refused.bytes,
            self.sender.stream(),
            refused.file.display(),
            with_causes(&refused.error)
        );
    }

    fn tell_of_withheld(&self, count: u64) {
        log::error!(
            "Redis refuses {count} more messages for `{}` that waited in the spool; they were set \
             aside, too",
            self.sender.stream()
        );
    }
}

/// The end of a grace that begins now.
fn grace_from_now(grace: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(grace).unwrap_or(now)
}
