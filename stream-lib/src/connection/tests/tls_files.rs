use std::fs;
use std::sync::Arc;

use parking_lot::Mutex;
use rcgen::{CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};

use super::fake::Fake;
use super::tls::{Authority, authority, certificate, config, server, server_that_shows, shown_by};
use super::{AMPLE, connect, endpoint, shown, try_endpoint};
use crate::config::ConnectionConfig;
use crate::connection::Wire;
use crate::error::ErrorKind;

fn params(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

/// A server with a certificate of its own making.
fn showing(authority: &Authority, params: &CertificateParams) -> Fake {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let shown = shown_by(authority, certificate.der(), &key, false);
    server_that_shows(Arc::new(Mutex::new(shown)))
}

#[test]
fn certificates_that_can_not_be_a_servers_now_are_named() {
    let ours = authority("ours");
    let mut expired = params("127.0.0.1");
    expired.not_after = date_time_ymd(2001, 1, 1);
    let mut early = params("127.0.0.1");
    early.not_before = date_time_ymd(4000, 1, 1);
    let mut of_authority = params("127.0.0.1");
    of_authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    of_authority
        .distinguished_name
        .push(DnType::CommonName, "another");
    for (params, words) in [
        (expired, "has expired"),
        (early, "not valid yet"),
        (of_authority, "certificate of an authority (`CA:TRUE`)"),
    ] {
        let server = showing(&ours, &params);
        let error = connect(&config(&server, &ours)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains(words), "{}", shown(&error));
    }
}

#[test]
fn authority_that_changes_in_its_file_is_trusted_from_then_on() {
    let (first, second) = (authority("first"), authority("second"));
    let shown_by = |authority: &Authority| {
        let (certificate, key) = certificate(authority, "127.0.0.1");
        shown_by(authority, certificate.der(), &key, false)
    };
    let shown = Arc::new(Mutex::new(shown_by(&first)));
    let server = server_that_shows(Arc::clone(&shown));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    fs::write(&file, first.pem()).unwrap();
    let config = ConnectionConfig::new(server.url_as("rediss", ""))
        .unwrap()
        .tls_root_certificates_file(&file);
    let endpoint = endpoint(&config);
    Wire::connect(&endpoint, AMPLE).unwrap();
    *shown.lock() = shown_by(&second);
    Wire::connect(&endpoint, AMPLE).unwrap_err();
    // As tools do: another file under the same name.
    let next = directory.path().join("next.pem");
    fs::write(&next, second.pem()).unwrap();
    fs::rename(&next, &file).unwrap();
    Wire::connect(&endpoint, AMPLE).unwrap();
    // Those of before stay in use.
    fs::write(&file, "half of a").unwrap();
    Wire::connect(&endpoint, AMPLE).unwrap();
    fs::remove_file(&file).unwrap();
    Wire::connect(&endpoint, AMPLE).unwrap();
    let error = try_endpoint(&config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    assert!(
        text.contains("`tls_root_certificates_file`: can't read"),
        "{text}"
    );
}

#[test]
fn client_certificate_that_changes_in_its_files_is_shown_from_then_on() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let server = server(&ours, "127.0.0.1", true);
    let directory = tempfile::tempdir().unwrap();
    let files = ["client.pem", "key.pem"].map(|name| directory.path().join(name));
    let [certificate_file, key_file] = &files;
    let (certificate, key) = certificate(&theirs, "client");
    fs::write(certificate_file, certificate.pem()).unwrap();
    fs::write(key_file, key.serialize_pem()).unwrap();
    let config = config(&server, &ours).tls_client_certificate_files(certificate_file, key_file);
    let endpoint = endpoint(&config);
    let error = Wire::connect(&endpoint, AMPLE).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("refuses our `tls_client_certificate`"),
        "{}",
        shown(&error)
    );
    let (certificate, key) = super::tls::certificate(&ours, "client");
    fs::write(certificate_file, certificate.pem()).unwrap();
    // The key doesn't fit yet.
    Wire::connect(&endpoint, AMPLE).unwrap_err();
    fs::write(key_file, key.serialize_pem()).unwrap();
    Wire::connect(&endpoint, AMPLE).unwrap();
}
