//! Whole operations, which run again elsewhere if a server has refused them.

use std::time::Duration;

use super::door::Topology;
use crate::connection::answer::Again;
use crate::connection::deadline::Deadline;
use crate::connection::node::Node;
use crate::connection::retry::Retry;
use crate::connection::server_error::answer_of;
use crate::connection::wire::Wire;
use crate::error::{Error, ErrorKind, Result};

impl Topology {
    /// Runs an operation on a pooled connection to the server of `key`. Runs it again
    /// from its beginning, on another connection, if the server refused a request that
    /// may go elsewhere.
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
        operation: impl FnMut(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        self.run_after(key, timeout, None, operation)
    }

    /// As [`run`](Self::run), for an operation that has failed with `error`: if the error
    /// names a node for the next attempt, it begins there.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub(crate) fn run_after<T>(
        &self,
        key: &[u8],
        timeout: Duration,
        error: Option<&Error>,
        mut operation: impl FnMut(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        let mut retry = Retry::within(timeout).asked_by(error);
        loop {
            let result = self
                .lend(key, &mut retry)
                .and_then(|mut wire| wire.naming(&mut operation));
            match result {
                Err(error) if self.may_go_again(&mut retry, &error) => {}
                result => return result.map_err(|e| self.settled(e)),
            }
        }
    }

    /// The error of a request that isn't sent again: the nodes of a cluster have not
    /// agreed on its node.
    pub(crate) fn settled(&self, error: Error) -> Error {
        if !self.is_cluster() || answer_of(&error).again != Again::There {
            return error;
        }
        let text = "the nodes of the cluster have sent the request back and forth, and it was not \
                    written";
        Error::new(ErrorKind::Refused, text).because(error)
    }

    /// As [`run`](Self::run), on a connection of its own, within the connect timeout. It
    /// runs again only if the server refused its first request, so no part of it runs
    /// twice.
    ///
    /// # Errors
    ///
    /// As [`dedicated`](Self::dedicated), and those of the operation.
    pub(crate) fn run_alone<T>(
        &self,
        key: &[u8],
        mut operation: impl FnMut(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        let mut retry = Retry::within(self.connect_timeout());
        loop {
            let mut wire = self.dedicated(key)?;
            match wire.naming(&mut operation) {
                Err(error) if !wire.has_served() && self.may_go_again(&mut retry, &error) => {}
                result => return result,
            }
        }
    }

    /// Runs an operation once, on a connection to this very server, pooled if possible.
    ///
    /// # Errors
    ///
    /// Those of one attempt to connect, and those of the operation. `Unavailable` if
    /// another server has taken its place.
    pub(crate) fn run_at<T>(
        node: &Node,
        timeout: Duration,
        mut operation: impl FnMut(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        let mut deadline = Deadline::of(timeout);
        match node.pool().get(&mut deadline) {
            Ok(mut wire) => wire.naming(&mut operation),
            // The topology may be closed first.
            Err(e) if e.kind() == ErrorKind::Closed => {
                let mut wire = node.connect_by(&mut deadline)?;
                wire.naming(&mut operation)
            }
            Err(e) => Err(e),
        }
    }

    /// Whether a request that failed with `error` may be sent again now: it wasn't
    /// written, and time is left. Then a pause that was due has passed, and the caller
    /// asks for the next connection.
    pub(crate) fn may_go_again(&self, retry: &mut Retry, error: &Error) -> bool {
        if answer_of(error).again == Again::There && !self.is_cluster() {
            return false;
        }
        let Some(pause) = retry.after(error) else {
            return false;
        };
        self.refresh();
        self.news.gate.sleep(pause).is_ok()
    }
}
