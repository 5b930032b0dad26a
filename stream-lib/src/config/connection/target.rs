//! The address of a server, with our credentials there.

use std::fmt;
use std::path::PathBuf;

use super::credentials::Credentials;

/// Everything that a URL or the environment gives.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) place: Place,
    pub(super) credentials: Credentials,
    pub(super) db: i64,
    pub(super) sentinel_credentials: Credentials,
}

impl Target {
    pub(super) fn at(place: Place) -> Self {
        Self {
            place,
            credentials: Credentials::default(),
            db: 0,
            sentinel_credentials: Credentials::default(),
        }
    }
}

/// The servers to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// One server.
    Server(Address),
    /// The master that sentinels name.
    Sentinels {
        master: String,
        /// Of the sentinels.
        addresses: Vec<(String, u16)>,
        /// As in the URL.
        tls: bool,
    },
    /// The nodes of a cluster.
    Cluster {
        /// Of some nodes.
        addresses: Vec<(String, u16)>,
        /// As in the URL.
        tls: bool,
    },
}

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Address {
    Tcp { host: String, port: u16, tls: bool },
    Unix(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(address) => address.fmt(f),
            Self::Sentinels { addresses, .. } | Self::Cluster { addresses, .. } => {
                for (place, (host, port)) in addresses.iter().enumerate() {
                    let comma = if place > 0 { "," } else { "" };
                    let address = Address::tcp(host, *port, false);
                    write!(f, "{comma}{address}")?;
                }
                Ok(())
            }
        }
    }
}

impl Address {
    pub(crate) fn tcp(host: &str, port: u16, tls: bool) -> Self {
        let host = host.to_owned();
        Self::Tcp { host, port, tls }
    }
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
