use std::error::Error as _;

use super::from_vars;
use crate::config::ConnectionConfig;
use crate::config::connection::target::Place;
use crate::error::ErrorKind;

fn sentinels(addresses: &[(&str, u16)], master: &str, tls: bool) -> Place {
    let addresses = addresses.iter();
    Place::Sentinels {
        master: master.to_owned(),
        addresses: addresses.map(|(h, p)| ((*h).to_owned(), *p)).collect(),
        tls,
    }
}

#[test]
fn sentinel_urls_are_read() {
    for (url, place, user, password, db) in [
        (
            "redis-sentinel://h1,h2:7,[::1]:8/3?master=mymaster",
            sentinels(&[("h1", 26379), ("h2", 7), ("::1", 8)], "mymaster", false),
            None,
            None,
            3,
        ),
        (
            "rediss-sentinel://app:p%40s%2Fs@h1?master=shop-1.a_b",
            sentinels(&[("h1", 26379)], "shop-1.a_b", true),
            Some("app"),
            Some("p@s/s"),
            0,
        ),
        (
            "VALKEYS-Sentinel://:p@[fe80::1]/?master=m%61ster",
            sentinels(&[("fe80::1", 26379)], "master", true),
            None,
            Some("p"),
            0,
        ),
        (
            "valkey-sentinel://10.0.0.1:1,10.0.0.2:2?master=m",
            sentinels(&[("10.0.0.1", 1), ("10.0.0.2", 2)], "m", false),
            None,
            None,
            0,
        ),
    ] {
        let config = ConnectionConfig::new(url).unwrap();
        config.validate().unwrap();
        assert_eq!(config.place, place, "{url}");
        assert_eq!(config.credentials.username.as_deref(), user, "{url}");
        assert_eq!(config.credentials.password.as_deref(), password, "{url}");
        assert_eq!(config.db, db, "{url}");
    }
}

#[test]
fn bad_sentinel_urls_are_refused_without_showing_the_password() {
    for (url, said) in [
        ("redis-sentinel://:hunter2@h", "`?master=`"),
        ("redis-sentinel://:hunter2@h?master=", "`master`"),
        ("redis-sentinel://:hunter2@h?master=a&master=b", "`master`"),
        ("redis-sentinel://:hunter2@h?master=a&db=1", "only `master`"),
        (
            "redis-sentinel://h?master=a&password=hunter2",
            "only `master`",
        ),
        ("redis-sentinel://:hunter2@?master=a", "not host:port"),
        ("redis-sentinel://:hunter2@h,,i?master=a", "not host:port"),
        ("redis-sentinel://:hunter2@h:0?master=a", "not host:port"),
        (
            "redis-sentinel://:hunter2@h:hunter2?master=a",
            "not host:port",
        ),
        ("redis-sentinel://:hunter2@h/x?master=a", "the form"),
        ("redis-sentinel://:hunter2@h/-1?master=a", "`db`"),
        ("redis-sentinel::hunter2@h?master=a", "`//`"),
        ("redis-sentinel://:hunter2/x@h?master=a", "the form"),
        ("redis-sentinel://:hunter2#@h?master=a", "`#`"),
        ("redis://:hunter2@h?master=a", "redis-sentinel"),
    ] {
        let error = ConnectionConfig::new(url)
            .and_then(|config| config.validate())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{url}");
        let text = error.to_string();
        assert!(
            text.to_lowercase().contains(&said.to_lowercase()),
            "{url}: {text}"
        );
        let shown = format!("{error} {error:?} {:?}", error.source());
        assert!(!shown.contains("hunter2"), "{url}: {shown}");
    }
}

#[test]
fn sentinels_are_given_by_hand() {
    let config = ConnectionConfig::sentinel("shop", ["h1", "h2:7"]).unwrap();
    let place = sentinels(&[("h1", 26379), ("h2", 7)], "shop", false);
    assert_eq!(config.place, place);
    let settings = config
        .clone()
        .sentinel_credentials("", "hunter2")
        .settings();
    assert_eq!(settings.address, "h1:26379,h2:7");
    assert_eq!(settings.sentinel_master.as_deref(), Some("shop"));
    assert!(settings.has_sentinel_password && settings.sentinel_username.is_none());
    for (master, addresses, said) in [
        ("shop", &[][..], "addresses"),
        ("", &["h"], "master"),
        ("two words", &["h"], "master"),
        ("shop", &["redis://h"], "host:port"),
        ("shop", &[":hunter2@h"], "host:port"),
        ("shop", &[":7"], "no host"),
        ("shop", &["h:x"], "port"),
        ("shop", &["h,i"], "invalid host"),
    ] {
        let error = ConnectionConfig::sentinel(master, addresses).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{master} {addresses:?}");
        let text = error.to_string();
        assert!(text.contains(said) && !text.contains("hunter2"), "{text}");
    }
    let shown = format!("{:?}", config.sentinel_credentials("guard", "hunter2"));
    assert!(
        shown.contains("guard") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn tls_of_sentinels_is_that_of_the_master_unless_it_is_set() {
    let config = |url: &str| ConnectionConfig::new(url).unwrap();
    let plain = config("redis-sentinel://h?master=m");
    let secured = config("rediss-sentinel://h?master=m");
    let uses = |config: &ConnectionConfig| (config.uses_tls(), config.uses_sentinel_tls());
    assert_eq!(uses(&plain), (false, false));
    assert_eq!(uses(&secured), (true, true));
    assert_eq!(uses(&secured.clone().sentinel_tls(false)), (true, false));
    assert_eq!(uses(&plain.clone().sentinel_tls(true)), (false, true));
    assert_eq!(uses(&plain.clone().tls(true)), (true, true));
    let given = secured
        .tls_root_certificates("r")
        .tls_client_certificate("c", "k");
    let shared = given.sentinel_tls_settings();
    assert!(shared.roots.is_some() && shared.client.is_some());
    for (config, said) in [
        (
            plain.clone().tls_root_certificates("r"),
            "`tls_root_certificates`",
        ),
        (
            plain.clone().sentinel_tls_root_certificates("r"),
            "`sentinel_tls_root_certificates`",
        ),
        (
            plain.clone().sentinel_tls_server_name("n"),
            "`sentinel_tls_server_name`",
        ),
        (plain.tls_server_name("n"), "`tls_server_name`"),
        (config("unix:///s").tls(true), "unix socket"),
    ] {
        let error = config.validate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(said), "{error}");
    }
    // They mean nothing there, and the same program may run with another URL.
    let other = config("redis://h").sentinel_tls_root_certificates("r");
    other.sentinel_credentials("", "p").validate().unwrap();
}

#[test]
fn environment_names_sentinels_by_their_master() {
    let config = from_vars(&[
        ("REDIS_ADDR", "h1:1,h2,[::1]:3"),
        ("REDIS_MASTER", "shop\n"),
        ("REDIS_PASSWORD", "p"),
        ("REDIS_DB", "2"),
        ("REDIS_SENTINEL_USER", "guard"),
        ("REDIS_SENTINEL_PASSWORD", "of guards\r\n"),
    ])
    .unwrap();
    let place = sentinels(&[("h1", 1), ("h2", 26379), ("::1", 3)], "shop", false);
    assert_eq!(config.place, place);
    assert_eq!(
        (config.credentials.password.as_deref(), config.db),
        (Some("p"), 2)
    );
    let of_sentinels = config.sentinel_credentials;
    assert_eq!(of_sentinels.username.as_deref(), Some("guard"));
    assert_eq!(of_sentinels.password.as_deref(), Some("of guards"));

    let by_url = from_vars(&[
        ("REDIS_URL", "redis-sentinel://h?master=m\n"),
        ("REDIS_SENTINEL_PASSWORD", "s"),
    ]);
    let by_url = by_url.unwrap();
    assert_eq!(by_url.place, sentinels(&[("h", 26379)], "m", false));
    assert_eq!(by_url.sentinel_credentials.password.as_deref(), Some("s"));
}

#[test]
fn several_addresses_without_a_master_are_a_cluster() {
    let config = from_vars(&[("REDIS_ADDR", "h1:1,h2")]).unwrap();
    assert_eq!(config.place.to_string(), "h1:1,h2:6379");
    assert!(matches!(config.place, Place::Cluster { tls: false, .. }));
}

#[test]
fn environment_that_names_half_of_it_is_an_error() {
    for (vars, said) in [
        (&[("REDIS_MASTER", "m")][..], "REDIS_ADDR"),
        (
            &[("REDIS_ADDR", "h1,,h2"), ("REDIS_MASTER", "m")],
            "no host",
        ),
        (&[("REDIS_ADDR", "h1:x,h2"), ("REDIS_MASTER", "m")], "port"),
        (
            &[("REDIS_ADDR", "u:hunter2@h1,h2"), ("REDIS_MASTER", "m")],
            "host:port",
        ),
        (
            &[("REDIS_ADDR", "h"), ("REDIS_SENTINEL_PASSWORD", " hunter2")],
            "REDIS_SENTINEL_PASSWORD",
        ),
    ] {
        let error = from_vars(vars).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{vars:?}");
        let text = error.to_string();
        assert!(
            text.contains(said) && !text.contains("hunter2"),
            "{vars:?}: {text}"
        );
    }
}
