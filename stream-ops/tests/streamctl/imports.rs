//! Imports of dead letters: none is added twice, and none where that can't be known.

use stream_tests::Server;

use crate::plans::eval;
use crate::support::{bare, digest, run_with, send};

const DEAD: &str = "{orders}:dead";

/// A server with a stream `orders`.
fn with_stream() -> Server {
    let server = Server::start().unwrap();
    let group = ["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"];
    send(&server, &group);
    server
}

fn length(server: &Server) -> u64 {
    server.command(&["XLEN", DEAD])
}

/// A line of an export: a dead letter of this entry.
fn line(id: u32, entry: &str) -> String {
    format!(
        "{{\"id\":\"{id}-0\",\"fields\":[[\"n\",\"{id}\"],[\"~id\",\"{entry}\"],\
         [\"~group\",\"billing\"],[\"~reason\",\"permanent\"]]}}\n"
    )
}

#[test]
fn a_dead_letter_without_its_entry_is_known_by_its_own_id() {
    let server = with_stream();
    let lines = "{\"id\":\"5-1\",\"fields\":[[\"~reason\",\"permanent\"],[\"a\",\"b\"]]}\n\
                 {\"id\":\"6-1\",\"fields\":[[\"~reason\",\"permanent\"],[\"a\",\"b\"]]}\n";
    run_with(&server, "dlq import orders --yes", lines).ended(0);
    assert_eq!(length(&server), 2);
    let ran = run_with(&server, "dlq import orders --yes", lines).ended(0);
    assert!(ran.out.starts_with("No dead letter is new"), "{}", ran.out);
    assert_eq!(length(&server), 2);
}

#[test]
fn a_dead_letter_without_a_time_died_when_it_was_added() {
    let server = with_stream();
    let letter = ["XADD", DEAD, "*", "~reason", "permanent", "n", "1"];
    send(&server, &letter);
    let ran = run_with(&server, "dlq ls orders", "").ended(0);
    assert!(!ran.out.contains("days ago"), "{}", ran.out);
}

#[test]
fn one_is_found_among_thousands() {
    let server = with_stream();
    // The dead letters of the entries 1-0 to 4500-0.
    let fill = "for i = 1, 4500 do redis.call('XADD', KEYS[1], i .. '-0', 'n', i, \
                '~id', i .. '-0', '~group', 'billing', '~reason', 'permanent') end";
    eval(&server, &[fill, "1", DEAD]);
    let before = digest(&server);
    let lines: String = [1, 1_999, 2_000, 2_001, 4_000, 4_001, 4_500]
        .map(|entry| line(1, &format!("{entry}-0")))
        .concat();
    let ran = run_with(&server, "dlq import orders --yes", &lines).ended(0);
    assert!(
        ran.out
            .starts_with("No dead letter is new to those of `orders`.\n7 are there already"),
        "{}",
        ran.out
    );
    assert_eq!(digest(&server), before);
    run_with(&server, "dlq import orders --yes", &line(9, "4501-0")).ended(0);
    assert_eq!(length(&server), 4_501);
}

#[test]
fn nothing_is_added_where_the_existing_ones_are_not_known() {
    let server = Server::options()
        .user("tool on >pw ~* &* +@all -eval_ro")
        .start()
        .unwrap();
    eval(
        &server,
        &[
            "redis.call('XADD', KEYS[1], '1-0', '~id', '1-0', '~group', 'billing', '~reason', 'x')",
            "1",
            DEAD,
        ],
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), line(1, "1-0")).unwrap();
    let url = server.url().replace("redis://", "redis://tool:pw@");
    let output = bare()
        .args(["--url", &url, "dlq", "import", "orders"])
        .arg(file.path())
        .arg("--yes")
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("eval_ro"), "{err}");
    assert_eq!(length(&server), 1);
}

#[test]
fn dead_letters_of_other_partitions_are_refused() {
    let server = with_stream();
    let letter = line(1, "1-0").replace("\"1-0\",\"fields\"", "\"3:1-0\",\"fields\"");
    let before = digest(&server);
    let lines = line(1, "1-0") + &letter;
    let ran = run_with(&server, "dlq import orders --yes", &lines).ended(2);
    assert!(
        ran.err.contains("line 2: 3:1-0 is of another partition"),
        "{}",
        ran.err
    );
    assert_eq!(digest(&server), before);
}
