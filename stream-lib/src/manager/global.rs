//! The one manager of a process that needs only one.

use std::sync::OnceLock;

use super::stream_manager::StreamManager;
use crate::error::{Error, ErrorKind, Result};

static GLOBAL: OnceLock<StreamManager> = OnceLock::new();

impl StreamManager {
    /// Makes this manager the one that [`global`](Self::global) returns.
    ///
    /// A static is never dropped: call [`shutdown`](Self::shutdown) on it before the
    /// process ends, so that the held entries are given back at once.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) if there is one. The given manager is
    /// shut down then.
    pub fn init_global(manager: Self) -> Result<&'static Self> {
        GLOBAL.set(manager).map_err(|_| {
            Error::new(
                ErrorKind::AlreadyExists,
                "there is a global manager already, so this one was shut down",
            )
        })?;
        Ok(GLOBAL.wait())
    }

    /// The manager given to [`init_global`](Self::init_global); `None` before.
    pub fn global() -> Option<&'static Self> {
        GLOBAL.get()
    }
}
