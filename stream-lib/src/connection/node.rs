//! One server, and the connections to it.

use std::sync::Arc;

use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::pool::Pool;
use super::shared::SharedWire;
use super::wire::Wire;
use crate::error::Result;

/// One server.
#[derive(Debug)]
pub(crate) struct Node {
    endpoint: Arc<Endpoint>,
    pool: Pool,
    shared: SharedWire,
}

impl Node {
    pub(super) fn new(endpoint: Arc<Endpoint>, pool_size: u32) -> Result<Self> {
        let pool = Pool::new(Arc::clone(&endpoint), pool_size)?;
        let shared = SharedWire::new(&endpoint);
        Ok(Self {
            endpoint,
            pool,
            shared,
        })
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Closes the pool, and the shared connection as soon as nobody uses it.
    pub(super) fn close(&self) {
        self.pool.close();
        self.shared.close();
    }

    /// The connection that all consumers share.
    pub(super) fn shared(&self) -> &SharedWire {
        &self.shared
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// A connection that is not of the pool. One attempt.
    pub(super) fn connect_by(&self, deadline: &mut Deadline) -> Result<Wire> {
        Wire::connect_by(&self.endpoint, deadline)
    }
}
