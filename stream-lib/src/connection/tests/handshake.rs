use std::sync::mpsc;

use super::fake::Fake;
use super::{AMPLE, config, connect, endpoint, shown};
use crate::config::ConnectionConfig;
use crate::connection::Wire;
use crate::connection::server_error::code;
use crate::error::ErrorKind;

/// Answers the requests of a handshake one by one, then hangs up.
fn answering(replies: &'static [&'static str]) -> Fake {
    Fake::tcp(move |peer| {
        for reply in replies {
            if peer.request().is_none() {
                return;
            }
            peer.say(format!("{reply}\r\n").as_bytes());
        }
        peer.until_hangup();
    })
}

#[test]
fn everything_configured_is_said_in_one_go() {
    let (tell, told) = mpsc::channel();
    let server = Fake::tcp(move |peer| {
        for _ in 0..4 {
            tell.send(peer.request().unwrap()).unwrap();
        }
        peer.say(b"+OK\r\n+OK\r\n-NOPERM no setname\r\n:42\r\n");
        peer.until_hangup();
    });
    let url = format!("{}/3", server.url_as("redis", "app:s%40cret@"));
    let config = ConnectionConfig::new(url).unwrap().client_name("orders");
    let wire = Wire::connect(&endpoint(&config), AMPLE).unwrap();
    assert_eq!(wire.client_id(), Some(42));
    let requests: Vec<String> = (0..4).map(|_| told.recv().unwrap().join(" ")).collect();
    assert_eq!(
        requests,
        [
            "AUTH app s@cret",
            "SELECT 3",
            "CLIENT SETNAME orders",
            "CLIENT ID"
        ]
    );
}

#[test]
fn a_user_who_may_not_ask_for_the_id_connects_without() {
    for refusal in [
        &["-NOPERM this user has no permissions to run the 'client|id' command"],
        // No line of Redis' own.
        &["-ERR Command is not available: 'CLIENT'"],
    ] {
        let server = answering(refusal);
        let wire = connect(&config(&server)).unwrap();
        assert_eq!(wire.client_id(), None);
        assert!(!wire.is_broken());
    }
}

/// The answer of the server, the credentials in the URL, and the expected outcome.
struct Refusal {
    reply: &'static str,
    user_info: &'static str,
    db: &'static str,
    kind: ErrorKind,
    words: &'static str,
}

fn check_refusal(refusal: &Refusal) {
    let reply = refusal.reply;
    let server = Fake::tcp(move |peer| {
        peer.request();
        peer.say(format!("{reply}\r\n").as_bytes());
        peer.until_hangup();
    });
    let url = format!(
        "{}{}",
        server.url_as("redis", refusal.user_info),
        refusal.db
    );
    let error = connect(&ConnectionConfig::new(&url).unwrap()).unwrap_err();
    let shown = shown(&error);
    assert_eq!(error.kind(), refusal.kind, "{shown}");
    assert!(error.to_string().contains(refusal.words), "{shown}");
    assert!(error.to_string().contains("127.0.0.1:"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        code(&error).is_some_and(|code| reply.contains(code)),
        "{shown}"
    );
}

#[test]
fn a_refused_password_is_an_authentication_error_that_does_not_show_it() {
    for (reply, words) in [
        (
            "-WRONGPASS invalid username-password pair or user is disabled.",
            "WRONGPASS",
        ),
        ("-ERR invalid password", "invalid password"),
        (
            "-ERR AUTH <password> called without any password configured for the default user.",
            "without any password",
        ),
        ("-ERR the password hunter2 is bad", "***"),
        (
            "-ERR unknown command 'AUTH', with args beginning with: 'hunter2'",
            "unknown command",
        ),
    ] {
        for user_info in [":hunter2@", "app:hunter2@"] {
            let kind = ErrorKind::Authentication;
            let db = "";
            check_refusal(&Refusal {
                reply,
                user_info,
                db,
                kind,
                words,
            });
        }
    }
}

#[test]
fn other_refusals_have_a_kind_and_a_code() {
    for (reply, user_info, db, kind, words) in [
        (
            "-NOAUTH Authentication required.",
            "",
            "",
            ErrorKind::Authentication,
            "NOAUTH",
        ),
        (
            "-NOAUTH Authentication required.",
            "",
            "/3",
            ErrorKind::Authentication,
            "NOAUTH",
        ),
        (
            "-ERR DB index is out of range",
            "",
            "/99",
            ErrorKind::Config,
            "database 99",
        ),
        (
            "-NOPERM no 'select'",
            "",
            "/1",
            ErrorKind::PermissionDenied,
            "NOPERM",
        ),
        (
            "-ERR max number of clients reached",
            "",
            "",
            ErrorKind::Unavailable,
            "max number",
        ),
        (
            "-LOADING Redis is loading",
            ":hunter2@",
            "",
            ErrorKind::Unavailable,
            "LOADING",
        ),
        (
            "-DENIED protected mode",
            "",
            "",
            ErrorKind::PermissionDenied,
            "protected mode",
        ),
    ] {
        check_refusal(&Refusal {
            reply,
            user_info,
            db,
            kind,
            words,
        });
    }
}

#[test]
fn a_connection_lost_in_the_handshake_is_unavailable() {
    let server = Fake::tcp(|_| {});
    let error = connect(&config(&server)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");

    let server = answering(&["+OK", "HTTP/1.1 200 OK"]);
    let url = server.url_as("redis", ":hunter2@");
    let error = connect(&ConnectionConfig::new(url).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(!shown(&error).contains("hunter2"));
}

#[test]
fn an_echo_is_not_taken_for_redis() {
    let server = answering(&["*2\r\n$6\r\nCLIENT\r\n$2\r\nID"]);
    let error = connect(&config(&server)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("is not Redis"), "{error}");
}

#[test]
fn nothing_shows_the_password() {
    let server = answering(&["+OK", ":1"]);
    let config = ConnectionConfig::new(server.url_as("redis", "app:hunter2@")).unwrap();
    let endpoint = endpoint(&config);
    let wire = Wire::connect(&endpoint, AMPLE).unwrap();
    let shown = format!("{config:?} {endpoint:?} {wire:?} {:?}", wire.stopper());
    assert!(
        shown.contains("app") && !shown.contains("hunter2"),
        "{shown}"
    );
}
