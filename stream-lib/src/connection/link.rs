//! One thread's connection to the server of a key, which is made again after
//! every failure.

use std::sync::Arc;

use parking_lot::Mutex;

use super::topology::Topology;
use super::wire::{Stopper, Wire};
use crate::error::{Error, ErrorKind, Result};

/// A connection that a thread has to itself for as long as it lives.
///
/// The connection is made when it is first asked for, and again after it was
/// given up or has broken. The server is asked for each time, so that the link
/// follows a failover. Waiting between attempts is the caller's part.
#[derive(Debug)]
pub(crate) struct Link {
    topology: Arc<Topology>,
    key: Box<str>,
    wire: Option<Wire>,
    /// An attempt was made before, so that the topology may have changed.
    tried: bool,
    /// How many connections there have been.
    epoch: u64,
    handle: LinkHandle,
}

/// Reaches the present connection of a [`Link`] from other threads. Clones reach
/// the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct LinkHandle(Arc<Mutex<Reach>>);

#[derive(Debug, Default)]
struct Reach {
    client_id: Option<i64>,
    stopper: Stopper,
}

impl Link {
    /// A link to the server of `key`, which `handle` reaches. Nothing is
    /// connected yet.
    pub(crate) fn new(topology: Arc<Topology>, key: &str, handle: LinkHandle) -> Self {
        Self {
            topology,
            key: key.into(),
            wire: None,
            tried: false,
            epoch: 0,
            handle,
        }
    }

    /// Runs `operation` on the connection, and gives the connection up where
    /// that fails: one that has answered, even by refusing, may be in any state.
    ///
    /// # Errors
    ///
    /// Those of [`wire`](Self::wire) and of `operation`.
    pub(crate) fn run<T>(&mut self, operation: impl FnOnce(&mut Wire) -> Result<T>) -> Result<T> {
        let result = self.wire().and_then(operation);
        if result.is_err() {
            self.drop_wire();
        }
        result
    }

    /// The connection. Where there is none, or it has broken, makes one: one
    /// attempt, at most the connect timeout.
    ///
    /// # Errors
    ///
    /// `Unavailable` and the like when the server can't be found or reached.
    pub(crate) fn wire(&mut self) -> Result<&mut Wire> {
        if self.live_wire().is_none() {
            self.wire = None;
            if self.tried {
                self.topology.refresh()?;
            }
            self.tried = true;
            let wire = self.topology.node_for(self.key.as_bytes()).dedicated()?;
            *self.handle.0.lock() = Reach {
                client_id: wire.client_id(),
                stopper: wire.stopper(),
            };
            self.epoch += 1;
            return Ok(self.wire.insert(wire));
        }
        // Checked above; the error is never seen.
        self.wire
            .as_mut()
            .ok_or_else(|| Error::new(ErrorKind::Unavailable, "no connection"))
    }

    /// The connection, if there is one that works.
    pub(crate) fn live_wire(&mut self) -> Option<&mut Wire> {
        self.wire.as_mut().filter(|wire| !wire.is_broken())
    }

    /// Gives the connection up, with all answers that are still to come on it.
    pub(crate) fn drop_wire(&mut self) {
        self.wire = None;
    }

    /// How many connections there have been, the present one included: a thread
    /// that compares notices a new one.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }
}

impl LinkHandle {
    /// The id of the latest connection, for `CLIENT UNBLOCK`; `None` before the
    /// first one, or where the server doesn't tell.
    pub(crate) fn client_id(&self) -> Option<i64> {
        self.0.lock().client_id
    }

    /// Ends the latest connection: a blocked call on it fails at once.
    pub(crate) fn stop(&self) {
        self.0.lock().stopper.stop();
    }
}
