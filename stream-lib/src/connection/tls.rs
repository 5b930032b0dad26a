//! TLS by rustls, with the ring provider.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::config::ConnectionConfig;
use crate::error::{Error, ErrorKind, Result};

/// What TLS connections to one host are made from.
pub(super) struct TlsSetup {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
}

impl TlsSetup {
    pub(super) fn new(host: &str, config: &ConnectionConfig) -> Result<Self> {
        let server_name = ServerName::try_from(host.to_owned())
            .map_err(|e| config_error("the URL's host is no name for TLS").because(e))?;
        let roots = match &config.tls_root_certificates {
            Some(pem) => given_roots(pem)?,
            None => system_roots()?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| config_error("no TLS version can be used").because(e))?
            .with_root_certificates(roots);
        let config = match &config.tls_client_certificate {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates("tls_client_certificate", certificate)?;
                // The key's own error could quote the key.
                let key = PrivateKeyDer::from_pem_slice(key)
                    .map_err(|_| config_error("`tls_client_certificate`: no private key in PEM"))?;
                let text = "`tls_client_certificate`: certificate and key don't fit";
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|e| config_error(text).because(e))?
            }
        };
        Ok(Self {
            config: Arc::new(config),
            server_name,
        })
    }

    pub(super) fn client(&self) -> io::Result<ClientConnection> {
        ClientConnection::new(Arc::clone(&self.config), self.server_name.clone())
            .map_err(io::Error::other)
    }
}

fn given_roots(pem: &[u8]) -> Result<RootCertStore> {
    let field = "tls_root_certificates";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(field, pem)? {
        roots.add(certificate).map_err(|e| {
            config_error(&format!("`{field}`: not the certificate of an authority")).because(e)
        })?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable > 0 {
        return Ok(roots);
    }
    let error = config_error("the system has no root certificates; set `tls_root_certificates`");
    Err(match found.errors.into_iter().next() {
        Some(cause) => error.because(cause),
        None => error,
    })
}

fn certificates(field: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(config_error(&format!("`{field}`: no certificate in PEM"))),
    }
}

fn config_error(text: &str) -> Error {
    Error::new(ErrorKind::Config, text)
}

impl fmt::Debug for TlsSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSetup")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}
