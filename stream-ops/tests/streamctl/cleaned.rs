//! Cleanups in steps, over partitions too.

use stream_tests::Server;

use crate::plans::eval;
use crate::support::{run, send};

/// A stream `log` in two partitions of 130 entries each, which all groups have read; 10
/// of each are to stay.
fn with_partitions() -> Server {
    let server = Server::start().unwrap();
    send(&server, &["HSET", "{log}:meta", "partitions", "2"]);
    for part in ["{log:0}", "{log:1}"] {
        let fill = "for i = 1, 130 do redis.call('XADD', KEYS[1], '*', 'a', 'b') end";
        eval(&server, &[fill, "1", part]);
        send(&server, &["XGROUP", "CREATE", part, "g", "$"]);
        for (name, value) in [("max_length", "10"), ("min_retention_count", "0")] {
            let field = format!("retention:{name}");
            send(&server, &["HSET", &format!("{part}:meta"), &field, value]);
        }
    }
    server
}

fn lengths(server: &Server) -> [u64; 2] {
    ["{log:0}", "{log:1}"].map(|part| server.command(&["XLEN", part]))
}

#[test]
fn all_partitions_are_cleaned_and_a_limit_holds_across_them() {
    let server = with_partitions();
    let ran = run(&server, "retention run log").ended(0);
    assert!(
        ran.out
            .starts_with("Would remove 240 of 260 entries from `log`"),
        "{}",
        ran.out
    );
    assert_eq!(lengths(&server), [130, 130]);
    // The limit ends in a step, in the second partition.
    let ran = run(&server, "retention run log --limit 133 --yes").ended(0);
    assert!(ran.out.ends_with("Removed 133 entries.\n"), "{}", ran.out);
    assert_eq!(lengths(&server), [10, 117]);
    let json = run(&server, "retention run log --yes -o json")
        .ended(0)
        .json();
    assert_eq!(
        (&json["done"], &json["count"], &json["left_alone"]),
        (&107.into(), &107.into(), &serde_json::json!({}))
    );
    assert_eq!(lengths(&server), [10, 10]);
    let audit = run(&server, "audit -o json").json();
    assert_eq!(audit["changes"][0]["done"], "107");
}
