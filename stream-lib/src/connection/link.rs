//! One thread's connection to the server of a key, which is made again after
//! every failure.

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

/// A connection that has rested so long is asked whether it was closed
/// meanwhile: servers and what stands before them close idle ones.
const REST: Duration = Duration::from_millis(10);

/// A connection that a thread has to itself for as long as it lives.
///
/// The connection is made when it is first asked for, and again after it was
/// given up or has broken, or was closed while it rested. The server is asked for
/// each time, so that the link follows a failover. Waiting between attempts is
/// the caller's part.
#[derive(Debug)]
pub(crate) struct Link {
    topology: Arc<Topology>,
    key: Box<str>,
    wire: Option<Wire>,
    /// The node that the next attempt goes to, in the place of that which has the key
    /// (`ASK`).
    asked: Option<Redirect>,
    /// How often requests were sent on since one was answered otherwise.
    hops: u32,
    /// An attempt was made before, so that the topology may have changed.
    tried: bool,
    /// How many connections there have been, without those that took the place of
    /// one that was closed while it rested.
    epoch: u64,
    used: Instant,
    /// The changes of the topology before the last attempt.
    seen: u64,
    handle: LinkHandle,
}

/// Reaches a [`Link`] from other threads: its connection, and its attempts to make
/// one. Clones reach the same one.
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
    /// Nothing is lent any more.
    ended: bool,
    /// When everything has to be over.
    until: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fit,
    /// It was closed while nobody used it, or its server is another one now.
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

    /// Runs `operation` on the connection, and gives the connection up where
    /// that fails: one that has answered, even by refusing, may be in any state.
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

    /// The connection. Where there is none, or it has broken, makes one: one
    /// attempt, at most the connect timeout. Its [handle](LinkHandle) ends it sooner.
    ///
    /// # Errors
    ///
    /// `Unavailable` and the like when the server can't be found or reached, `Closed`
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
        // Made above, so the error is never seen.
        let wire = self.wire.as_mut();
        let wire = wire.ok_or_else(|| Error::new(ErrorKind::Unavailable, "no connection"))?;
        if let Some(until) = self.handle.0.lock().until {
            wire.answer_by(until);
        }
        Ok(wire)
    }

    /// Gives the connection up where the server has sent a request on to another node
    /// of the cluster: the next one leads there. Returns whether it has; after some
    /// times in a row, that no longer counts.
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

    /// Notes that a request was answered where it was sent. Where its node has taken
    /// the slot over meanwhile, it need not be asked to any more.
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

    /// How the connection is at the beginning of another use.
    fn state(&mut self) -> State {
        let now = Instant::now();
        let has_rested = now.saturating_duration_since(self.used) >= REST;
        self.used = now;
        match &self.wire {
            Some(wire) if wire.is_broken() => State::Gone,
            // Answers are under way on it.
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

    /// Waits between two attempts: for `time`, or until the signal is set. Where there
    /// has been another server to go to since the last attempt began, or comes to be,
    /// that is the end of it, and it returns true.
    pub(crate) fn pause(&self, signal: &Shutdown, time: Duration) -> bool {
        self.pause_unless(signal, time, || false)
    }

    /// As [`pause`](Self::pause), where `over` ends it, too: it is asked at each nudge
    /// of the signal.
    pub(crate) fn pause_unless(
        &self,
        signal: &Shutdown,
        time: Duration,
        over: impl FnMut() -> bool,
    ) -> bool {
        self.topology.pause(self.seen, signal, time, over)
    }

    /// Gives the connection up, with all answers that are still to come on it.
    pub(crate) fn drop_wire(&mut self) {
        self.wire = None;
    }

    /// How many connections there have been, the present one included: a thread
    /// that compares notices a new one after a failure. One that was closed while it
    /// rested is no failure.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }
}

impl LinkHandle {
    /// The id of the connection at its server, for `CLIENT UNBLOCK`; `None` where
    /// there is none, or where the server doesn't tell.
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
    /// [`resume`](Self::resume). A connection that is there stays.
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

    /// Lets attempts be made again. They and all exchanges end by `until`.
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

    /// Runs one exchange on a connection that is lent, which this handle reaches
    /// meanwhile and not any longer.
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

    /// Reaches a connection from now on.
    fn reach(&self, wire: &Wire, node: Arc<Node>) {
        let mut reach = self.0.lock();
        reach.client_id = wire.client_id();
        reach.node = Some(node);
        reach.stopper = wire.stopper();
    }

    /// Makes an attempt to get at a connection, which this handle reaches.
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
        made
    }
}

fn no_more() -> Error {
    let text = "no connection is made any more: it is being stopped";
    Error::new(ErrorKind::Closed, text)
}
