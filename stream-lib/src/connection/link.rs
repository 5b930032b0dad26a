//! One thread's own connection to the server of a key. It is made again after every
//! failure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::deadline::Deadline;
use super::node::Node;
use super::redirect::Redirect;
use super::socket::Stopper;
use super::topology::Topology;
use super::wire::Wire;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Interrupt, Shutdown};

/// A connection that has rested for this long is checked before use: servers and proxies
/// close idle ones.
const REST: Duration = Duration::from_millis(10);

/// A connection that a thread has to itself for as long as it lives.
///
/// The connection is made at the first use, and again after it was given up, has broken,
/// or was closed while it rested. The server of the key is looked up each time, so the
/// link follows a failover. The caller does the waiting between attempts.
#[derive(Debug)]
pub(crate) struct Link {
    topology: Arc<Topology>,
    key: Box<str>,
    wire: Option<Wire>,
    /// The node that the next attempt goes to, in place of the one that has the key
    /// (`ASK`).
    asked: Option<Redirect>,
    /// How many requests in a row were sent on.
    hops: u32,
    /// An attempt was made before, so that the topology may have changed.
    tried: bool,
    /// How many connections there have been, not counting replacements of connections
    /// that were closed while they rested.
    epoch: u64,
    used: Instant,
    /// The changes of the topology before the last attempt.
    seen: u64,
    handle: LinkHandle,
}

/// Reaches a [`Link`] from other threads: its connection, and its attempts to connect.
/// Clones reach the same link.
#[derive(Debug, Clone, Default)]
pub(crate) struct LinkHandle(Arc<Mutex<Reach>>);

#[derive(Debug, Default)]
struct Reach {
    client_id: Option<i64>,
    /// The server that the connection leads to.
    node: Option<Arc<Node>>,
    stopper: Stopper,
    /// The attempt under way.
    attempt: Option<Interrupt>,
    /// No attempt is made for now.
    held_off: bool,
    /// No connection is lent any more.
    ended: bool,
    /// The time by which everything must be over.
    until: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fit,
    /// It was closed while unused, or the key has another server now.
    Closed,
    Gone,
}

impl Link {
    /// A link to the server of `key`, which `handle` reaches. Nothing is
    /// connected yet.
    pub(crate) fn new(topology: Arc<Topology>, key: &str, handle: LinkHandle) -> Self {
        Self {
            key: key.into(),
            wire: None,
            asked: None,
            hops: 0,
            tried: false,
            epoch: 0,
            used: Instant::now(),
            seen: topology.changes(),
            topology,
            handle,
        }
    }

    /// Runs `operation` on the connection, and gives the connection up if that fails:
    /// after an answer, even a refusal, it may be in any state.
    ///
    /// # Errors
    ///
    /// Those of [`wire`](Self::wire) and of `operation`.
    #[cfg(any(test, feature = "spool"))]
    pub(crate) fn run<T>(&mut self, operation: impl FnOnce(&mut Wire) -> Result<T>) -> Result<T> {
        let result = self.wire().and_then(|wire| wire.naming(operation));
        if result.is_err() {
            self.drop_wire();
        }
        result
    }

    /// The connection. Without one, or with a broken one, makes one attempt to connect,
    /// for at most the connect timeout. Its [handle](LinkHandle) ends it sooner.
    ///
    /// # Errors
    ///
    /// `Unavailable` and similar kinds if the server can't be found or reached, `Closed`
    /// while the handle holds attempts off.
    pub(crate) fn wire(&mut self) -> Result<&mut Wire> {
        let state = self.state();
        if state != State::Fit {
            self.wire = None;
            if self.tried {
                self.topology.refresh();
            }
            self.tried = true;
            self.seen = self.topology.changes();
            let key = self.key.as_bytes();
            let time = self.topology.connect_timeout();
            let asked = self.asked.take();
            let (wire, node) = self.handle.attempt(time, |deadline| match &asked {
                Some(redirect) => self.topology.dedicated_at(key, redirect, deadline),
                None => self.topology.dedicated_by(key, deadline),
            })?;
            self.handle.reach(&wire, node);
            self.wire = Some(wire);
            if state == State::Gone {
                self.epoch += 1;
            }
        }
        // Set above, so the error can't occur.
        let wire = self.wire.as_mut();
        let wire = wire.ok_or_else(|| Error::new(ErrorKind::Unavailable, "no connection"))?;
        if let Some(until) = self.handle.0.lock().until {
            wire.answer_by(until);
        }
        Ok(wire)
    }

    /// Gives the connection up if the server has sent a request on to another node of the
    /// cluster: the next connection leads there. Returns whether it has; after several
    /// times in a row it returns false.
    pub(crate) fn follow(&mut self, error: &Error) -> bool {
        const MOST_HOPS: u32 = 5;
        if !self.topology.is_sent_on(error) {
            return false;
        }
        self.drop_wire();
        self.asked = Redirect::of(error).filter(|redirect| redirect.is_ask);
        self.hops += 1;
        self.hops <= MOST_HOPS
    }

    /// Records that a request was answered where it was sent. If its node has taken the
    /// slot over meanwhile, `ASKING` is no longer needed.
    pub(crate) fn has_arrived(&mut self) {
        self.hops = 0;
        if let Some(wire) = self.wire.as_mut().filter(|wire| wire.asks)
            && wire.outstanding() == 0
        {
            let node = self.topology.node_for(self.key.as_bytes());
            if node.is_some_and(|node| node.has(wire)) {
                wire.set_asking(false);
            }
        }
    }

    /// The state of the connection at the beginning of a use.
    fn state(&mut self) -> State {
        let now = Instant::now();
        let has_rested = now.saturating_duration_since(self.used) >= REST;
        self.used = now;
        match &self.wire {
            Some(wire) if wire.is_broken() => State::Gone,
            // Answers are still to come on it.
            Some(wire) if wire.outstanding() > 0 => State::Fit,
            Some(wire) if wire.was_sent_on() => State::Closed,
            Some(wire) if wire.is_outdated() || has_rested && wire.is_stale() => State::Closed,
            Some(_) => State::Fit,
            None => State::Gone,
        }
    }

    /// The connection, if there is one that works.
    #[cfg(test)]
    pub(crate) fn live_wire(&mut self) -> Option<&mut Wire> {
        self.wire.as_mut().filter(|wire| !wire.is_broken())
    }

    /// Waits between two attempts: for `time`, or until the signal is set. Another server
    /// to go to, since the last attempt began or during the wait, ends the wait, and this
    /// returns true.
    pub(crate) fn pause(&self, signal: &Shutdown, time: Duration) -> bool {
        self.pause_unless(signal, time, || false)
    }

    /// As [`pause`](Self::pause), but `over` also ends it; it is called at each nudge of
    /// the signal.
    pub(crate) fn pause_unless(
        &self,
        signal: &Shutdown,
        time: Duration,
        over: impl FnMut() -> bool,
    ) -> bool {
        self.topology.pause(self.seen, signal, time, over)
    }

    /// Gives the connection up, with all outstanding answers.
    pub(crate) fn drop_wire(&mut self) {
        self.wire = None;
    }

    /// The number of connections so far, including the present one: a change tells a
    /// thread of a failure. Replacing a connection that was closed while it rested
    /// doesn't count.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }
}

impl LinkHandle {
    /// The id of the connection at its server, for `CLIENT UNBLOCK`; `None` without a
    /// connection, or if the server doesn't tell.
    pub(crate) fn client(&self) -> Option<(Arc<Node>, i64)> {
        let reach = self.0.lock();
        let id = reach.client_id.filter(|_| reach.stopper.is_live())?;
        Some((reach.node.clone()?, id))
    }

    /// Ends the connection, and the attempt to make one: a blocked call fails at
    /// once. Another attempt may follow.
    pub(crate) fn stop(&self) {
        let attempt = {
            let reach = self.0.lock();
            reach.stopper.stop();
            reach.attempt.clone()
        };
        if let Some(attempt) = attempt {
            attempt.end();
        }
    }

    /// Makes attempts fail at once, and ends the one under way, until
    /// [`resume`](Self::resume). An open connection stays.
    pub(crate) fn hold_off(&self) {
        let attempt = {
            let mut reach = self.0.lock();
            reach.held_off = true;
            reach.attempt.clone()
        };
        if let Some(attempt) = attempt {
            attempt.end();
        }
    }

    /// Allows attempts again. They and all exchanges end by `until`.
    pub(crate) fn resume(&self, until: Instant) {
        let mut reach = self.0.lock();
        reach.held_off = false;
        reach.until = Some(until);
    }

    /// Ends all use of connections, for good.
    pub(crate) fn end(&self) {
        self.0.lock().ended = true;
        self.hold_off();
        self.stop();
    }

    pub(super) fn holds_off(&self) -> bool {
        self.0.lock().held_off
    }

    /// Runs one exchange on a lent connection, which this handle reaches only meanwhile.
    pub(super) fn through<T>(
        &self,
        wire: &mut Wire,
        operation: impl FnOnce(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        struct Reached<'a>(&'a LinkHandle);

        impl Drop for Reached<'_> {
            fn drop(&mut self) {
                self.0.0.lock().stopper = Stopper::default();
            }
        }

        let mut reach = self.0.lock();
        if reach.ended {
            return Err(no_more());
        }
        reach.stopper = wire.stopper();
        if let Some(until) = reach.until {
            wire.answer_by(until);
        }
        drop(reach);
        let _reached = Reached(self);
        wire.naming(operation)
    }

    /// Makes the handle reach this connection.
    fn reach(&self, wire: &Wire, node: Arc<Node>) {
        let mut reach = self.0.lock();
        reach.client_id = wire.client_id();
        reach.node = Some(node);
        reach.stopper = wire.stopper();
    }

    /// Makes an attempt to get a connection, which this handle can end.
    pub(super) fn attempt<T>(
        &self,
        timeout: Duration,
        connect: impl FnOnce(&mut Deadline) -> Result<T>,
    ) -> Result<T> {
        let interrupt = Interrupt::new();
        let timeout = {
            let mut reach = self.0.lock();
            if reach.held_off {
                return Err(no_more());
            }
            reach.attempt = Some(interrupt.clone());
            let left = |until: Instant| until.saturating_duration_since(Instant::now());
            reach
                .until
                .map_or(timeout, |until| timeout.min(left(until)))
        };
        let made = connect(&mut Deadline::of(timeout).unless(&interrupt));
        self.0.lock().attempt = None;
        if interrupt.complete() && made.is_ok() {
            return Err(no_more());
        }
        made
    }
}

fn no_more() -> Error {
    let text = "no connection is made, since its user is being stopped";
    Error::new(ErrorKind::Closed, text)
}
