//! Where a stream lives.

use std::sync::Arc;
use std::time::Duration;

use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::pool::{Pool, PooledWire};
use super::wire::Wire;
use crate::config::ConnectionConfig;
use crate::error::Result;

/// Answers which server is responsible for a key now.
#[derive(Debug)]
pub(crate) struct Topology {
    layout: Layout,
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
        })
    }

    /// The server that is responsible for `key` now. Asked again for each
    /// attempt: the answer changes after a failover.
    pub(crate) fn node_for(&self, _key: &[u8]) -> Arc<Node> {
        match &self.layout {
            Layout::Standalone(node) => Arc::clone(node),
        }
    }

    /// Finds out again which server is responsible for which keys: after a
    /// redirect, a failover or a lost connection.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "Sentinel and Cluster will have to ask"
    )]
    pub(crate) fn refresh(&self) -> Result<()> {
        match &self.layout {
            // Its host name is looked up for each connection anyway.
            Layout::Standalone(_) => Ok(()),
        }
    }

    /// Ends all waiting for servers in [`Node::pooled`], now and later, with
    /// `Closed`.
    pub(crate) fn close(&self) {
        match &self.layout {
            Layout::Standalone(node) => node.pool.close(),
        }
    }
}

/// One server.
#[derive(Debug)]
pub(crate) struct Node {
    endpoint: Arc<Endpoint>,
    pool: Pool,
}

impl Node {
    fn new(endpoint: Arc<Endpoint>, pool_size: u32) -> Result<Self> {
        let pool = Pool::new(Arc::clone(&endpoint), pool_size)?;
        Ok(Self { endpoint, pool })
    }

    /// A connection from the pool, waiting at most `timeout` for one; see
    /// [`Pool::get`].
    pub(crate) fn pooled(&self, timeout: Duration) -> Result<PooledWire> {
        self.pool.get(timeout)
    }

    /// How long one connection attempt may take.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.endpoint.connect_timeout()
    }

    /// A connection of one's own, for blocking reads. One attempt, at most the
    /// connect timeout.
    pub(crate) fn dedicated(&self) -> Result<Wire> {
        Wire::connect(&self.endpoint, self.endpoint.connect_timeout())
    }

    /// As [`dedicated`](Self::dedicated), for a shorter time.
    pub(crate) fn dedicated_within(&self, time: Duration) -> Result<Wire> {
        Wire::connect(&self.endpoint, time.min(self.endpoint.connect_timeout()))
    }

    /// As [`dedicated`](Self::dedicated), until a deadline of the caller's.
    pub(super) fn dedicated_by(&self, deadline: &mut Deadline) -> Result<Wire> {
        Wire::connect_by(&self.endpoint, deadline)
    }
}
