//! One server, and the connections to it.

use std::sync::Arc;

use super::endpoint::Endpoint;
use super::pool::Pool;
use super::wire::Wire;
use crate::error::Result;

/// One server.
#[derive(Debug)]
pub(crate) struct Node {
    endpoint: Arc<Endpoint>,
    pool: Pool,
}

impl Node {
    pub(super) fn new(endpoint: Arc<Endpoint>, pool_size: u32) -> Self {
        let pool = Pool::new(Arc::clone(&endpoint), pool_size);
        Self { endpoint, pool }
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// A connection that is not of the pool. One attempt, at most the connect
    /// timeout.
    pub(super) fn connect(&self) -> Result<Wire> {
        Wire::connect(&self.endpoint, self.endpoint.connect_timeout())
    }
}
