//! The settings of a connection: server, credentials, timeouts, pool.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::credentials::{Credentials, Provider};
use super::pem::Pem;
use super::target::{Address, Target};
use super::{env, url};
use crate::error::{Error, ErrorKind, Result};

/// How to reach Redis: its address, our credentials, and the timeouts.
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
    pub(crate) address: Address,
    pub(crate) credentials: Credentials,
    pub(crate) provider: Option<Provider>,
    pub(crate) db: i64,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) pool_size: u32,
    pub(crate) client_name: Option<String>,
    pub(crate) tls_root_certificates: Option<Pem>,
    pub(crate) tls_client_certificate: Option<(Pem, Pem)>,
}

impl ConnectionConfig {
    /// Reads a URL.
    ///
    /// - `redis://[user:password@]host[:port][/db]`, plain TCP; port 6379 and
    ///   db 0 where the URL has none;
    /// - `rediss://…`, the same over TLS;
    /// - `unix:///path/to/socket[?db=1&user=…&pass=…]`, also as `redis+unix:`.
    ///
    /// `valkey://`, `valkeys://` and `valkey+unix:` mean the same. Characters
    /// with a meaning in URLs (`@`, `/`, `#` …) are percent-encoded in user and
    /// password. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the URL can't be read. The text has no more
    /// of the URL than its scheme, since the rest may hold a password.
    pub fn new(url: impl AsRef<str>) -> Result<Self> {
        url::parse(url.as_ref()).map(Self::to)
    }

    /// Reads the environment: `REDIS_URL`, else `REDIS_ADDR`, `REDIS_PASSWORD`
    /// and `REDIS_DB`.
    ///
    /// `REDIS_ADDR` is `host:port` and defaults to `127.0.0.1:6379`;
    /// `REDIS_DB` defaults to 0. An empty variable counts as absent. One line end
    /// at the end of a value, which a file that holds a secret often has, is
    /// dropped; other white space around a value is an error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] that names the variable.
    pub fn from_env() -> Result<Self> {
        env::read(|name| std::env::var_os(name)).map(Self::to)
    }

    fn to(target: Target) -> Self {
        Self {
            address: target.address,
            credentials: target.credentials,
            provider: None,
            db: target.db,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(5),
            pool_size: 16,
            client_name: None,
            tls_root_certificates: None,
            tls_client_certificate: None,
        }
    }

    /// How long one connection attempt may take, from the lookup of the host name
    /// to authentication and choice of the database. A lookup that hangs goes on in
    /// a thread of its own, one for each host name, and later attempts wait for the
    /// same one. Defaults to 5 seconds.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long Redis may take to accept a request, and again to answer it; of a
    /// large answer to a read, how long it may pause on its way. Waits that Redis was asked for (`BLOCK`) come on top. Defaults to 5
    /// seconds.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// How many pooled connections there may be at once. They are opened when
    /// needed. Blocking reads have connections of their own, which don't
    /// count. Defaults to 16.
    #[must_use]
    pub fn pool_size(mut self, connections: u32) -> Self {
        self.pool_size = connections;
        self
    }

    /// The name of our connections in `CLIENT LIST`. A user who may not run
    /// `CLIENT SETNAME` connects without it. Defaults to none.
    #[must_use]
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = Some(name.into());
        self
    }

    /// The certificates, in PEM, that may have signed the server's: for
    /// `rediss://` with a private authority. Defaults to the system's roots.
    #[must_use]
    pub fn tls_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls_root_certificates = Some(Pem::Bytes(pem.into()));
        self
    }

    /// As [`tls_root_certificates`](Self::tls_root_certificates), from a file, which is
    /// read now and again for a new connection when it has changed. Certificates that
    /// can't be used then are told in the log, and those of before stay in use.
    #[must_use]
    pub fn tls_root_certificates_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls_root_certificates = Some(Pem::File(path.into()));
        self
    }

    /// The certificate chain and private key, in PEM, that we show to the
    /// server. Defaults to none.
    #[must_use]
    pub fn tls_client_certificate(
        mut self,
        certificate_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        let (certificate, key) = (certificate_pem.into(), key_pem.into());
        self.tls_client_certificate = Some((Pem::Bytes(certificate), Pem::Bytes(key)));
        self
    }

    /// As [`tls_client_certificate`](Self::tls_client_certificate), from files, which
    /// are read again when one of them has changed, as
    /// [`tls_root_certificates_file`](Self::tls_root_certificates_file) is.
    #[must_use]
    pub fn tls_client_certificate_files(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        let (certificate, key) = (certificate.into(), key.into());
        self.tls_client_certificate = Some((Pem::File(certificate), Pem::File(key)));
        self
    }

    /// Code that gives user name and password, for passwords that lapse or change. It
    /// is asked before each connection authenticates (`AUTH`), and once more before
    /// the time is over for which the password is [valid](Credentials::valid_for):
    /// connections that live then authenticate again, between two requests. Those of
    /// the URL are not used. Defaults to none.
    ///
    /// # Blocking
    ///
    /// It runs on a thread of its own, one call at a time. A connection attempt waits
    /// for it, at most the [`connect_timeout`](Self::connect_timeout), and other
    /// attempts meanwhile wait for the same call. Connections that live don't wait. A
    /// call that hangs leaves its thread behind, and is not followed by another one.
    ///
    /// # Errors
    ///
    /// An error of the provider's, or a panic in it, counts as an outage: it is the
    /// cause of an [`Unavailable`](ErrorKind::Unavailable) error, with its text, and is
    /// tried again. So the text must hold no secret. A password that Redis refuses is
    /// [`Authentication`](ErrorKind::Authentication); refused for a connection that
    /// lives, it is told in the log, and the provider is asked again.
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

    /// Checks every value against its bounds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] that names the field and the value.
    pub fn validate(&self) -> Result<()> {
        timeout_in_bounds("connect_timeout", self.connect_timeout)?;
        timeout_in_bounds("response_timeout", self.response_timeout)?;
        if !(1..=10_000).contains(&self.pool_size) {
            return Err(invalid("pool_size", self.pool_size, "1 to 10000"));
        }
        if self.db < 0 {
            return Err(invalid("db", self.db, "0 or more"));
        }
        if let Some(name) = &self.client_name
            && (name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()))
        {
            let name = format!("{name:?}");
            return Err(invalid("client_name", name, "printable ASCII, no spaces"));
        }
        self.validate_tls()
    }

    fn validate_tls(&self) -> Result<()> {
        let tls = matches!(self.address, Address::Tcp { tls: true, .. });
        if tls && cfg!(not(feature = "tls")) {
            let text = "the URL asks for TLS, but stream-lib was built without its feature `tls`";
            return Err(Error::new(ErrorKind::Config, text));
        }
        for (field, given) in [
            (
                "tls_root_certificates",
                self.tls_root_certificates.is_some(),
            ),
            (
                "tls_client_certificate",
                self.tls_client_certificate.is_some(),
            ),
        ] {
            if given && !tls {
                let text = format!("`{field}` is set, but the URL is not a `rediss://` one");
                return Err(Error::new(ErrorKind::Config, text));
            }
        }
        Ok(())
    }
}

fn timeout_in_bounds(field: &str, value: Duration) -> Result<()> {
    let bounds = Duration::from_millis(1)..=Duration::from_secs(3_600);
    if bounds.contains(&value) {
        return Ok(());
    }
    Err(invalid(field, format_args!("{value:?}"), "1 ms to 1 h"))
}

fn invalid(field: &str, value: impl fmt::Display, allowed: &str) -> Error {
    let text = format!("`{field}` is {value}; allowed: {allowed}");
    Error::new(ErrorKind::Config, text)
}

impl fmt::Debug for ConnectionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionConfig")
            .field("address", &self.address)
            .field("credentials", &self.credentials)
            .field("provider", &self.provider)
            .field("db", &self.db)
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .field("pool_size", &self.pool_size)
            .field("client_name", &self.client_name)
            .field(
                "tls_root_certificates",
                &self.tls_root_certificates.is_some(),
            )
            .field(
                "tls_client_certificate",
                &self.tls_client_certificate.is_some(),
            )
            .finish()
    }
}
