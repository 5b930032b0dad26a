//! `orders` with wrong arguments, or a wrong server.

use stream_tests::{Program, Server};

use crate::DEADLINE;
use crate::support::orders;

#[test]
fn bad_arguments_are_named() {
    for (args, named) in [
        ("", "Usage"),
        ("sell", "sell"),
        ("produce", "--count"),
        ("produce --count many", "--count"),
        ("produce --count 1 --threads 0", "--threads"),
        ("produce --count 1 --batch 1001", "--batch"),
        ("produce --count 1 --rate 0", "--rate"),
        ("produce --count 1 --producer best", "--producer"),
        ("produce --count 1 --max-length 0", "--max-length"),
        ("work --fail-every 0", "--fail-every"),
        ("work --lease-ms -5", "-5"),
        ("trim --priority most", "--priority"),
        ("dead bury", "bury"),
    ] {
        let finished = Program::example("orders")
            .args(args.split_whitespace())
            .run(DEADLINE);
        assert_eq!(finished.status.code(), Some(2), "{args}: {finished:#?}");
        assert!(finished.stderr.contains(named), "{args}: {finished:#?}");
    }
}

#[test]
fn spool_without_a_backup_producer_is_refused() {
    let finished = Program::example("orders")
        .args(["produce", "--count", "1", "--spool-dir", "spool"])
        .run(DEADLINE);
    assert_eq!(finished.status.code(), Some(1), "{finished:#?}");
    assert!(
        finished.stderr.contains("--producer backup"),
        "{finished:#?}"
    );
}

#[test]
fn values_out_of_bounds_are_named() {
    let server = Server::start().unwrap();
    for (args, named) in [
        ("work --lease-ms 1", "`lease` is 1ms"),
        ("work --workers 0", "`workers` is 0"),
        ("work --max-deliveries 0", "max_deliveries` is 0"),
        ("work --consumer ~me", "`consumer`"),
        ("produce --count 1 --stream {}", "{}"),
    ] {
        let finished = orders(&server, args).run(DEADLINE);
        assert_eq!(finished.status.code(), Some(1), "{args}: {finished:#?}");
        assert!(finished.stderr.contains(named), "{args}: {finished:#?}");
    }
}

#[test]
fn password_never_shows() {
    const WRONG: &str = "s3cret-and-wrong";
    let server = Server::options().password("right").start().unwrap();
    let url = format!("redis://:{WRONG}@127.0.0.1:{}", server.port());
    for args in ["produce --count 2", "work", "status", "dead list"] {
        let finished = orders(&server, args)
            .env("RUST_LOG", "trace")
            .redis_url(&url)
            .run(DEADLINE);
        assert_eq!(finished.status.code(), Some(1), "{args}: {finished:#?}");
        assert!(finished.stderr.contains("password"), "{finished:#?}");
        let said = finished.stdout + &finished.stderr;
        assert!(!said.contains(WRONG) && !said.contains("right"), "{said}");
    }
    let finished = orders(&server, "produce --count 2").run(DEADLINE);
    assert!(finished.status.success(), "{finished:#?}");
}

#[test]
fn file_that_cannot_be_opened_is_named() {
    let server = Server::start().unwrap();
    let finished = orders(&server, "work --done /no/such/folder/done").run(DEADLINE);
    assert_eq!(finished.status.code(), Some(1));
    assert!(
        finished.stderr.contains("opening /no/such/folder/done"),
        "{finished:#?}"
    );
}

#[test]
fn server_that_is_away_is_an_error_at_once() {
    let server = Server::start().unwrap();
    server.stop();
    for args in ["produce --count 2", "work", "status", "dead list"] {
        let finished = orders(&server, args).run(DEADLINE);
        assert_eq!(finished.status.code(), Some(1), "{args}: {finished:#?}");
        let port = server.port().to_string();
        assert!(finished.stderr.contains(&port), "{args}: {finished:#?}");
    }
}
