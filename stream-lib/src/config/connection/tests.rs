mod sentinel;

use std::error::Error as _;
use std::ffi::OsString;
use std::time::Duration;

use proptest::prelude::*;

use super::target::{Place, Target};
use super::{Address, ConnectionConfig, env};
use crate::error::{ErrorKind, Result};

fn tcp(host: &str, port: u16, tls: bool) -> Address {
    let host = host.to_owned();
    Address::Tcp { host, port, tls }
}

fn at(address: Address) -> Place {
    Place::Server(address)
}

fn from_vars(vars: &[(&str, &str)]) -> Result<Target> {
    env::read(|name| {
        let found = vars.iter().find(|(n, _)| *n == name);
        found.map(|(_, value)| OsString::from(value))
    })
}

#[test]
fn urls_are_read() {
    for (url, address, user, password, db) in [
        (
            "redis://localhost",
            tcp("localhost", 6379, false),
            None,
            None,
            0,
        ),
        (
            "redis://127.0.0.1:7000/3",
            tcp("127.0.0.1", 7000, false),
            None,
            None,
            3,
        ),
        (
            "rediss://u:p%40ss@h:1/2",
            tcp("h", 1, true),
            Some("u"),
            Some("p@ss"),
            2,
        ),
        ("valkeys://:p@h", tcp("h", 6379, true), None, Some("p"), 0),
        ("REDIS://[::1]:7000", tcp("::1", 7000, false), None, None, 0),
        (
            "unix:///run/redis.sock?db=4&user=u&pass=p",
            Address::Unix("/run/redis.sock".into()),
            Some("u"),
            Some("p"),
            4,
        ),
        (
            "redis+unix:///r.sock",
            Address::Unix("/r.sock".into()),
            None,
            None,
            0,
        ),
    ] {
        let config = ConnectionConfig::new(url).unwrap();
        assert_eq!(config.place, Place::Server(address), "{url}");
        assert_eq!(config.credentials.username.as_deref(), user, "{url}");
        assert_eq!(config.credentials.password.as_deref(), password, "{url}");
        assert_eq!(config.db, db, "{url}");
    }
}

#[test]
fn bad_urls_are_refused_without_showing_the_password() {
    for url in [
        "hunter2",
        "hunter2:6379",
        "http://:hunter2@h",
        "redis://:hunter2@h/notadb",
        "redis://:hunter2/x@h",
        "redis://:hunter2@:6379",
        "redis://:hunter2#x@h",
        "redis://u:hunter2@0.0.0.0",
        "rediss://:hunter2@h#insecure",
        "redis://:hunter2@h?protocol=resp3",
        "redis://:hunter2@h?protocol=hunter2",
        "unix://hunter2@host/path?pass=hunter2",
        "unix:///s?db=x&pass=hunter2",
        "unix:///s?database=1&pass=hunter2",
        "redis://u:hunter2@h?db=1",
        "redis://h/1?password=hunter2",
    ] {
        let error = ConnectionConfig::new(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{url}");
        let shown = format!("{error} {error:?} {:?}", error.source());
        assert!(!shown.contains("hunter2"), "{url}: {shown}");
    }
}

#[test]
fn debug_has_neither_password_nor_key() {
    let config = ConnectionConfig::new("rediss://user:hunter2@h")
        .unwrap()
        .tls_client_certificate("cert hunter2", "key hunter2");
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("user") && shown.contains("\"h\""), "{shown}");
}

#[test]
fn environment_url_wins_over_address() {
    let vars = [
        ("REDIS_URL", "redis://a:1/2"),
        ("REDIS_ADDR", "b:2"),
        ("REDIS_DB", "x"),
    ];
    let config = from_vars(&vars).unwrap();
    assert_eq!(config.place, at(tcp("a", 1, false)));
    assert_eq!(config.db, 2);
}

#[test]
fn environment_address_password_and_db() {
    let vars = [
        ("REDIS_ADDR", "b:2"),
        ("REDIS_PASSWORD", "p"),
        ("REDIS_DB", "7"),
    ];
    let config = from_vars(&vars).unwrap();
    assert_eq!(config.place, at(tcp("b", 2, false)));
    assert_eq!(config.credentials.password.as_deref(), Some("p"));
    assert_eq!(config.credentials.username, None);
    assert_eq!(config.db, 7);
    assert_eq!(
        from_vars(&[]).unwrap().place,
        at(tcp("127.0.0.1", 6379, false))
    );
    let empty = [("REDIS_URL", ""), ("REDIS_PASSWORD", ""), ("REDIS_DB", "")];
    assert_eq!(from_vars(&empty).unwrap().credentials.password, None);
}

#[test]
fn line_end_of_a_mounted_secret_is_dropped() {
    for end in ["\n", "\r\n"] {
        let vars = [
            ("REDIS_ADDR", format!("b:2{end}")),
            ("REDIS_PASSWORD", format!("two words{end}")),
            ("REDIS_DB", format!("7{end}")),
        ];
        let vars = vars.each_ref().map(|(name, value)| (*name, &**value));
        let config = from_vars(&vars).unwrap();
        assert_eq!(config.place, at(tcp("b", 2, false)));
        let password = config.credentials.password.as_deref();
        assert_eq!((password, config.db), (Some("two words"), 7));
        let url = format!("redis://:p@a:1/2{end}");
        let config = from_vars(&[("REDIS_URL", &url)]).unwrap();
        assert_eq!((config.place, config.db), (at(tcp("a", 1, false)), 2));
        let empty = [("REDIS_URL", end), ("REDIS_PASSWORD", end)];
        assert_eq!(from_vars(&empty).unwrap().credentials.password, None);
    }
}

#[test]
fn stray_white_space_in_the_environment_is_refused() {
    for (name, value) in [
        ("REDIS_PASSWORD", "hunter2 "),
        ("REDIS_PASSWORD", "hunter2\n\n"),
        ("REDIS_PASSWORD", "\thunter2"),
        ("REDIS_PASSWORD", " \n"),
        ("REDIS_ADDR", "h:1 \n"),
        ("REDIS_ADDR", "h :1"),
        ("REDIS_ADDR", "\u{a0}h"),
        ("REDIS_DB", " 7"),
        ("REDIS_URL", "redis://:hunter2@h\n\n"),
        ("REDIS_URL", "redis://:hunter2\n@h"),
        ("REDIS_URL", " redis://:hunter2@h"),
    ] {
        let error = from_vars(&[(name, value)]).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::Config, "{value:?}");
        assert!(
            shown.contains(name) && shown.contains("white space"),
            "{shown}"
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn environment_addresses_come_in_several_forms() {
    for (value, host, port) in [
        ("h", "h", 6379),
        (":7000", "127.0.0.1", 7000),
        ("[::1]:7000", "::1", 7000),
        ("[::1]", "::1", 6379),
        ("fe80::1", "fe80::1", 6379),
    ] {
        let config = from_vars(&[("REDIS_ADDR", value)]).unwrap();
        assert_eq!(config.place, at(tcp(host, port, false)), "{value}");
    }
}

#[test]
fn environment_errors_name_the_variable() {
    for (name, value) in [
        ("REDIS_URL", "redis://:hunter2@h/x"),
        ("REDIS_ADDR", "h:port"),
        ("REDIS_ADDR", "h:0"),
        ("REDIS_ADDR", "redis://:hunter2@h"),
        ("REDIS_ADDR", "hunter2@h:6379"),
        ("REDIS_DB", "one"),
        ("REDIS_DB", "-1"),
    ] {
        let error = from_vars(&[(name, value)]).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(name), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn validate_names_the_field_and_the_value() {
    let config = || ConnectionConfig::new("redis://h").unwrap();
    assert!(config().validate().is_ok());
    for (config, field, value) in [
        (
            config().connect_timeout(Duration::ZERO),
            "connect_timeout",
            "0ns",
        ),
        (
            config().response_timeout(Duration::MAX),
            "response_timeout",
            "s;",
        ),
        (config().pool_size(0), "pool_size", "0"),
        (config().client_name("a b"), "client_name", "a b"),
        (ConnectionConfig::new("redis://h/-3").unwrap(), "db", "-3"),
        (
            config().tls_root_certificates("x"),
            "tls_root_certificates",
            "rediss",
        ),
        (
            config().tls_client_certificate("x", "y"),
            "tls_client_certificate",
            "rediss",
        ),
    ] {
        let error = config.validate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        assert!(text.contains(field) && text.contains(value), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic_or_leak(prefix in "(redis|rediss|unix|redis-sentinel)?:?/?/?", rest in ".{0,20}") {
        let url = format!("{prefix}{rest}SeCrEtXyZ@{rest}");
        if let Err(error) = ConnectionConfig::new(&url) {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains("SeCrEtXyZ"), "{}", shown);
        }
    }
}
