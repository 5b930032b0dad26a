//! Adds the server to errors, since there may be several, and a different one by now.

use std::error::Error as StdError;

use super::server_error::ServerError;
use super::wire::Wire;
use crate::error::{Error, Result};

impl Wire {
    /// Runs an operation; an error that is an answer of the server names it.
    pub(crate) fn naming<T>(
        &mut self,
        operation: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        operation(self).map_err(|error| self.named(error))
    }

    /// The same error; if it is an answer of the server, it names the server.
    #[cold]
    pub(crate) fn named(&self, error: Error) -> Error {
        let answer = error.source().and_then(<dyn StdError>::downcast_ref);
        match answer {
            Some(ServerError { .. }) => {
                let server = self.endpoint().named();
                error.saying("Redis answered", &format!("{server} answered"))
            }
            None => error,
        }
    }
}
