//! TLS by rustls, with the ring provider.
//!
//! Certificates that are given by path are read again for a new connection if a file has
//! changed, so they can be replaced while the process runs. If the new ones can't be
//! used, the connection uses the previous ones, since files of one certificate may be
//! replaced one after the other.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::config::{Pem, TlsSettings};
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::runtime::Trouble;

/// The settings of TLS connections to one host.
pub(super) struct TlsSetup {
    server_name: ServerName<'static>,
    material: Arc<TlsMaterial>,
}

/// The certificates that several hosts share.
pub(super) struct TlsMaterial {
    settings: TlsSettings,
    loaded: Mutex<Loaded>,
    trouble: Trouble,
}

struct Loaded {
    config: Arc<ClientConfig>,
    /// The state of the files when they were read.
    files: Vec<Option<FileState>>,
}

/// Changes with each replacement of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileState {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl TlsSetup {
    pub(super) fn new(host: &str, material: &Arc<TlsMaterial>) -> Result<Self> {
        let (name, problem) = match &material.settings.server_name {
            Some(name) => (name.as_str(), "`tls_server_name` is no name for TLS"),
            None => (host, "the host is no name for TLS"),
        };
        let server_name = ServerName::try_from(name.to_owned())
            .map_err(|e| config_error(&format!("{problem}: {name:?}")).because(e))?;
        Ok(Self {
            server_name,
            material: Arc::clone(material),
        })
    }

    pub(super) fn client(&self) -> io::Result<ClientConnection> {
        let config = self.material.config();
        ClientConnection::new(config, self.server_name.clone()).map_err(io::Error::other)
    }
}

impl TlsMaterial {
    pub(super) fn new(settings: TlsSettings) -> Result<Self> {
        // Before they are read, so that a change in between is noticed later.
        let files = files(&settings);
        let loaded = Loaded {
            config: load(&settings)?,
            files,
        };
        Ok(Self {
            settings,
            loaded: Mutex::new(loaded),
            trouble: Trouble::default(),
        })
    }

    /// The configuration with the current certificates.
    fn config(&self) -> Arc<ClientConfig> {
        let mut loaded = self.loaded.lock();
        let files = files(&self.settings);
        if files == loaded.files {
            return Arc::clone(&loaded.config);
        }
        let read = load(&self.settings);
        if let Ok(config) = &read {
            loaded.config = Arc::clone(config);
            loaded.files = files;
        }
        let config = Arc::clone(&loaded.config);
        drop(loaded);
        match read {
            Ok(_) => {
                self.trouble.ends();
                log::info!("the certificates for TLS have changed, and were read again");
            }
            Err(e) if self.trouble.begins(&e) => log::warn!(
                "the certificates for TLS have changed and can't be used; connections use the \
                 previous ones: {}",
                with_causes(&e)
            ),
            Err(_) => {}
        }
        config
    }
}

fn load(settings: &TlsSettings) -> Result<Arc<ClientConfig>> {
    let roots = match &settings.roots {
        Some(pem) => given_roots(pem)?,
        None => system_roots()?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| config_error("no TLS version can be used").because(e))?
        .with_root_certificates(roots);
    let config = match &settings.client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let field = field("tls_client_certificate", certificate);
            let chain = certificates(&field, certificate)?;
            // The key's own error could quote the key.
            let key = PrivateKeyDer::from_pem_slice(&bytes(&field, key)?)
                .map_err(|_| config_error(&format!("`{field}`: no private key in PEM")))?;
            let text = format!("`{field}`: certificate and key don't match");
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|e| config_error(&text).because(e))?
        }
    };
    Ok(Arc::new(config))
}

fn given_roots(pem: &Pem) -> Result<RootCertStore> {
    let field = field("tls_root_certificates", pem);
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&field, pem)? {
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

fn certificates(field: &str, pem: &Pem) -> Result<Vec<CertificateDer<'static>>> {
    let bytes = bytes(field, pem)?;
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(config_error(&format!("`{field}`: no certificate in PEM"))),
    }
}

fn bytes(field: &str, pem: &Pem) -> Result<Vec<u8>> {
    match pem {
        Pem::Bytes(bytes) => Ok(bytes.clone()),
        Pem::File(path) => fs::read(path).map_err(|e| {
            config_error(&format!("`{field}`: can't read {}", path.display())).because(e)
        }),
    }
}

/// The name of the setter of a value.
fn field(name: &str, pem: &Pem) -> String {
    match (name, pem) {
        (name, Pem::Bytes(_)) => name.to_owned(),
        ("tls_client_certificate", Pem::File(_)) => format!("{name}_files"),
        (name, Pem::File(_)) => format!("{name}_file"),
    }
}

fn files(settings: &TlsSettings) -> Vec<Option<FileState>> {
    let client = settings.client.iter();
    let client = client.flat_map(|(certificate, key)| [certificate, key]);
    let paths = settings.roots.iter().chain(client).filter_map(Pem::path);
    paths.map(FileState::of).collect()
}

impl FileState {
    /// `None` if there is no file now.
    fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
        })
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
