use std::net::TcpStream;
use std::sync::Arc;

use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::fake::{Duplex, Fake};
use super::{AMPLE, SHORT, connect, shown, try_endpoint};
use crate::config::ConnectionConfig;
use crate::error::ErrorKind;

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

pub(super) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(super) fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `name`, and its key.
pub(super) fn certificate(authority: &Authority, name: &str) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.signed_by(&key, authority).unwrap(), key)
}

/// A TLS server that answers PING; it wants a client certificate if told so.
pub(super) fn server(authority: &Authority, name: &str, wants_client: bool) -> Fake {
    let (certificate, key) = certificate(authority, name);
    let shown = shown_by(authority, certificate.der(), &key, wants_client);
    server_that_shows(Arc::new(Mutex::new(shown)))
}

/// The configuration of a server that shows this certificate.
pub(super) fn shown_by(
    authority: &Authority,
    certificate: &CertificateDer<'static>,
    key: &KeyPair,
    wants_client: bool,
) -> Arc<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if wants_client {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let chain = vec![certificate.clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

/// A TLS server that answers PING, and may change its certificate.
pub(super) fn server_that_shows(shown: Arc<Mutex<Arc<ServerConfig>>>) -> Fake {
    let wrap = move |mut stream: TcpStream| -> Option<Box<dyn Duplex>> {
        let config = Arc::clone(&shown.lock());
        let mut tls = ServerConnection::new(config).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).ok()?;
        }
        Some(Box::new(StreamOwned::new(tls, stream)))
    };
    Fake::tcp_through(wrap, |peer| {
        while let Some(request) = peer.request() {
            match request[0].as_str() {
                "CLIENT" => peer.say(b":1\r\n"),
                "LARGE" => {
                    peer.say(b"$3000000\r\n");
                    peer.say(&vec![b'x'; 3_000_000]);
                    peer.say(b"\r\n");
                }
                "SILENCE" => {}
                "BYE" => return,
                _ => peer.say(b"+PONG\r\n"),
            }
        }
    })
}

pub(super) fn config(server: &Fake, authority: &Authority) -> ConnectionConfig {
    ConnectionConfig::new(server.url_as("rediss", ""))
        .unwrap()
        .tls_root_certificates(authority.pem())
}

#[test]
fn requests_and_replies_pass_through_tls() {
    let authority = authority("ours");
    let server = server(&authority, "127.0.0.1", false);
    let mut wire = connect(&config(&server, &authority)).unwrap();
    assert!(!wire.is_stale());
    for _ in 0..3 {
        wire.send(&PING.repeat(2), 2).unwrap();
        assert_eq!(wire.receive(AMPLE).unwrap().text(), Some(&b"PONG"[..]));
        assert_eq!(wire.receive(AMPLE).unwrap().text(), Some(&b"PONG"[..]));
        assert!(!wire.is_stale());
    }
    let payload = "y".repeat((1 << 20) + 40_000);
    let large = redis::cmd("LARGE").arg(payload).get_packed_command();
    wire.send(&large, 1).unwrap();
    let reply = wire.receive_owned(AMPLE).unwrap();
    assert_eq!(reply.as_ref().text().unwrap(), vec![b'x'; 3_000_000]);

    wire.send(b"*1\r\n$7\r\nSILENCE\r\n", 1).unwrap();
    let error = wire.receive(SHORT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(error.to_string().contains("did not answer"), "{error}");
    assert!(wire.is_broken());
}

#[test]
fn a_tls_server_that_closes_is_noticed() {
    let authority = authority("ours");
    let server = server(&authority, "127.0.0.1", false);
    let mut wire = connect(&config(&server, &authority)).unwrap();
    wire.send(b"*1\r\n$3\r\nBYE\r\n", 1).unwrap();
    let error = wire.receive(AMPLE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(
        error.to_string().contains("closed the connection"),
        "{error}"
    );
}

#[test]
fn a_server_of_another_authority_or_name_is_refused() {
    let ours = authority("ours");
    for (server, cause, words) in [
        (
            server(&authority("theirs"), "127.0.0.1", false),
            "UnknownIssuer",
            "not trusted; set `tls_root_certificates`",
        ),
        (
            server(&ours, "redis.example", false),
            "not valid for name",
            "for other names",
        ),
    ] {
        let error = connect(&config(&server, &ours)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(shown(&error).contains(cause), "{}", shown(&error));
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_client_certificate_is_shown_where_wanted() {
    let authority = authority("ours");
    let server = server(&authority, "127.0.0.1", true);
    let (certificate, key) = certificate(&authority, "client");
    let config = config(&server, &authority);
    let known = config
        .clone()
        .tls_client_certificate(certificate.pem(), key.serialize_pem());
    let mut wire = connect(&known).unwrap();
    wire.send(PING, 1).unwrap();
    assert_eq!(wire.receive(AMPLE).unwrap().text(), Some(&b"PONG"[..]));
    drop(wire);
    let error = connect(&config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", shown(&error));
    assert!(
        error.to_string().contains("set `tls_client_certificate`"),
        "{error}"
    );
}

#[test]
fn plain_servers_are_not_taken_for_tls() {
    let plain = Fake::tcp(|peer| peer.say(b"-ERR Protocol error\r\n"));
    let silent = Fake::tcp(|peer| {
        let _ = peer.listen(SHORT * 4);
    });
    for server in [plain, silent] {
        let config = config(&server, &authority("ours")).connect_timeout(SHORT * 2);
        let error = connect(&config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("`redis://` URL"), "{error}");
    }
}

#[test]
fn tls_servers_are_not_taken_for_plain_ones() {
    let authority = authority("ours");
    let server = server(&authority, "127.0.0.1", false);
    let error = connect(&ConnectionConfig::new(server.url()).unwrap()).unwrap_err();
    assert!(error.to_string().contains("`rediss://`"), "{error}");
}

#[test]
fn bad_certificates_are_configuration_errors() {
    let authority = authority("ours");
    let (certificate, key) = certificate(&authority, "client");
    let (_, other_key) = self::certificate(&authority, "client");
    let config = || ConnectionConfig::new("rediss://127.0.0.1").unwrap();
    let pem = certificate.pem();
    for (config, field) in [
        (
            config().tls_root_certificates("nothing"),
            "tls_root_certificates",
        ),
        (
            config().tls_root_certificates(key.serialize_pem()),
            "tls_root_certificates",
        ),
        (
            config()
                .tls_root_certificates(authority.pem())
                .tls_client_certificate(pem.clone(), "nothing"),
            "tls_client_certificate",
        ),
        (
            config()
                .tls_root_certificates(authority.pem())
                .tls_client_certificate(pem, other_key.serialize_pem()),
            "tls_client_certificate",
        ),
    ] {
        let error = try_endpoint(&config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(field), "{error}");
    }
}
