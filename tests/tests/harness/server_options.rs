//! The options of a private server.

use std::fs;
use std::net::TcpStream;

use stream_tests::{Certificates, Server, ServerError};

const AWKWARD: &str = r#"p@ss "w\ord/é%"#;

#[test]
fn a_password_is_asked_for_and_carried_by_the_urls() {
    let server = Server::options().password(AWKWARD).start().unwrap();
    assert_eq!(server.command::<String>(&["PING"]), "PONG");
    for url in [server.url(), server.unix_url()] {
        let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
        assert_eq!(
            redis::cmd("PING").query(&mut connection),
            Ok("PONG".to_owned())
        );
    }
    let bare = format!("redis://127.0.0.1:{}/", server.port());
    let mut connection = redis::Client::open(bare).unwrap().get_connection().unwrap();
    let refused = redis::cmd("PING")
        .query::<String>(&mut connection)
        .unwrap_err();
    assert_eq!(refused.code(), Some("NOAUTH"));
}

#[test]
fn users_have_the_permissions_of_their_rules() {
    let server = Server::options()
        .user("alice on >secret ~orders* +@all -xreadgroup")
        .start()
        .unwrap();
    let url = format!("redis://alice:secret@127.0.0.1:{}/", server.port());
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    let mut ask = |line: &str| {
        let mut command = redis::Cmd::new();
        line.split(' ').for_each(|word| {
            command.arg(word);
        });
        command.query::<redis::Value>(&mut connection)
    };
    assert!(ask("XADD orders * a 1").is_ok());
    for refused in ["XADD other * a 1", "XREADGROUP GROUP g c STREAMS orders >"] {
        assert_eq!(
            ask(refused).unwrap_err().code(),
            Some("NOPERM"),
            "{refused}"
        );
    }
}

#[test]
fn memory_and_other_directives_reach_the_server() {
    let server = Server::options()
        .max_memory(64 << 20)
        .config("maxmemory-policy", "noeviction")
        .config("stream-node-max-entries", "7")
        .start()
        .unwrap();
    let value = |name: &str| server.command::<Vec<String>>(&["CONFIG", "GET", name])[1].clone();
    assert_eq!(value("maxmemory"), (64 << 20).to_string());
    assert_eq!(value("stream-node-max-entries"), "7");
    assert_eq!(value("appendonly"), "no");
    assert_eq!(value("save"), "");
}

#[test]
fn a_wrong_directive_is_an_error_with_what_the_server_said() {
    let error = Server::options()
        .config("no-such-directive", "1")
        .start()
        .unwrap_err();
    assert!(
        matches!(&error, ServerError::NotReady { ended: true, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("no-such-directive"), "{error}");
}

#[test]
fn a_server_with_certificates_opens_a_second_port() {
    let certificates = Certificates::generate();
    let server = match Server::options().tls(certificates.server(true)).start() {
        Ok(server) => server,
        Err(e @ ServerError::NoTls { .. }) => {
            eprintln!("not tested: {e}");
            return;
        }
        Err(e) => panic!("{e}"),
    };
    let port = server.tls_port().unwrap();
    assert_ne!(port, server.port());
    assert_eq!(
        server.tls_url().unwrap(),
        format!("rediss://127.0.0.1:{port}/0")
    );
    TcpStream::connect(("127.0.0.1", port)).unwrap();
    for file in [
        certificates.ca(),
        certificates.client_cert(),
        certificates.client_key(),
    ] {
        assert!(fs::read_to_string(file).unwrap().starts_with("-----BEGIN"));
    }
    // Both certificates come from the authority that the server trusts.
    let value = |name: &str| server.command::<Vec<String>>(&["CONFIG", "GET", name])[1].clone();
    assert_eq!(value("tls-auth-clients"), "yes");

    server.restart();
    TcpStream::connect(("127.0.0.1", port)).unwrap();
}
