//! Certificates for a server that speaks TLS, made for each test.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tempfile::TempDir;

use crate::server::TlsFiles;

/// A certificate authority, a server certificate for `127.0.0.1` and
/// `localhost`, and a client certificate, as PEM files that live as long as
/// this.
#[derive(Debug)]
pub struct Certificates {
    dir: TempDir,
}

impl Certificates {
    /// Makes keys and certificates.
    ///
    /// # Panics
    ///
    /// When a file can't be written.
    #[track_caller]
    pub fn generate() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("stream-certificates-")
            .tempdir()
            .expect("a temporary directory for certificates");
        let certificates = Self { dir };
        certificates.write_all().expect("making certificates");
        certificates
    }

    /// The authority's certificate: the root that a client trusts.
    pub fn ca(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// The client's certificate.
    pub fn client_cert(&self) -> PathBuf {
        self.file("client.pem")
    }

    /// The client's private key.
    pub fn client_key(&self) -> PathBuf {
        self.file("client-key.pem")
    }

    /// The files of the server, for
    /// [`ServerOptions::tls`](crate::ServerOptions::tls).
    pub fn server(&self, client_certificate: bool) -> TlsFiles {
        TlsFiles {
            cert: self.file("server.pem"),
            key: self.file("server-key.pem"),
            ca: self.ca(),
            client_certificate,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write_all(&self) -> Result<(), rcgen::Error> {
        let mut params = named("stream-tests authority", &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        write(&self.ca(), &authority.pem());

        let (serves, asks) = (
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        );
        // The nodes of a cluster are clients of each other.
        let leaves = [
            ("server", vec![serves, asks.clone()]),
            ("client", vec![asks]),
        ];
        for (role, purposes) in leaves {
            let mut params = named(role, &["127.0.0.1", "localhost"])?;
            params.extended_key_usages = purposes;
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &authority)?;
            write(&self.file(&format!("{role}.pem")), &certificate.pem());
            write(&self.file(&format!("{role}-key.pem")), &key.serialize_pem());
        }
        Ok(())
    }
}

fn named(name: &str, hosts: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn write(file: &Path, pem: &str) {
    fs::write(file, pem).expect("writing a certificate file");
}
