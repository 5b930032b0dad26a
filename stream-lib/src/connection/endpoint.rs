//! One server, and all that is needed to open connections to it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::credentials::CredentialsSource;
use super::scan::Limits;
#[cfg(feature = "tls")]
use super::tls::TlsSetup;
use crate::config::{Address, ConnectionConfig};
use crate::error::Result;
use crate::runtime::Origin;

/// What a [`Wire`](super::Wire) is made from. Made once, since certificates
/// are read and checked here.
pub(crate) struct Endpoint {
    pub(super) address: Address,
    pub(super) credentials: CredentialsSource,
    pub(super) db: i64,
    pub(super) client_name: Option<String>,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    pub(super) limits: Limits,
    /// Its connections belong to this process.
    pub(super) origin: Origin,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<TlsSetup>,
    /// How often the server is known to have changed its role or state.
    generation: AtomicU64,
    /// The server has no `SCRIPT LOAD` for us.
    without_script_load: AtomicBool,
}

impl Endpoint {
    /// # Errors
    ///
    /// `Config` when a value is out of its bounds or a certificate can't be
    /// read.
    pub(crate) fn new(config: &ConnectionConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self {
            address: config.address.clone(),
            credentials: CredentialsSource::new(
                config.credentials.clone(),
                config.provider.clone(),
            ),
            db: config.db,
            client_name: config.client_name.clone(),
            connect_timeout: config.connect_timeout,
            response_timeout: config.response_timeout,
            limits: Limits::DEFAULT,
            origin: Origin::here(),
            #[cfg(feature = "tls")]
            tls: match &config.address {
                Address::Tcp {
                    host, tls: true, ..
                } => Some(TlsSetup::new(host, config)?),
                _ => None,
            },
            generation: AtomicU64::new(0),
            without_script_load: AtomicBool::new(false),
        })
    }

    /// The generation of connections that are made now.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Says that the connections of a generation are of no more use: their server
    /// has become a replica, say. Those made since aren't touched, so that many
    /// who hear the same thing say it once.
    pub(super) fn outdate(&self, generation: u64) {
        let next = generation.wrapping_add(1);
        // Fails where another one has said it.
        let _ = self.generation.compare_exchange(
            generation,
            next,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// Whether scripts can be loaded (`SCRIPT LOAD`), as far as we know.
    pub(crate) fn loads_scripts(&self) -> bool {
        !self.without_script_load.load(Ordering::Relaxed)
    }

    /// Remembers that scripts can't be loaded.
    pub(crate) fn remember_no_script_load(&self) {
        self.without_script_load.store(true, Ordering::Relaxed);
    }

    /// Accepts less than usual from the server.
    #[cfg(test)]
    pub(super) fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// `host:port` or the path of a socket, for texts.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    pub(crate) fn response_timeout(&self) -> Duration {
        self.response_timeout
    }

    pub(crate) fn db(&self) -> i64 {
        self.db
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("address", &self.address)
            .field("credentials", &self.credentials)
            .field("db", &self.db)
            .finish_non_exhaustive()
    }
}
