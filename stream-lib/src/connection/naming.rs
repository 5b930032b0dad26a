//! Errors name the server that answered: there may be several, and another one by now.

use std::error::Error as StdError;

use super::server_error::ServerError;
use super::wire::Wire;
use crate::error::{Error, Result};

impl Wire {
    /// Runs an operation; an error that is an answer names the server.
    pub(crate) fn naming<T>(
        &mut self,
        operation: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        operation(self).map_err(|error| self.named(error))
    }

    /// The same error, which names the server where it is an answer of it.
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
