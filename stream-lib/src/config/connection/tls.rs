//! The settings of TLS: whether, and by which certificates.

use std::fmt;
use std::path::PathBuf;

use super::pem::Pem;
use super::settings::ConnectionConfig;

/// The material of TLS connections of one kind.
#[derive(Clone, Default)]
pub(crate) struct TlsSettings {
    /// `None` where the URL says it.
    pub(crate) is_on: Option<bool>,
    /// The system's where there are none.
    pub(crate) roots: Option<Pem>,
    pub(crate) client: Option<(Pem, Pem)>,
    /// The host that is connected to where there is none.
    pub(crate) server_name: Option<String>,
}

impl TlsSettings {
    /// The names of the settings that only TLS has a use for.
    pub(super) fn given(&self) -> impl Iterator<Item = &'static str> {
        let given = [
            ("tls_root_certificates", self.roots.is_some()),
            ("tls_client_certificate", self.client.is_some()),
            ("tls_server_name", self.server_name.is_some()),
        ];
        let given = given.into_iter().filter(|(_, is_given)| *is_given);
        given.map(|(name, _)| name)
    }
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("is_on", &self.is_on)
            .field("roots", &self.roots.is_some())
            .field("client", &self.client.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}

impl ConnectionConfig {
    /// Whether connections to Redis use TLS. Defaults to what the URL says.
    #[must_use]
    pub fn tls(mut self, is_on: bool) -> Self {
        self.tls.is_on = Some(is_on);
        self
    }

    /// The certificates, in PEM, that may have signed the server's: for
    /// `rediss://` with a private authority. Defaults to the system's roots.
    #[must_use]
    pub fn tls_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.roots = Some(Pem::Bytes(pem.into()));
        self
    }

    /// As [`tls_root_certificates`](Self::tls_root_certificates), from a file, which is
    /// read now and again for a new connection when it has changed. Certificates that
    /// can't be used then are told in the log, and those of before stay in use.
    #[must_use]
    pub fn tls_root_certificates_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.roots = Some(Pem::File(path.into()));
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
        self.tls.client = Some((Pem::Bytes(certificate), Pem::Bytes(key)));
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
        self.tls.client = Some((Pem::File(certificate), Pem::File(key)));
        self
    }

    /// The name that the server's certificate has to be for. Defaults to the host
    /// that is connected to: of the URL, or as a sentinel names it, which is often an
    /// address.
    #[must_use]
    pub fn tls_server_name(mut self, name: impl Into<String>) -> Self {
        self.tls.server_name = Some(name.into());
        self
    }
}
