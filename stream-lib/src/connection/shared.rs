//! One connection that all consumers of a manager share, for short exchanges.
//!
//! One thread uses it at a time. The others stand in line, and each of them leaves the
//! line at its own deadline, or when interrupted. A thread that fails with the connection
//! gives it back broken, and the next in line makes another one: a failure, or a stop,
//! ends one exchange at most.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::wire::Wire;
use crate::error::{Error, ErrorKind, Result};

/// A connection that has rested for this long is checked before use: servers and proxies
/// close idle ones.
const REST: Duration = Duration::from_millis(10);

/// A failure that took this long is remembered, and for how long at most.
const LONG: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(2);

/// The shared connection to one server, opened when it is first needed.
#[derive(Debug)]
pub(super) struct SharedWire(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Locked by the caller whose turn it is.
    wire: Mutex<Wire>,
    line: Mutex<Line>,
    /// Notified when a turn ends, and when a wait must end.
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Line {
    is_lent: bool,
    /// Waiting callers, the next one first.
    waiting: VecDeque<u64>,
    /// The number of the next caller.
    next: u64,
    /// How many connections there have been, not counting replacements of connections
    /// that were closed while they rested.
    made: u64,
    /// The connection is closed after each exchange.
    is_closed: bool,
    /// The last failure that took long, until as much time has passed again.
    failed: Option<(Instant, Error)>,
}

/// The shared connection, as long as one thread has it.
#[derive(Debug)]
pub(super) struct LentWire<'a> {
    // Given back before the turn ends.
    wire: MutexGuard<'a, Wire>,
    /// Something was or may be sent on it.
    is_used: bool,
    turn: Turn<'a>,
}

/// The turn of one thread.
#[derive(Debug)]
struct Turn<'a>(&'a Inner);

impl SharedWire {
    /// Nothing is connected yet.
    pub(super) fn new(endpoint: &Arc<Endpoint>) -> Self {
        Self(Arc::new(Inner {
            wire: Mutex::new(Wire::unconnected(endpoint)),
            line: Mutex::default(),
            moved: Condvar::new(),
        }))
    }

    /// The connection, if it is free and works.
    pub(super) fn try_lend(&self) -> Option<LentWire<'_>> {
        let mut line = self.0.line.lock();
        if line.is_lent || !line.waiting.is_empty() {
            return None;
        }
        line.is_lent = true;
        drop(line);
        let mut lent = LentWire::of(Turn(&self.0));
        lent.begin().then_some(lent)
    }

    /// The connection, once it is this caller's turn. If it doesn't work, `connect` makes
    /// one.
    ///
    /// # Blocking
    ///
    /// Until the deadline, and as long as `connect` takes.
    ///
    /// # Errors
    ///
    /// `Unavailable` if others have it until the deadline, or the deadline's interrupt
    /// ends the wait; those of `connect`.
    pub(super) fn lend(
        &self,
        deadline: &mut Deadline,
        connect: impl FnOnce(&mut Deadline) -> Result<Wire>,
    ) -> Result<LentWire<'_>> {
        let mut lent = LentWire::of(self.wait(deadline)?);
        if lent.begin() {
            return Ok(lent);
        }
        let was_closed = !lent.wire.is_broken();
        lent.wire.abandon("it was closed while nobody used it");
        *lent.wire = connect(deadline)?;
        lent.is_used = true;
        if !was_closed {
            self.0.line.lock().made += 1;
        }
        Ok(lent)
    }

    /// Records the end of an exchange that began at `began`. If the server didn't answer
    /// for long, callers that can't wait get the same failure for as long again, at most
    /// [`LONGEST`], since other exchanges come next on their threads.
    pub(super) fn note<T>(&self, began: Instant, ended: &Result<T>) {
        let took = began.elapsed();
        let failed = match ended {
            Err(e) if took >= LONG && is_silence(e) => {
                Some((Instant::now() + took.min(LONGEST), e.clone()))
            }
            _ => None,
        };
        self.0.line.lock().failed = failed;
    }

    /// The failure that keeps callers that can't wait from trying.
    pub(super) fn failure(&self) -> Option<Error> {
        let line = self.0.line.lock();
        let failed = line
            .failed
            .as_ref()
            .filter(|(until, _)| Instant::now() < *until);
        // Nothing was sent this time.
        failed.map(|(_, error)| error.clone().of_kind(ErrorKind::Unavailable))
    }

    /// Closes the connection, at once or when it is given back. A consumer that is still
    /// stopping gets a new one for each exchange.
    pub(super) fn close(&self) {
        self.0.line.lock().is_closed = true;
        drop(self.try_lend());
    }

    /// Waits for this caller's turn.
    fn wait(&self, deadline: &mut Deadline) -> Result<Turn<'_>> {
        if let Some(interrupt) = deadline.interrupt() {
            let inner = Arc::clone(&self.0);
            interrupt.on_end(move || {
                // Not between a check of the interrupt and the sleep after it.
                drop(inner.line.lock());
                inner.moved.notify_all();
            });
        }
        let mut line = self.0.line.lock();
        let number = line.next;
        line.next += 1;
        line.waiting.push_back(number);
        while line.is_lent || line.waiting.front() != Some(&number) {
            let Some(left) = deadline.remaining() else {
                line.waiting.retain(|other| *other != number);
                drop(line);
                self.0.moved.notify_all();
                let time = deadline.total();
                let text = format!("the connection that consumers share was in use for {time:?}");
                return Err(Error::new(ErrorKind::Unavailable, text));
            };
            self.0.moved.wait_for(&mut line, left);
        }
        line.waiting.pop_front();
        line.is_lent = true;
        Ok(Turn(&self.0))
    }
}

/// Whether the server has not answered. A refusal concerns only the caller.
fn is_silence(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unavailable | ErrorKind::OutcomeUnknown
    )
}

impl<'a> LentWire<'a> {
    fn of(turn: Turn<'a>) -> Self {
        Self {
            wire: turn.0.wire.lock(),
            is_used: false,
            turn,
        }
    }

    /// Begins a use. Returns false if the connection can't be used.
    fn begin(&mut self) -> bool {
        let wire = &mut self.wire;
        let fit = !wire.is_broken()
            && !wire.is_outdated()
            && (wire.was_used_within(REST) || !wire.is_stale());
        if fit {
            wire.begin(false);
        }
        self.is_used = fit;
        fit
    }

    /// The number of the connection: a change tells of a failure of the previous one.
    pub(super) fn number(&self) -> u64 {
        self.turn.0.line.lock().made
    }
}

impl Deref for LentWire<'_> {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl DerefMut for LentWire<'_> {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

impl Drop for LentWire<'_> {
    fn drop(&mut self) {
        if self.wire.outstanding() > 0 {
            self.wire
                .abandon("it was given back with replies outstanding");
        }
        if self.is_used {
            self.wire.rest();
        }
        if self.turn.0.line.lock().is_closed {
            self.wire.abandon("the connections are shut down");
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut line = self.0.line.lock();
        line.is_lent = false;
        let others_wait = !line.waiting.is_empty();
        drop(line);
        if others_wait {
            self.0.moved.notify_all();
        }
    }
}
