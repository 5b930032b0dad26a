//! The first program of the README, run as it stands there.

use std::fs;
use std::path::Path;

use stream_tests::Server;
use tempfile::TempDir;

#[test]
fn first_program_completes_the_order_that_it_adds() {
    let server = Server::start().unwrap();
    let readme = include_str!("../../../README.md");
    let (_, from_code) = readme.split_once("```rust,no_run\n").unwrap();
    let (code, _) = from_code.split_once("```").unwrap();
    let url = "redis://127.0.0.1:6379";
    assert!(code.contains(url), "{code}");
    let dir = TempDir::new().unwrap();
    let program = dir.path().join("readme.rs");
    fs::write(&program, code.replace(url, &server.url())).unwrap();

    // What has to compile also runs, to its end.
    trybuild::TestCases::new().pass(&program);
    let [groups]: [redis::Value; 1] = server.command(&["XINFO", "GROUPS", "orders"]);
    let groups: std::collections::HashMap<String, redis::Value> =
        redis::from_redis_value(groups).unwrap();
    let number = |field| redis::from_redis_value_ref::<u64>(&groups[field]).unwrap();
    assert_eq!((number("entries-read"), number("pending")), (1, 0));
}

#[test]
fn every_link_works_from_a_packed_crate_too() {
    let readme = include_str!("../../../README.md");
    let inline = readme.match_indices("](").map(|(at, _)| &readme[at + 2..]);
    let named = readme.lines().filter_map(|line| {
        let (name, target) = line.split_once("]: ")?;
        name.starts_with('[').then_some(target)
    });
    let targets: Vec<_> = inline.chain(named).collect();
    assert!(!targets.is_empty());
    for target in targets {
        // Where there is no such file, its words are shown.
        if target.starts_with("docs/dashboard.png)") {
            let picture = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/dashboard.png");
            assert!(Path::new(picture).is_file());
            continue;
        }
        let is_absolute = target.starts_with("https://") || target.starts_with('#');
        let shown = target.get(..60.min(target.len()));
        assert!(is_absolute, "a packed crate has no such file: {shown:?}");
    }
}
