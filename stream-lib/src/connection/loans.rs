//! A thread's access to connections that it shares with others.

use std::mem;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::deadline::Deadline;
use super::link::LinkHandle;
use super::node::Node;
use super::pool::PooledWire;
use super::shared::LentWire;
use super::topology::Topology;
use super::wire::Wire;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Bell, Shutdown, is_on_rounds};

/// How long a thread on its rounds waits for a pooled connection.
const SHORT_WAIT: Duration = Duration::from_millis(200);

/// Lends a thread connections to the server of a key, for one exchange at a time: the
/// shared one of all consumers, or one of the pool.
///
/// The server of the key is looked up each time, so the thread follows a failover. The
/// caller does the waiting between attempts.
#[derive(Debug)]
pub(crate) struct Loans {
    topology: Arc<Topology>,
    key: Box<str>,
    handle: LinkHandle,
    /// The server of the shared connection as last lent, and the connection's number
    /// there.
    last: Option<(Weak<Node>, u64)>,
    /// The changes of the topology before the last exchange.
    seen: u64,
    /// Whether an exchange has failed since.
    has_failed: bool,
    epoch: u64,
}

impl Loans {
    /// Loans of connections to the server of `key`; `handle` reaches them while they
    /// last.
    pub(crate) fn new(topology: Arc<Topology>, key: &str, handle: LinkHandle) -> Self {
        Self {
            key: key.into(),
            handle,
            last: None,
            seen: topology.changes(),
            topology,
            has_failed: false,
            epoch: 0,
        }
    }

    /// Switches to the server of another key.
    pub(crate) fn lead_to(&mut self, key: &str) {
        if *self.key != *key {
            self.key = key.into();
        }
    }

    /// Runs `operation` on the connection that all consumers share. It must be short,
    /// since others wait for the connection.
    ///
    /// # Blocking
    ///
    /// For the connection, as long as two exchanges of others may take; without one, one
    /// attempt to connect is made. The [handle](LinkHandle) ends both sooner. A thread on
    /// its rounds fails at once if the last try took long and failed.
    ///
    /// # Errors
    ///
    /// `Unavailable` and similar kinds if the server can't be reached or others use the
    /// connection for too long, `Closed` while the handle holds attempts off; those of
    /// `operation`.
    pub(crate) fn run<T>(&mut self, operation: impl FnOnce(&mut Wire) -> Result<T>) -> Result<T> {
        let node = self.node()?;
        let is_waited_for = is_on_rounds();
        if is_waited_for && let Some(failure) = node.shared().failure() {
            return Err(failure);
        }
        let began = Instant::now();
        let result = self.run_at(&node, operation);
        if is_waited_for {
            node.shared().note(began, &result);
        }
        result
    }

    fn run_at<T>(
        &mut self,
        node: &Arc<Node>,
        operation: impl FnOnce(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        let mut wire = self.shared(node)?;
        self.notice(node, wire.number());
        self.handle.through(&mut wire, operation)
    }

    /// Runs `operation` on a connection of the pool: for one that may take long, or needs
    /// much memory.
    ///
    /// # Blocking
    ///
    /// For a connection at most the connect timeout; the [handle](LinkHandle) ends the
    /// wait sooner. A thread on its rounds waits briefly, and then uses the shared
    /// connection.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub(crate) fn run_pooled<T>(
        &mut self,
        operation: impl FnOnce(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        self.run_pooled_within(self.topology.connect_timeout(), operation)
    }

    /// As [`run_pooled`](Self::run_pooled), with this much time for the connection.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub(crate) fn run_pooled_within<T>(
        &mut self,
        time: Duration,
        operation: impl FnOnce(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        let node = self.node()?;
        match self.pooled(&node, time) {
            // Another server has taken its place; or the manager is gone, if a handler
            // stops its consumer. Or others have all connections and new ones can't be
            // made, which must not hold up the tasks that come next.
            Err(e) if self.goes_by_shared(&e) => self.run(operation),
            wire => self.handle.through(&mut *wire?, operation),
        }
    }

    /// Whether there is another server to go to since the last exchange.
    pub(crate) fn has_moved(&self) -> bool {
        self.topology.changes() != self.seen
    }

    /// Rings a bell when there is another server to go to, as long as the bell exists.
    pub(crate) fn have_rung(&self, bell: &Bell) {
        self.topology.have_rung(bell);
    }

    /// Waits between two exchanges: see [`Link::pause`](super::Link::pause).
    pub(crate) fn pause(&self, signal: &Shutdown, time: Duration) -> bool {
        self.topology.pause(self.seen, signal, time, || false)
    }

    fn shared<'a>(&self, node: &'a Node) -> Result<LentWire<'a>> {
        if let Some(wire) = node.shared().try_lend() {
            return Ok(wire);
        }
        let connect = self.topology.connect_timeout();
        // Callers in front may have to connect, and to wait for an answer.
        let wait = connect + node.endpoint().response_timeout();
        self.handle.attempt(wait, |deadline| {
            let interrupt = deadline.interrupt().cloned();
            node.shared().lend(deadline, |deadline| {
                let left = deadline.remaining().unwrap_or_default();
                let mut attempt_by = Deadline::of(connect.min(left));
                if let Some(interrupt) = &interrupt {
                    attempt_by = attempt_by.unless(interrupt);
                }
                let wire = node.connect_by(&mut attempt_by)?;
                // Others get the connection, too.
                match interrupt {
                    Some(interrupt) if interrupt.complete() => Err(node.endpoint().ended()),
                    _ => Ok(wire),
                }
            })
        })
    }

    fn goes_by_shared(&self, error: &Error) -> bool {
        let kind = error.kind();
        let is_so = kind == ErrorKind::Closed || kind == ErrorKind::Unavailable && is_on_rounds();
        is_so && !self.handle.holds_off()
    }

    fn pooled(&self, node: &Node, mut time: Duration) -> Result<PooledWire> {
        if is_on_rounds() {
            time = time.min(SHORT_WAIT);
        }
        self.handle
            .attempt(time, |deadline| node.pool().get(deadline))
    }

    fn node(&mut self) -> Result<Arc<Node>> {
        if self.has_failed {
            self.topology.refresh();
        }
        self.seen = self.topology.changes();
        let key = self.key.as_bytes();
        if let Some(node) = self.topology.node_for(key) {
            return Ok(node);
        }
        let time = self.topology.connect_timeout();
        self.handle
            .attempt(time, |deadline| self.topology.locate(key, deadline))
    }

    fn notice(&mut self, node: &Arc<Node>, number: u64) {
        let last = self.last.replace((Arc::downgrade(node), number));
        let is_same = last.is_some_and(|(last, before)| {
            before == number && Weak::ptr_eq(&last, &Arc::downgrade(node))
        });
        if mem::take(&mut self.has_failed) || !is_same {
            self.epoch += 1;
        }
    }

    /// Records that an exchange has failed; exchanges of others may have failed, too.
    pub(crate) fn failed(&mut self) {
        self.has_failed = true;
    }

    /// How many times the shared connection was replaced, or worked again: a change tells
    /// a thread of a failure, its own or others'.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }
}
