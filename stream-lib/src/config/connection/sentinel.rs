//! The settings of a master that sentinels watch.

use std::error::Error as StdError;
use std::path::PathBuf;

use super::address::{SENTINEL_PORT, host_and_port};
use super::credentials::{Credentials, Provider};
#[cfg(feature = "tls")]
use super::parts::TlsSettings;
use super::pem::Pem;
use super::settings::ConnectionConfig;
use super::target::{Address, Place, Target};
use crate::error::{Error, ErrorKind, Result};

impl ConnectionConfig {
    /// The master called `master`, as the sentinels at these addresses know it:
    /// `host:port`, `host` or `[v6]:port`; the port defaults to 26379. Sentinels name
    /// further ones, but the addresses given here are never forgotten.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if `addresses` is empty, an address can't be read, or the
    /// name of the master isn't printable ASCII without spaces.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_lib::{ConnectionConfig, Credentials};
    ///
    /// let config = ConnectionConfig::sentinel("mymaster", ["sentinel-1", "sentinel-2:26380"])?
    ///     .credentials(|| Ok::<_, std::io::Error>(Credentials::new("of the master")))
    ///     .sentinel_credentials("", "of the sentinels");
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    pub fn sentinel<A: AsRef<str>>(
        master: impl Into<String>,
        addresses: impl IntoIterator<Item = A>,
    ) -> Result<Self> {
        let read = |address: A| {
            host_and_port(address.as_ref(), SENTINEL_PORT).map_err(|problem| {
                Error::new(
                    ErrorKind::Config,
                    format!("the address of a sentinel {problem}"),
                )
            })
        };
        let config = Self::to(Target::at(Place::Sentinels {
            master: master.into(),
            addresses: addresses.into_iter().map(read).collect::<Result<_>>()?,
            tls: false,
        }));
        config.validate()?;
        Ok(config)
    }

    /// User and password for the sentinels; those of the master are separate. An empty
    /// user is the default one. Defaults to none. Without sentinels, this setting and the
    /// others for sentinels have no effect.
    #[must_use]
    pub fn sentinel_credentials(
        mut self,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        self.sentinel.credentials = Credentials {
            username: Some(user.into()).filter(|user| !user.is_empty()),
            ..Credentials::new(password)
        };
        self
    }

    /// A provider of user and password for the sentinels, in place of
    /// [`sentinel_credentials`](Self::sentinel_credentials): for passwords that expire.
    /// It works as [`credentials`](Self::credentials) does, and is called for each
    /// sentinel.
    ///
    /// # Errors
    ///
    /// As for [`credentials`](Self::credentials). A sentinel without credentials counts
    /// as one that doesn't answer.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_lib::{ConnectionConfig, Credentials};
    ///
    /// let config = ConnectionConfig::sentinel("mymaster", ["sentinel-1"])?
    ///     .sentinel_credentials_provider(|| {
    ///         let token = std::fs::read_to_string("/run/secrets/sentinel-token")?;
    ///         Ok::<_, std::io::Error>(Credentials::new(token.trim_end()))
    ///     });
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    #[must_use]
    pub fn sentinel_credentials_provider<E: Into<Box<dyn StdError + Send + Sync>>>(
        mut self,
        provider: impl Fn() -> std::result::Result<Credentials, E> + Send + Sync + 'static,
    ) -> Self {
        self.sentinel.provider = Some(Provider::new(provider));
        self
    }

    /// Whether connections to the sentinels use TLS. Defaults to the setting for the
    /// master.
    #[must_use]
    pub fn sentinel_tls(mut self, is_on: bool) -> Self {
        self.sentinel.tls.is_on = Some(is_on);
        self
    }

    /// As [`tls_root_certificates`](Self::tls_root_certificates), for the sentinels.
    /// Defaults to those for the master.
    #[must_use]
    pub fn sentinel_tls_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.sentinel.tls.roots = Some(Pem::Bytes(pem.into()));
        self
    }

    /// As [`tls_root_certificates_file`](Self::tls_root_certificates_file), for the
    /// sentinels. Defaults to those for the master.
    #[must_use]
    pub fn sentinel_tls_root_certificates_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sentinel.tls.roots = Some(Pem::File(path.into()));
        self
    }

    /// As [`tls_client_certificate`](Self::tls_client_certificate), for the sentinels.
    /// Defaults to the one for the master.
    #[must_use]
    pub fn sentinel_tls_client_certificate(
        mut self,
        certificate_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        let (certificate, key) = (certificate_pem.into(), key_pem.into());
        self.sentinel.tls.client = Some((Pem::Bytes(certificate), Pem::Bytes(key)));
        self
    }

    /// As [`tls_client_certificate_files`](Self::tls_client_certificate_files), for the
    /// sentinels. Defaults to those for the master.
    #[must_use]
    pub fn sentinel_tls_client_certificate_files(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        let (certificate, key) = (certificate.into(), key.into());
        self.sentinel.tls.client = Some((Pem::File(certificate), Pem::File(key)));
        self
    }

    /// As [`tls_server_name`](Self::tls_server_name), for the sentinels. Defaults to
    /// the host of each.
    #[must_use]
    pub fn sentinel_tls_server_name(mut self, name: impl Into<String>) -> Self {
        self.sentinel.tls.server_name = Some(name.into());
        self
    }

    /// Whether connections to Redis use TLS.
    pub(crate) fn uses_tls(&self) -> bool {
        let by_url = match &self.place {
            Place::Server(Address::Tcp { tls, .. })
            | Place::Sentinels { tls, .. }
            | Place::Cluster { tls, .. } => *tls,
            Place::Server(Address::Unix(_)) => return false,
        };
        self.tls.is_on.unwrap_or(by_url)
    }

    /// Whether connections to sentinels use TLS.
    pub(crate) fn uses_sentinel_tls(&self) -> bool {
        self.sentinel.tls.is_on.unwrap_or_else(|| self.uses_tls())
    }

    /// The material for connections to sentinels.
    #[cfg(feature = "tls")]
    pub(crate) fn sentinel_tls_settings(&self) -> TlsSettings {
        let own = self.sentinel.tls.clone();
        let shared = Some(&self.tls).filter(|_| self.uses_tls());
        TlsSettings {
            is_on: own.is_on,
            roots: own.roots.or_else(|| shared?.roots.clone()),
            client: own.client.or_else(|| shared?.client.clone()),
            server_name: own.server_name,
        }
    }
}
