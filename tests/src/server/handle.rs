//! The server of an example: the user's, or a private one.

use std::env;

use super::{Server, ServerError};

/// The server of an example program: the one that `REDIS_URL` names, else a private one
/// that lives as long as this handle.
#[derive(Debug)]
pub struct ServerHandle {
    url: String,
    private: Option<Server>,
}

impl ServerHandle {
    /// Takes the server of `REDIS_URL` if that is set and not empty, which
    /// starts nothing; else starts a private server.
    ///
    /// # Blocking
    ///
    /// Until a private server answers `PING`, at most 30 s.
    ///
    /// # Errors
    ///
    /// When no private server can be started; the text says what to do.
    pub fn from_env_or_private() -> Result<Self, ServerError> {
        match env::var("REDIS_URL") {
            Ok(url) if !url.is_empty() => Ok(Self::at(url)),
            _ => Self::private(),
        }
    }

    /// A handle on a running server.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            private: None,
        }
    }

    /// Starts a private server.
    ///
    /// # Blocking
    ///
    /// Until the server answers `PING`, at most 30 s.
    ///
    /// # Errors
    ///
    /// When it can't be started; the text says what to do.
    pub fn private() -> Result<Self, ServerError> {
        let server = Server::start()?;
        Ok(Self {
            url: server.url(),
            private: Some(server),
        })
    }

    /// The URL to connect to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The private server, where there is one.
    pub fn server(&self) -> Option<&Server> {
        self.private.as_ref()
    }
}
