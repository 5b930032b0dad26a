//! Sentinels and servers with users, passwords and TLS of their own.

use std::time::Instant;

use stream_lib::{ConnectionConfig, Credentials, ErrorKind, StreamManager};
use stream_tests::{Certificates, Sentinels, Server, ServerError, wait_until};

use super::support::{Work, config, connect, fail_over};
use crate::DEADLINE;

#[track_caller]
fn follows(sentinels: &Sentinels, config: ConnectionConfig) {
    let (manager, moves) = connect(config);
    let work = Work::begin(manager);
    fail_over(sentinels);
    wait_until(DEADLINE, "the failover", || !moves.lock().is_empty());
    work.wait_for_more(Instant::now());
    let failed = work.end();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn servers_and_sentinels_have_users_and_passwords_of_their_own() {
    let sentinels = Sentinels::options()
        .servers(|server| server.password("p@ss"))
        .sentinels(|sentinel| {
            let rights = "asker on >ask resetchannels &* -@all +sentinel +subscribe +ping +client";
            sentinel.password("guard").user(rights)
        })
        .start()
        .unwrap();
    let without = StreamManager::connect(sentinels.url()).unwrap_err();
    assert_eq!(without.kind(), ErrorKind::Authentication, "{without}");
    let config = config(&sentinels);
    follows(
        &sentinels,
        config.clone().sentinel_credentials("asker", "ask"),
    );
    // Those of the master by a provider, which each new master is asked with.
    let ports: Vec<_> = sentinels.sentinels().iter().map(Server::port).collect();
    let addresses = ports.iter().map(|port| format!("127.0.0.1:{port}"));
    let by_provider = ConnectionConfig::sentinel("mymaster", addresses)
        .unwrap()
        .credentials(|| Ok::<_, std::io::Error>(Credentials::new("p@ss")))
        .sentinel_credentials("", "guard");
    sentinels.wait_until_whole();
    follows(&sentinels, by_provider);
}

#[test]
fn servers_and_sentinels_speak_tls() {
    let certificates = Certificates::generate();
    let files = certificates.server(false);
    let started = Sentinels::options().servers(|server| server.tls(files));
    let sentinels = match started.start() {
        Ok(sentinels) => sentinels,
        Err(e @ ServerError::NoTls { .. }) => {
            eprintln!("not tested: {e}");
            return;
        }
        Err(e) => panic!("{e}"),
    };
    let without = StreamManager::connect(sentinels.url()).unwrap_err();
    let text = without.to_string();
    assert!(text.contains("not trusted"), "{text}");
    let shared = config(&sentinels).tls_root_certificates_file(certificates.ca());
    follows(&sentinels, shared.clone().tls_server_name("localhost"));
    // Another authority's at the sentinels is not the one for them.
    let other = Certificates::generate();
    let theirs = shared
        .clone()
        .sentinel_tls_root_certificates_file(other.ca());
    let error = StreamManager::connect_with(theirs).unwrap_err();
    assert!(error.to_string().contains("has a certificate"), "{error}");
    let apart = shared
        .sentinel_tls_root_certificates_file(certificates.ca())
        .sentinel_tls_client_certificate_files(
            certificates.client_cert(),
            certificates.client_key(),
        )
        .sentinel_tls_server_name("localhost");
    sentinels.wait_until_whole();
    follows(&sentinels, apart);
}
