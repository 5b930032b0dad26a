//! The settings of TLS.

use std::path::PathBuf;

use super::pem::Pem;
use super::settings::ConnectionConfig;

impl ConnectionConfig {
    /// Whether connections to Redis use TLS. Defaults to the URL's choice.
    #[must_use]
    pub fn tls(mut self, is_on: bool) -> Self {
        self.tls.is_on = Some(is_on);
        self
    }

    /// The certificates, in PEM, of the authorities that may have signed the server's
    /// certificate: for `rediss://` with a private authority. Defaults to the system's
    /// roots.
    #[must_use]
    pub fn tls_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.roots = Some(Pem::Bytes(pem.into()));
        self
    }

    /// As [`tls_root_certificates`](Self::tls_root_certificates), from a file. It is read
    /// when the connections are set up, and again for a new connection if it has changed.
    /// If the changed certificates can't be used, the log says so, and the previous ones
    /// stay in use.
    #[must_use]
    pub fn tls_root_certificates_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.roots = Some(Pem::File(path.into()));
        self
    }

    /// The certificate chain and private key, in PEM, that authenticate this client to
    /// the server. Defaults to none.
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

    /// The name that the server's certificate must be valid for. Defaults to the host
    /// that is connected to: that of the URL, or the one that a sentinel names, which is
    /// often an IP address.
    #[must_use]
    pub fn tls_server_name(mut self, name: impl Into<String>) -> Self {
        self.tls.server_name = Some(name.into());
        self
    }
}
