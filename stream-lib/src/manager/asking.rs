//! Requests that tools word themselves.

use super::stream_manager::StreamManager;
use crate::command;
use crate::error::Result;
use crate::inspect::Answer;

impl StreamManager {
    /// Sends requests to the server that has `key`, any server for an empty one, in one
    /// round trip. For tools that come with the library: it may change in any release.
    ///
    /// What is asked may be sent twice, so it must not hurt where it is.
    ///
    /// # Blocking
    ///
    /// A round trip, within the connect timeout and the response timeout.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable),
    /// [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown). A request that Redis refuses
    /// is answered by [`Answer::Error`].
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

    /// As [`ask`](Self::ask), for what must not be sent twice: on a connection of its own.
    /// Where that is lost, the outcome is unknown, and the error says so.
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
