//! The one access to the servers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cluster::Cluster;
use super::maker::NodeMaker;
use super::news::News;
use super::sentinel::Sentinel;
use crate::config::{ConnectionConfig, Place};
use crate::connection::answer::Again;
use crate::connection::deadline::Deadline;
use crate::connection::node::Node;
use crate::connection::pool::PooledWire;
use crate::connection::redirect::Redirect;
use crate::connection::retry::Retry;
use crate::connection::role::is_not_master;
use crate::connection::server_error::answer_of;
use crate::connection::slots::slot_of;
use crate::connection::wire::Wire;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Bell, Interrupt, Shutdown};

/// The wait after a failed attempt to connect, doubling.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The longest wait for a node of a cluster: callers aren't woken when another node is
/// back.
const LONGEST_OF_CLUSTER: Duration = Duration::from_millis(200);

/// The wait after a server has turned out to be no master.
const NO_MASTER_PAUSE: Duration = Duration::from_millis(100);

/// Finds the server that is responsible for a key now, and lends connections to it.
///
/// All callers get their connections here, and each attempt looks the key up again: a
/// caller that waits for a dead address gets the new one as soon as it is known.
#[derive(Debug)]
pub(crate) struct Topology {
    layout: Layout,
    pub(super) news: Arc<News>,
    connect_timeout: Duration,
}

/// How keys are spread over servers.
#[derive(Debug)]
enum Layout {
    /// All keys are on one server. Its host name is looked up for each connection anyway,
    /// so there is nothing to refresh.
    Standalone(Arc<Node>),
    /// All keys are on the server that is the master now.
    Sentinel(Sentinel),
    /// Each key is on the node that has its slot now.
    Cluster(Cluster),
}

impl Topology {
    /// Reads the configuration; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// `Config` if a value is out of its bounds, `System` if the system is out of
    /// threads.
    pub(crate) fn new(config: &ConnectionConfig) -> Result<Self> {
        let maker = NodeMaker::new(config)?;
        let news = Arc::new(News::default());
        let connect_timeout = maker.connect_timeout();
        let layout = match &config.place {
            Place::Server(address) => Layout::Standalone(maker.node(address)?),
            Place::Sentinels { .. } => {
                Layout::Sentinel(Sentinel::new(config, maker, Arc::clone(&news))?)
            }
            Place::Cluster { .. } => {
                Layout::Cluster(Cluster::new(config, maker, Arc::clone(&news))?)
            }
        };
        Ok(Self {
            layout,
            news,
            connect_timeout,
        })
    }

    /// The server that is responsible for `key` now; `None` if unknown. The answer
    /// changes after a failover, so it only says which requests may share a connection.
    pub(crate) fn node_for(&self, key: &[u8]) -> Option<Arc<Node>> {
        match &self.layout {
            Layout::Standalone(node) => Some(Arc::clone(node)),
            Layout::Sentinel(sentinel) => sentinel.master(),
            Layout::Cluster(cluster) => cluster.node_for(key),
        }
    }

    /// As [`node_for`](Self::node_for); an unknown server is looked for until the
    /// deadline.
    pub(in crate::connection) fn locate(
        &self,
        key: &[u8],
        deadline: &mut Deadline,
    ) -> Result<Arc<Node>> {
        match &self.layout {
            Layout::Standalone(node) => Ok(Arc::clone(node)),
            Layout::Sentinel(sentinel) => sentinel.locate(deadline),
            Layout::Cluster(cluster) => cluster.locate(key, deadline),
        }
    }

    /// A connection to the server of `key`, from its pool.
    ///
    /// # Blocking
    ///
    /// At most `timeout`: while all connections are in use, and while the server
    /// can't be found or reached. [`close`](Self::close) wakes it.
    ///
    /// # Errors
    ///
    /// The error of the last attempt. An error that waiting doesn't cure, such as
    /// `Authentication`, comes at once.
    pub(crate) fn pooled(&self, key: &[u8], timeout: Duration) -> Result<PooledWire> {
        let mut deadline = Deadline::of(timeout);
        let mut pause = FIRST_PAUSE;
        loop {
            let node = self.locate(key, &mut deadline);
            let lent = node
                .as_ref()
                .map_err(Error::clone)
                .and_then(|node| node.pool().get(&mut deadline));
            let error = match lent {
                Ok(wire) => {
                    // In a cluster others wait for other nodes, so this success says
                    // nothing to them.
                    if !self.is_cluster() {
                        self.news.gate.open();
                    }
                    return Ok(wire);
                }
                Err(error) => error,
            };
            let has_moved = || node.as_ref().is_ok_and(|node| node.is_retired());
            let error = match error.kind() {
                // The pool of a server that was replaced.
                ErrorKind::Closed if has_moved() => error.of_kind(ErrorKind::Unavailable),
                _ => error,
            };
            let left = deadline.remaining();
            let Some(left) = left.filter(|_| answer_of(&error).may_pass()) else {
                return Err(error);
            };
            self.refresh();
            let wait = if is_not_master(&error) {
                NO_MASTER_PAUSE
            } else {
                pause
            };
            if self.news.gate.wait(wait.min(left), has_moved).is_err() {
                return Err(closed());
            }
            let longest = if self.is_cluster() {
                LONGEST_OF_CLUSTER
            } else {
                LONGEST_PAUSE
            };
            pause = (pause * 2).min(longest);
            if deadline.remaining().is_none() {
                return Err(error);
            }
        }
    }

    /// A connection to the server of `key` outside of the pool, for blocking reads. One
    /// attempt, at most the connect timeout.
    ///
    /// # Errors
    ///
    /// As [`pooled`](Self::pooled).
    pub(crate) fn dedicated(&self, key: &[u8]) -> Result<Wire> {
        self.dedicated_within(key, self.connect_timeout)
    }

    /// As [`dedicated`](Self::dedicated), for a shorter time.
    pub(crate) fn dedicated_within(&self, key: &[u8], time: Duration) -> Result<Wire> {
        let until = Instant::now() + time.min(self.connect_timeout);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let mut deadline = Deadline::of(left);
            let made = self.dedicated_by(key, &mut deadline);
            // Only a replacement ends the attempt.
            let was_replaced = deadline.interrupt().is_some_and(Interrupt::is_over);
            if made.is_ok() || !was_replaced || Instant::now() >= until {
                return made.map(|(wire, _)| wire);
            }
        }
    }

    /// As [`dedicated_by`](Self::dedicated_by), to the node named by a redirect.
    pub(in crate::connection) fn dedicated_at(
        &self,
        key: &[u8],
        redirect: &Redirect,
        deadline: &mut Deadline,
    ) -> Result<(Wire, Arc<Node>)> {
        match &self.layout {
            Layout::Cluster(cluster) => cluster.connect(key, redirect, deadline),
            _ => self.dedicated_by(key, deadline),
        }
    }

    /// As [`dedicated`](Self::dedicated), until the caller's deadline, and with the
    /// server that the connection leads to.
    pub(in crate::connection) fn dedicated_by(
        &self,
        key: &[u8],
        deadline: &mut Deadline,
    ) -> Result<(Wire, Arc<Node>)> {
        loop {
            let node = self.locate(key, deadline)?;
            let error = match node.connect_by(deadline) {
                Ok(wire) => return Ok((wire, node)),
                Err(error) => error,
            };
            let left = deadline.remaining();
            // Without a key, any other node will do.
            let is_elsewhere = node.is_retired() || self.is_cluster() && key.is_empty();
            let Some(left) = left.filter(|_| is_elsewhere || is_not_master(&error)) else {
                return Err(error);
            };
            self.refresh();
            let pause = NO_MASTER_PAUSE.min(left);
            if self.news.gate.wait(pause, || node.is_retired()).is_err() {
                return Err(error);
            }
        }
    }

    /// A connection for the next try.
    pub(super) fn lend(&self, key: &[u8], retry: &mut Retry) -> Result<PooledWire> {
        match (&self.layout, retry.take_asked()) {
            (Layout::Cluster(cluster), Some(redirect)) => {
                cluster.lend(key, &redirect, &mut Deadline::of(retry.left()))
            }
            _ => self.pooled(key, retry.left()),
        }
    }

    /// Whether one script can always touch both keys.
    pub(crate) fn is_one_slot(&self, one: &str, other: &str) -> bool {
        !self.is_cluster() || slot_of(one.as_bytes()) == slot_of(other.as_bytes())
    }

    /// Whether keys are on several servers.
    pub(crate) fn is_spread(&self) -> bool {
        self.is_cluster()
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.layout, Layout::Cluster(_))
    }

    /// Whether a request that failed with `error` was sent on to another, known node.
    pub(in crate::connection) fn is_sent_on(&self, error: &Error) -> bool {
        self.is_cluster() && answer_of(error).again == Again::There
    }

    /// How long one attempt to connect may take.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Starts a new look for the servers of keys: after a redirect, a failover or a lost
    /// connection. This doesn't wait for the result. One thread looks, and not again at
    /// once; others continue with the previous result.
    pub(crate) fn refresh(&self) {
        match &self.layout {
            Layout::Standalone(_) => {}
            Layout::Sentinel(sentinel) => sentinel.refresh(),
            Layout::Cluster(cluster) => cluster.refresh(),
        }
    }

    /// How many times there was another server to go to.
    pub(crate) fn changes(&self) -> u64 {
        self.news.count()
    }

    /// Rings a bell whenever there is another server to go to, as long as the bell
    /// exists.
    pub(in crate::connection) fn have_rung(&self, bell: &Bell) {
        if !matches!(self.layout, Layout::Standalone(_)) {
            self.news.have_rung(bell);
        }
    }

    /// Ends waits on a signal whenever there is another server to go to, as long as the
    /// signal exists.
    pub(crate) fn follow(&self, signal: &Shutdown) {
        if !matches!(self.layout, Layout::Standalone(_)) {
            self.news.follow(signal);
        }
    }

    /// Waits between two attempts: for `time`, or until the signal is set, or until
    /// `over`, which is called at each nudge of the signal. Another server to go to,
    /// since the changes were `seen` or during the wait, ends the wait; then this returns
    /// true.
    pub(crate) fn pause(
        &self,
        seen: u64,
        signal: &Shutdown,
        time: Duration,
        mut over: impl FnMut() -> bool,
    ) -> bool {
        self.follow(signal);
        let has_moved = || self.changes() != seen;
        signal.wait_until(Instant::now() + time, || over() || has_moved());
        has_moved()
    }

    /// Ends all waiting for servers in [`pooled`](Self::pooled), now and later,
    /// with `Closed`, and the threads that look for servers.
    pub(crate) fn close(&self) {
        match &self.layout {
            Layout::Standalone(node) => node.close(),
            Layout::Sentinel(sentinel) => sentinel.close(),
            Layout::Cluster(cluster) => cluster.close(),
        }
        self.news.gate.close();
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the connections to Redis are shut down")
}
