//! One server, and the connections to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use scheduled_thread_pool::ScheduledThreadPool;

use super::attempts::Attempts;
use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::pool::Pool;
use super::shared::SharedWire;
use super::stoppers::Stoppers;
use super::wire::{USUAL_REPLY, Wire};
use crate::error::{Error, ErrorKind, Result};

/// One server.
///
/// The known facts of a server are at its [`Endpoint`]: the generation of its
/// connections, whether it takes scripts, whether its kind was looked up.
#[derive(Debug)]
pub(crate) struct Node {
    endpoint: Arc<Endpoint>,
    pool: Pool,
    /// The connection that consumers share.
    shared: SharedWire,
    /// Connections outside of the pool.
    dedicated: Stoppers,
    /// Attempts to make such connections.
    attempts: Attempts,
    /// Another server has taken its place.
    retired: AtomicBool,
}

impl Node {
    pub(super) fn new(
        endpoint: Arc<Endpoint>,
        pool_size: u32,
        scheduler: Arc<ScheduledThreadPool>,
    ) -> Self {
        let pool = Pool::new(Arc::clone(&endpoint), pool_size, scheduler);
        let shared = SharedWire::new(&endpoint);
        Self {
            endpoint,
            pool,
            shared,
            dedicated: Stoppers::default(),
            attempts: Attempts::default(),
            retired: AtomicBool::new(false),
        }
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The connection that all consumers share.
    pub(super) fn shared(&self) -> &SharedWire {
        &self.shared
    }

    /// Closes the pool, and the shared connection as soon as it isn't in use.
    pub(super) fn close(&self) {
        self.pool.close();
        self.shared.close();
    }

    pub(super) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// A connection outside of the pool. One attempt, which the retirement of the node
    /// ends.
    pub(super) fn connect_by(&self, deadline: &mut Deadline) -> Result<Wire> {
        let interrupt = deadline.interruptible();
        if !self.attempts.enter(&interrupt) {
            return Err(self.replaced());
        }
        let wire = Wire::connect_by(&self.endpoint, deadline);
        self.attempts.end(&interrupt);
        let mut wire = wire?;
        wire.expect_within(USUAL_REPLY);
        self.dedicated.add(wire.stopper());
        Ok(wire)
    }

    /// Whether a connection leads to this server.
    pub(crate) fn has(&self, wire: &Wire) -> bool {
        Arc::ptr_eq(&self.endpoint, wire.endpoint())
    }

    /// Whether the kind of the server was looked up.
    pub(crate) fn was_looked_at(&self) -> bool {
        self.endpoint.was_looked_at()
    }

    /// Whether another server has taken its place.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::SeqCst)
    }

    /// Stops lending connections, and ends those outside of the pool, with all attempts
    /// to connect. Requests on pooled connections may finish until [`cut`](Self::cut).
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
        self.endpoint.outdate(self.endpoint.generation());
        self.close();
        self.attempts.close();
        self.dedicated.stop();
    }

    /// Ends the pooled connections that are still in use.
    pub(super) fn cut(&self) {
        self.pool.cut();
    }

    fn replaced(&self) -> Error {
        let address = self.endpoint.address();
        let text = format!("Redis at {address} was replaced by another server");
        Error::new(ErrorKind::Unavailable, text)
    }
}
