//! The rights that the README lists suffice.

use stream_lib::StreamManager;
use stream_tests::{Program, Server};

use crate::DEADLINE;
use crate::support::last_line;

/// The rules of the README's user, with the stream `orders`.
fn rules_of_the_readme() -> &'static str {
    let readme = include_str!("../../../README.md");
    let (_, line) = readme.split_once("ACL SETUSER ").unwrap();
    line.lines().next().unwrap()
}

#[test]
fn the_rights_of_the_readme_suffice_for_the_orders_program_and_for_deleting() {
    let rules = rules_of_the_readme();
    let server = Server::options().user(rules).start().unwrap();
    let (name, _) = rules.split_once(' ').unwrap();
    let url = format!("redis://{name}:password@127.0.0.1:{}", server.port());
    let dir = tempfile::tempdir().unwrap();
    let spooling = format!(
        "produce --count 5 --prefix S --producer backup --max-length 100000 --spool-dir {}",
        dir.path().display()
    );
    for (args, last) in [
        ("produce --count 20", "produced 20 main 0 backup 0 spooled"),
        (
            "produce --count 40 --prefix B --producer backup --max-length 40",
            "produced 20 main 20 backup 0 spooled",
        ),
        (
            "work --workers 2 --fail-every 7 --fail-on P-3 --max-deliveries 2 --backoff-ms 20 \
             --lease-ms 500 --exit-when-idle 700",
            "completed 59 failed",
        ),
        ("dead list", "{"),
        ("dead redrive", "redriven 1"),
        ("trim --priority low --max-length 10", ""),
        ("status", "{"),
        (&spooling, "produced 5 main 0 backup 0 spooled"),
    ] {
        let program = Program::example("orders").args(args.split_whitespace());
        let finished = program.redis_url(&url).run(DEADLINE);
        assert!(finished.status.success(), "{args}: {finished:#?}");
        assert!(last_line(&finished).starts_with(last), "{finished:#?}");
    }
    let manager = StreamManager::connect(&url).unwrap();
    manager
        .dead_letters("orders")
        .unwrap()
        .remove_all()
        .unwrap();
    assert!(manager.delete_stream("orders").unwrap());
    let denied: Vec<redis::Value> = server.command(&["ACL", "LOG"]);
    assert!(denied.is_empty(), "{denied:#?}");
}
