//! One server, with everything needed to connect to it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::credentials::CredentialsSource;
use super::guide::Guided;
use super::scan::Limits;
#[cfg(feature = "tls")]
use super::tls::{TlsMaterial, TlsSetup};
#[cfg(feature = "tls")]
use crate::config::TlsSettings;
use crate::config::{Address, ConnectionConfig, Place};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Origin;

/// The settings of a [`Wire`](super::Wire), and the known facts of its server.
pub(crate) struct Endpoint {
    pub(super) address: Address,
    pub(super) credentials: Arc<CredentialsSource>,
    pub(super) db: i64,
    pub(super) client_name: Option<String>,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    pub(super) limits: Limits,
    pub(super) role: Role,
    /// Gives access to the other nodes of its cluster.
    pub(super) guided: Guided,
    /// The process that its connections belong to.
    pub(super) origin: Origin,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<TlsSetup>,
    /// How many changes of the server's role or state are known.
    generation: AtomicU64,
    /// Whether the server refuses `SCRIPT LOAD`.
    without_script_load: AtomicBool,
    /// Whether the kind of the server was looked up.
    looked_at: AtomicBool,
    told: Arc<Told>,
}

/// Warnings that the log already has, for all servers of one configuration.
#[derive(Debug, Default)]
struct Told {
    /// A role can't be asked for.
    role: AtomicBool,
    /// An old master may take messages that are lost.
    lost_writes: AtomicBool,
}

/// The required role of the server at an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Any role.
    Any,
    /// The master, as sentinels know it; the server is asked, too.
    Master,
    Sentinel,
}

/// The common settings of the endpoints of one configuration. Made once, since
/// certificates are read and checked here.
pub(super) struct Blueprint {
    credentials: Arc<CredentialsSource>,
    db: i64,
    client_name: Option<String>,
    connect_timeout: Duration,
    response_timeout: Duration,
    role: Role,
    guided: Guided,
    uses_tls: bool,
    #[cfg(feature = "tls")]
    tls: Option<Arc<TlsMaterial>>,
    told: Arc<Told>,
}

impl Blueprint {
    /// For the servers that hold the data.
    ///
    /// # Errors
    ///
    /// `Config` if a value is out of its bounds or a certificate can't be read.
    pub(super) fn new(config: &ConnectionConfig) -> Result<Self> {
        config.validate()?;
        let credentials =
            CredentialsSource::new(config.credentials.clone(), config.provider.clone());
        Ok(Self {
            credentials: Arc::new(credentials),
            db: config.db,
            client_name: config.client_name.clone(),
            connect_timeout: config.connect_timeout,
            response_timeout: config.response_timeout,
            role: match config.place {
                Place::Server(_) | Place::Cluster { .. } => Role::Any,
                Place::Sentinels { .. } => Role::Master,
            },
            guided: Guided::default(),
            uses_tls: config.uses_tls(),
            #[cfg(feature = "tls")]
            tls: material(config.uses_tls(), || config.tls.clone())?,
            told: Arc::default(),
        })
    }

    /// For sentinels, whose answers take at most `timeout`.
    ///
    /// # Errors
    ///
    /// `Config`, as [`new`](Self::new).
    #[cfg_attr(
        not(feature = "tls"),
        expect(clippy::unnecessary_wraps, reason = "certificates may be unusable")
    )]
    pub(super) fn for_sentinels(config: &ConnectionConfig, timeout: Duration) -> Result<Self> {
        let credentials = CredentialsSource::new(
            config.sentinel.credentials.clone(),
            config.sentinel.provider.clone(),
        );
        Ok(Self {
            credentials: Arc::new(credentials),
            db: 0,
            client_name: config.client_name.clone(),
            connect_timeout: config.connect_timeout.min(timeout),
            response_timeout: config.response_timeout.min(timeout),
            role: Role::Sentinel,
            guided: Guided::default(),
            uses_tls: config.uses_sentinel_tls(),
            #[cfg(feature = "tls")]
            tls: material(config.uses_sentinel_tls(), || {
                config.sentinel_tls_settings()
            })?,
            told: Arc::default(),
        })
    }

    /// For questions to the nodes of a cluster, whose answers take at most `timeout`.
    ///
    /// # Errors
    ///
    /// `Config`, as [`new`](Self::new).
    pub(super) fn for_questions(config: &ConnectionConfig, timeout: Duration) -> Result<Self> {
        let blueprint = Self::new(config)?;
        Ok(Self {
            connect_timeout: blueprint.connect_timeout.min(timeout),
            response_timeout: blueprint.response_timeout.min(timeout),
            ..blueprint
        })
    }

    /// Guides its servers through a cluster.
    pub(super) fn guided_by(self, guided: Guided) -> Self {
        Self { guided, ..self }
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// The endpoint at an address.
    ///
    /// # Errors
    ///
    /// `Config` if the host is no name for TLS.
    #[cfg_attr(
        not(feature = "tls"),
        expect(clippy::unnecessary_wraps, reason = "a host may be no name for TLS")
    )]
    pub(super) fn endpoint(&self, address: &Address) -> Result<Endpoint> {
        let address = match address {
            Address::Tcp { host, port, .. } => Address::tcp(host, *port, self.uses_tls),
            Address::Unix(path) => Address::Unix(path.clone()),
        };
        Ok(Endpoint {
            credentials: Arc::clone(&self.credentials),
            db: self.db,
            client_name: self.client_name.clone(),
            connect_timeout: self.connect_timeout,
            response_timeout: self.response_timeout,
            limits: Limits::DEFAULT,
            role: self.role,
            guided: self.guided.clone(),
            origin: Origin::here(),
            #[cfg(feature = "tls")]
            tls: match (&self.tls, &address) {
                (Some(material), Address::Tcp { host, .. }) => Some(TlsSetup::new(host, material)?),
                _ => None,
            },
            generation: AtomicU64::new(0),
            without_script_load: AtomicBool::new(false),
            looked_at: AtomicBool::new(false),
            told: Arc::clone(&self.told),
            address,
        })
    }
}

#[cfg(feature = "tls")]
fn material(
    is_on: bool,
    settings: impl FnOnce() -> TlsSettings,
) -> Result<Option<Arc<TlsMaterial>>> {
    let material = is_on.then(|| TlsMaterial::new(settings()).map(Arc::new));
    material.transpose()
}

impl Endpoint {
    /// The generation of connections that are made now.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Marks the connections of a generation as useless, since their server has become a
    /// replica, for example. Newer ones aren't touched, so many callers with the same
    /// news count once.
    pub(super) fn outdate(&self, generation: u64) {
        let next = generation.wrapping_add(1);
        // Fails if another caller was first.
        let _ = self.generation.compare_exchange(
            generation,
            next,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// Whether scripts can be loaded (`SCRIPT LOAD`), as far as known.
    pub(crate) fn loads_scripts(&self) -> bool {
        !self.without_script_load.load(Ordering::Relaxed)
    }

    /// Remembers that scripts can't be loaded.
    pub(crate) fn remember_no_script_load(&self) {
        self.without_script_load.store(true, Ordering::Relaxed);
    }

    /// Claims the look at the kind of the server. Returns whether another caller has it
    /// already.
    pub(crate) fn look_at(&self) -> bool {
        self.looked_at.swap(true, Ordering::Relaxed)
    }

    /// Whether the kind of the server is or was looked up.
    pub(super) fn was_looked_at(&self) -> bool {
        self.looked_at.load(Ordering::Relaxed)
    }

    /// Gives up the look, so that another one is needed.
    pub(crate) fn look_again(&self) {
        self.looked_at.store(false, Ordering::Relaxed);
    }

    /// Records that the role can't be asked for. Returns whether that was known.
    pub(super) fn warn_of_role(&self) -> bool {
        self.told.role.swap(true, Ordering::Relaxed)
    }

    /// Records that the log warns of writes that may be lost. Returns whether it has
    /// warned before, for any server of the same configuration.
    pub(crate) fn warn_of_lost_writes(&self) -> bool {
        self.told.lost_writes.swap(true, Ordering::Relaxed)
    }

    /// Whether it is a node of a cluster whose other nodes are known.
    pub(crate) fn is_in_cluster(&self) -> bool {
        self.guided.is_some()
    }

    /// Whether it is a master that sentinels watch.
    pub(crate) fn is_behind_sentinel(&self) -> bool {
        self.role == Role::Master
    }

    /// The server in words, with its address.
    pub(super) fn named(&self) -> String {
        let kind = match self.role {
            Role::Any | Role::Master => "Redis",
            Role::Sentinel => "the sentinel",
        };
        format!("{kind} at {}", self.address)
    }

    /// The error of an attempt to connect that another thread has ended.
    pub(super) fn ended(&self) -> Error {
        let text = format!("the attempt to connect to {} was ended", self.named());
        Error::new(ErrorKind::Unavailable, text)
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

    pub(crate) fn response_timeout(&self) -> Duration {
        self.response_timeout
    }

    pub(crate) fn db(&self) -> i64 {
        self.db
    }
}

impl fmt::Debug for Blueprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blueprint")
            .field("credentials", &self.credentials)
            .field("role", &self.role)
            .finish_non_exhaustive()
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
