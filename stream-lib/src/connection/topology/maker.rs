//! Makes the nodes of a topology.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use scheduled_thread_pool::ScheduledThreadPool;

use crate::config::{Address, ConnectionConfig};
use crate::connection::endpoint::Blueprint;
use crate::connection::guide::Guided;
use crate::connection::node::Node;
use crate::connection::pool::scheduler;
use crate::error::Result;

/// The shared parts of all nodes of a topology: the source of credentials, certificates,
/// and the thread of the pools.
pub(super) struct NodeMaker {
    blueprint: Blueprint,
    pool_size: u32,
    scheduler: Arc<ScheduledThreadPool>,
}

impl NodeMaker {
    /// # Errors
    ///
    /// `Config` if a value is out of its bounds, `System` if the system is out of
    /// threads.
    pub(super) fn new(config: &ConnectionConfig) -> Result<Self> {
        Ok(Self {
            blueprint: Blueprint::new(config)?,
            pool_size: config.pool_size,
            scheduler: scheduler()?,
        })
    }

    /// Guides its nodes through a cluster.
    pub(super) fn guided_by(self, guided: Guided) -> Self {
        Self {
            blueprint: self.blueprint.guided_by(guided),
            ..self
        }
    }

    /// A node at an address; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// `Config` if the host is no name for TLS.
    pub(super) fn node(&self, address: &Address) -> Result<Arc<Node>> {
        let endpoint = Arc::new(self.blueprint.endpoint(address)?);
        let scheduler = Arc::clone(&self.scheduler);
        Ok(Arc::new(Node::new(endpoint, self.pool_size, scheduler)))
    }

    /// How long one attempt to connect may take.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.blueprint.connect_timeout()
    }
}

impl fmt::Debug for NodeMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeMaker")
            .field("blueprint", &self.blueprint)
            .finish_non_exhaustive()
    }
}
