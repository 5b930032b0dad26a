//! Access to pages, and permissions for changes.

use std::fmt::Write as _;

use stream_ops::serve::{Role, Settings};

use crate::support::{Fixture, TOKEN, authorization, basic};

#[test]
fn only_its_own_names_are_answered() {
    let fixture = Fixture::with(None, |settings: &mut Settings| {
        settings.hosts = vec!["streams.example".to_owned()];
    });
    let port = fixture.address().port();
    for host in [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        "streams.example".to_owned(),
        "streams.example:443".to_owned(),
    ] {
        let answer = fixture.ask_bare("GET", "/", &[&format!("Host: {host}")], "");
        assert_eq!(answer.status, 200, "{host}");
    }
    for host in [
        "evil.example",
        "127.0.0.1:1",
        "localhost",
        "streams.example.evil",
    ] {
        let answer = fixture.ask_bare("GET", "/", &[&format!("Host: {host}")], "");
        assert_eq!(answer.status, 421, "{host}");
        assert!(!answer.body.contains("<html"), "{}", answer.body);
    }
    // A balancer asks by any address.
    let answer = fixture.ask_bare("GET", "/healthz", &["Host: 10.0.0.7:80"], "");
    assert_eq!(answer.status, 200);
}

#[test]
fn pages_of_other_sites_get_nothing() {
    let fixture = Fixture::start(Some(Role::Admin));
    fixture.with_group();
    let foreign = "Origin: http://evil.example";
    assert_eq!(fixture.ask("GET", "/", &[foreign], "").status, 403);
    let form = "do=unhold&stream=s&group=g";
    for headers in [
        vec![foreign],
        vec!["Origin: null"],
        vec!["Sec-Fetch-Site: cross-site"],
        vec!["Sec-Fetch-Site: same-site"],
        vec![],
    ] {
        let token = authorization();
        let mut all = vec![token.as_str()];
        all.extend(&headers);
        let answer = fixture.ask("POST", "/change", &all, form);
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    let own = format!("Origin: http://{}", fixture.address());
    for header in [own.as_str(), "Sec-Fetch-Site: same-origin"] {
        let answer = fixture.ask("POST", "/change", &[&authorization(), header], form);
        assert!(
            answer.body.contains("Let g read again"),
            "{header}: {}",
            answer.body
        );
    }
}

#[test]
fn a_change_needs_the_token_and_the_role() {
    let form = "do=hold&stream=s&group=g&for=1+min";
    let none = Fixture::start(None);
    let own = format!("Origin: http://{}", none.address());
    let answer = none.ask("POST", "/change", &[&own], form);
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("--token-file"), "{}", answer.body);

    let fixture = Fixture::start(Some(Role::View));
    assert_eq!(fixture.post("/change", form).status, 403);

    let fixture = Fixture::start(Some(Role::Retry));
    fixture.with_group();
    let own = format!("Origin: http://{}", fixture.address());
    let answer = fixture.ask("POST", "/change", &[&own], form);
    assert_eq!(answer.status, 401);
    assert!(
        answer
            .header("www-authenticate")
            .unwrap()
            .starts_with("Basic")
    );
    for wrong in [
        "Authorization: Bearer wrong".to_owned(),
        basic("ada", "a token that nobody guesseS"),
        basic(TOKEN, ""),
        "Authorization: Digest x".to_owned(),
    ] {
        // A wrong token is refused for pages, too.
        assert_eq!(
            fixture.ask("POST", "/change", &[&own, &wrong], form).status,
            401
        );
        assert_eq!(fixture.ask("GET", "/", &[&wrong], "").status, 401);
    }
    let bearer = format!("Authorization: Bearer {TOKEN}");
    for right in [bearer, authorization()] {
        assert_eq!(
            fixture.ask("POST", "/change", &[&own, &right], form).status,
            200
        );
    }
    let remove = "do=remove-dead&stream=s&letter=1-0";
    assert_eq!(fixture.post("/change", remove).status, 403);
    let fixture = Fixture::start(Some(Role::Admin));
    fixture.with_group();
    assert_eq!(fixture.post("/change", remove).status, 200);
}

#[test]
fn another_address_needs_the_token_for_everything_but_health() {
    let fixture = Fixture::with(Some(Role::View), |settings: &mut Settings| {
        settings.listen = "0.0.0.0:0".parse().unwrap();
        settings.hosts = vec!["streams.example".to_owned()];
    });
    let host = ["Host: streams.example"];
    for path in [
        "/",
        "/system",
        "/metrics",
        "/style.css",
        "/overview.json",
        "/nothing",
    ] {
        assert_eq!(
            fixture.ask_bare("GET", path, &host, "").status,
            401,
            "{path}"
        );
        let with = [host[0], &authorization()];
        assert_ne!(
            fixture.ask_bare("GET", path, &with, "").status,
            401,
            "{path}"
        );
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(
            fixture.ask_bare("GET", path, &host, "").status,
            200,
            "{path}"
        );
    }
}

#[test]
fn every_answer_has_the_headers_that_protect_it() {
    let fixture = Fixture::start(Some(Role::View));
    let mut seen = String::new();
    for path in [
        "/",
        "/system",
        "/style.css",
        "/live.js",
        "/metrics",
        "/overview.json",
        "/healthz",
        "/nothing",
        "/streams/none",
    ] {
        let answer = fixture.get(path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(answer.header("set-cookie"), None);
        assert!(!answer.body.contains(TOKEN));
        let _ = write!(seen, "{path} {} ", answer.status);
    }
    assert!(
        seen.contains("/nothing 404") && seen.contains("/streams/none 404"),
        "{seen}"
    );
    assert_eq!(fixture.ask("DELETE", "/", &[], "").status, 405);
    assert_eq!(fixture.get("/change").status, 405);
    let head = fixture.ask("HEAD", "/", &[], "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}
