//! Where a stream lives.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::gate::Gate;
use super::node::Node;
use super::pool::PooledWire;
use super::retry::Retry;
use super::server_error::answer_of;
use super::wire::Wire;
use crate::config::ConnectionConfig;
use crate::error::{Error, Result};

/// The wait after a failed attempt to connect, doubling.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The least time between two questions for where streams live.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(100);

/// Answers which server is responsible for a key now, and lends connections to
/// it.
///
/// All callers get their connections here, and each attempt asks again where the
/// key lives: a caller that waits for a dead address gets the new one the moment
/// it is known.
#[derive(Debug)]
pub(crate) struct Topology {
    layout: Layout,
    gate: Gate,
    /// Held by the thread that asks where streams live; the time of the last
    /// question.
    asked: Mutex<Option<Instant>>,
}

/// How the keys are spread. Sentinel and Cluster will be further variants.
#[derive(Debug)]
enum Layout {
    Standalone(Arc<Node>),
}

impl Topology {
    /// Reads the configuration; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// `Config` when a value is out of its bounds, `System` where the system is out
    /// of threads.
    pub(crate) fn new(config: &ConnectionConfig) -> Result<Self> {
        let endpoint = Arc::new(Endpoint::new(config)?);
        let node = Arc::new(Node::new(endpoint, config.pool_size)?);
        Ok(Self {
            layout: Layout::Standalone(node),
            gate: Gate::default(),
            asked: Mutex::default(),
        })
    }

    /// The server that is responsible for `key` now. The answer changes after a
    /// failover, so that it says which requests may share a connection, and no
    /// more.
    pub(crate) fn node_for(&self, _key: &[u8]) -> Arc<Node> {
        match &self.layout {
            Layout::Standalone(node) => Arc::clone(node),
        }
    }

    /// A connection to the server of `key`, from its pool.
    ///
    /// # Blocking
    ///
    /// At most `timeout`: while all connections are in use, and while the server
    /// can't be reached. [`close`](Self::close) wakes it.
    ///
    /// # Errors
    ///
    /// The error of the last attempt. One that waiting doesn't cure, such as
    /// `Authentication`, comes at once.
    pub(crate) fn pooled(&self, key: &[u8], timeout: Duration) -> Result<PooledWire> {
        let mut deadline = Deadline::of(timeout);
        let mut pause = FIRST_PAUSE;
        loop {
            let node = self.node_for(key);
            let error = match node.pool().get(&mut deadline) {
                Ok(wire) => {
                    self.gate.open();
                    return Ok(wire);
                }
                Err(error) => error,
            };
            let left = deadline.remaining();
            let Some(left) = left.filter(|_| answer_of(&error).may_pass()) else {
                return Err(error);
            };
            self.refresh();
            if self.gate.wait(pause.min(left)).is_err() {
                return Err(node.pool().closed());
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            if deadline.remaining().is_none() {
                return Err(error);
            }
        }
    }

    /// A connection of one's own to the server of `key`, for blocking reads. One
    /// attempt, at most the connect timeout.
    ///
    /// # Errors
    ///
    /// As [`pooled`](Self::pooled).
    pub(crate) fn dedicated(&self, key: &[u8]) -> Result<Wire> {
        let node = self.node_for(key);
        node.connect_by(&mut Deadline::of(node.endpoint().connect_timeout()))
    }

    /// As [`dedicated`](Self::dedicated), until a deadline of the caller's.
    pub(super) fn dedicated_by(&self, key: &[u8], deadline: &mut Deadline) -> Result<Wire> {
        self.node_for(key).connect_by(deadline)
    }

    /// As [`dedicated`](Self::dedicated), for a shorter time.
    pub(crate) fn dedicated_within(&self, key: &[u8], time: Duration) -> Result<Wire> {
        let node = self.node_for(key);
        node.connect_by(&mut Deadline::of(
            time.min(node.endpoint().connect_timeout()),
        ))
    }

    /// Runs an operation on a pooled connection to the server of `key`, and runs
    /// it again from its beginning, on another connection, where the server
    /// refused a request that may go elsewhere.
    ///
    /// # Blocking
    ///
    /// At most `timeout` for connections and pauses; the operation itself takes
    /// its own time.
    ///
    /// # Errors
    ///
    /// As [`pooled`](Self::pooled), and those of the operation.
    pub(crate) fn run<T>(
        &self,
        key: &[u8],
        timeout: Duration,
        mut operation: impl FnMut(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        let mut retry = Retry::within(timeout);
        loop {
            let result = self
                .pooled(key, retry.left())
                .and_then(|mut wire| operation(&mut wire));
            match result {
                Err(error) if self.may_go_again(&mut retry, &error) => {}
                result => return result,
            }
        }
    }

    /// As [`run`](Self::run), on a connection of the operation's own, within the
    /// connect timeout. It runs again only where the server refused its first
    /// request: a part of it is never done twice.
    ///
    /// # Errors
    ///
    /// As [`dedicated`](Self::dedicated), and those of the operation.
    pub(crate) fn run_alone<T>(
        &self,
        key: &[u8],
        mut operation: impl FnMut(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        let mut retry = Retry::within(self.connect_timeout(key));
        loop {
            let mut wire = self.dedicated(key)?;
            match operation(&mut wire) {
                Err(error) if !wire.has_served() && self.may_go_again(&mut retry, &error) => {}
                result => return result,
            }
        }
    }

    /// Whether a request that failed with `error` may go again now: it wasn't
    /// written, and there is time. Then a pause that is due has passed, and the
    /// next connection is to be asked for.
    pub(crate) fn may_go_again(&self, retry: &mut Retry, error: &Error) -> bool {
        let Some(pause) = retry.after(error) else {
            return false;
        };
        self.refresh();
        self.gate.sleep(pause).is_ok()
    }

    /// How long one attempt to connect to the server of `key` may take.
    pub(crate) fn connect_timeout(&self, key: &[u8]) -> Duration {
        self.node_for(key).endpoint().connect_timeout()
    }

    /// Finds out again which server is responsible for which keys: after a
    /// redirect, a failover or a lost connection. One thread asks at a time, and
    /// not again at once; others go on with what is known.
    pub(crate) fn refresh(&self) {
        let Some(mut asked) = self.asked.try_lock() else {
            return;
        };
        if asked.is_some_and(|at| at.elapsed() < BETWEEN_QUESTIONS) {
            return;
        }
        match &self.layout {
            // Its host name is looked up for each connection anyway.
            Layout::Standalone(_) => {}
        }
        *asked = Some(Instant::now());
    }

    /// Ends all waiting for servers in [`pooled`](Self::pooled), now and later,
    /// with `Closed`.
    pub(crate) fn close(&self) {
        match &self.layout {
            Layout::Standalone(node) => node.close(),
        }
        self.gate.close();
    }
}
