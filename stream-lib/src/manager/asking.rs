//! Requests that a caller words itself.

use super::stream_manager::StreamManager;
use crate::command;
use crate::error::Result;
use crate::inspect::Answer;

impl StreamManager {
    /// Sends requests to the server that has `key`, in one round trip; to any server if
    /// `key` is empty. It serves the tools that come with the library and may change in
    /// any release.
    ///
    /// The requests may be sent twice, so they must bear repetition.
    ///
    /// # Blocking
    ///
    /// A round trip, within the connect timeout and the response timeout.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) while Redis can't be reached,
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) if the connection is lost
    /// before the answers. A request that Redis refuses is answered by [`Answer::Error`].
    #[doc(hidden)]
    pub fn ask(&self, key: &str, requests: &[Vec<Vec<u8>>]) -> Result<Vec<Answer>> {
        self.origin.ensure_here()?;
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let replies =
            self.topology
                .run(key.as_bytes(), self.topology.connect_timeout(), |wire| {
                    command::ask(wire, requests)
                })?;
        Ok(replies.iter().map(|r| Answer::read(r.as_ref())).collect())
    }

    /// As [`ask`](Self::ask), for requests that must not be sent twice: they go out on a
    /// connection of their own. If it is lost, the error is
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown).
    #[doc(hidden)]
    pub fn tell(&self, key: &str, requests: &[Vec<Vec<u8>>]) -> Result<Vec<Answer>> {
        self.origin.ensure_here()?;
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let replies = self
            .topology
            .run_alone(key.as_bytes(), |wire| command::ask(wire, requests))?;
        Ok(replies.iter().map(|r| Answer::read(r.as_ref())).collect())
    }
}
