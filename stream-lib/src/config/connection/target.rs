//! The address of a server, with our credentials there.

use std::fmt;
use std::path::PathBuf;

use super::credentials::Credentials;

/// All that a URL or the environment can say.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) address: Address,
    pub(super) credentials: Credentials,
    pub(super) db: i64,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp { host: String, port: u16, tls: bool },
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}
