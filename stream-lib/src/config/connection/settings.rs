//! The settings of a connection: server, credentials, timeouts, pool.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use super::credentials::{Credentials, Provider};
use super::hooks::{AddressMap, FailoverHook};
use super::parts::{Program, SentinelSettings, TlsSettings};
use super::target::{Place, Target};
use super::{env, url};
use crate::error::Result;

/// How to reach Redis: its address, credentials, and timeouts.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use stream_lib::ConnectionConfig;
///
/// let config = ConnectionConfig::new("redis://app:secret@redis.internal:6379/2")?
///     .connect_timeout(Duration::from_secs(2))
///     .pool_size(8);
/// config.validate()?;
/// # Ok::<(), stream_lib::Error>(())
/// ```
#[derive(Clone)]
pub struct ConnectionConfig {
    pub(crate) place: Place,
    pub(crate) credentials: Credentials,
    pub(crate) provider: Option<Provider>,
    pub(crate) db: i64,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) pool_size: u32,
    pub(crate) client_name: Option<String>,
    pub(crate) program: Program,
    pub(crate) tls: TlsSettings,
    pub(crate) sentinel: SentinelSettings,
    pub(crate) address_map: Option<AddressMap>,
    pub(crate) failover_hook: Option<FailoverHook>,
}

impl ConnectionConfig {
    /// Reads a URL.
    ///
    /// - `redis://[user:password@]host[:port][/db]`, plain TCP; port 6379 and
    ///   db 0 if the URL has none;
    /// - `rediss://…`, the same over TLS;
    /// - `unix:///path/to/socket[?db=1&user=…&pass=…]`, also as `redis+unix:`;
    /// - `redis-sentinel://[user:password@]host[:port],…[/db]?master=name`, the
    ///   master of that name, as these sentinels know it; their port is 26379 where
    ///   the URL has none. User and password are those of the master: see
    ///   [`sentinel_credentials`](Self::sentinel_credentials);
    /// - `rediss-sentinel://…`, the same over TLS, to the sentinels as well: see
    ///   [`sentinel_tls`](Self::sentinel_tls);
    /// - `redis-cluster://[user:password@]host[:port],…`, the Redis Cluster that these
    ///   nodes belong to; their port is 6379 if the URL has none: see
    ///   [`cluster`](Self::cluster);
    /// - `rediss-cluster://…`, the same over TLS.
    ///
    /// `valkey` in place of `redis` means the same. Characters with a meaning in URLs
    /// (`@`, `/`, `#` …) must be percent-encoded in user and password. Nothing is
    /// connected yet.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if the URL can't be read. The text quotes
    /// only the scheme, since the rest may hold a password.
    pub fn new(url: impl AsRef<str>) -> Result<Self> {
        url::parse(url.as_ref()).map(Self::to)
    }

    /// Reads the environment: `REDIS_URL`, else `REDIS_ADDR`, `REDIS_MASTER`,
    /// `REDIS_PASSWORD` and `REDIS_DB`.
    ///
    /// `REDIS_ADDR` is `host:port` and defaults to `127.0.0.1:6379`; `REDIS_DB` defaults
    /// to 0. With `REDIS_MASTER`, the name of a master, `REDIS_ADDR` lists its sentinels,
    /// as `host:port,host:port`; several addresses without `REDIS_MASTER` are nodes of a
    /// cluster. `REDIS_SENTINEL_USER` and `REDIS_SENTINEL_PASSWORD` are the credentials
    /// for the sentinels, also with `REDIS_URL`. An empty variable counts as absent. One
    /// line end at the end of a value, which a file that holds a secret often has, is
    /// dropped; other white space around a value is an error.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if a variable can't be read; the text names
    /// it.
    pub fn from_env() -> Result<Self> {
        env::read(|name| std::env::var_os(name)).map(Self::to)
    }

    pub(super) fn to(target: Target) -> Self {
        Self {
            place: target.place,
            credentials: target.credentials,
            provider: None,
            db: target.db,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(5),
            pool_size: 16,
            client_name: None,
            program: Program::default(),
            tls: TlsSettings::default(),
            sentinel: SentinelSettings {
                credentials: target.sentinel_credentials,
                provider: None,
                ..SentinelSettings::default()
            },
            address_map: None,
            failover_hook: None,
        }
    }

    /// How long one connection attempt may take, 1 ms to 1 h, from the lookup of the host
    /// name to authentication and choice of the database. A lookup that hangs goes on in
    /// a thread of its own, one for each host name, and later attempts wait for the same
    /// lookup. Defaults to 5 seconds.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long Redis may take to accept a request, and again to answer it, 1 ms to 1 h.
    /// For a large answer to a read, this is the longest pause within the answer. The
    /// time of blocking commands (`BLOCK`) comes on top. Defaults to 5 seconds.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// The most pooled connections at once, 1 to 10,000. They are opened when needed.
    /// Blocking reads use connections of their own, which don't count. Defaults to 16.
    #[must_use]
    pub fn pool_size(mut self, connections: u32) -> Self {
        self.pool_size = connections;
        self
    }

    /// The name of the connections in `CLIENT LIST`, printable ASCII without spaces. A
    /// user that may not run `CLIENT SETNAME` connects without it. Defaults to none.
    #[must_use]
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = Some(name.into());
        self
    }

    /// The database, 0 or more; a cluster has only 0. Defaults to that of the URL, or 0.
    #[must_use]
    pub fn db(mut self, number: i64) -> Self {
        self.db = number;
        self
    }

    /// A provider of user name and password, for passwords that expire or change. It is
    /// called before each connection authenticates (`AUTH`), and again before the time
    /// ends for which the password is [valid](Credentials::valid_for): open connections
    /// then authenticate again, between two requests. User and password of the URL are
    /// not used. Defaults to none.
    ///
    /// # Blocking
    ///
    /// The provider runs on a thread of its own, one call at a time. A connection attempt
    /// waits for it, at most the [`connect_timeout`](Self::connect_timeout); other
    /// attempts wait for the same call. Open connections don't wait. While a call hangs,
    /// no other call is made.
    ///
    /// # Errors
    ///
    /// An error or panic of the provider counts as an outage: its text is the cause of an
    /// [`Unavailable`](crate::ErrorKind::Unavailable) error, and the attempt is repeated.
    /// The text must hold no secret. A password that Redis refuses is
    /// [`Authentication`](crate::ErrorKind::Authentication). If Redis refuses it on an
    /// open connection, the log says so, and the provider is called again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use stream_lib::{ConnectionConfig, Credentials};
    ///
    /// let config = ConnectionConfig::new("redis://redis.internal")?.credentials(|| {
    ///     let token = std::fs::read_to_string("/run/secrets/redis-token")?;
    ///     let token = Credentials::new(token.trim_end()).user("app");
    ///     Ok::<_, std::io::Error>(token.valid_for(Duration::from_secs(900)))
    /// });
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    #[must_use]
    pub fn credentials<E: Into<Box<dyn StdError + Send + Sync>>>(
        mut self,
        provider: impl Fn() -> Result<Credentials, E> + Send + Sync + 'static,
    ) -> Self {
        self.provider = Some(Provider::new(provider));
        self
    }
}

impl fmt::Debug for ConnectionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionConfig")
            .field("place", &self.place)
            .field("credentials", &self.credentials)
            .field("provider", &self.provider)
            .field("db", &self.db)
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .field("pool_size", &self.pool_size)
            .field("client_name", &self.client_name)
            .field("program", &self.program)
            .field("tls", &self.tls)
            .field("sentinel", &self.sentinel)
            .field("address_map", &self.address_map)
            .field("failover_hook", &self.failover_hook)
            .finish()
    }
}
