//! Marks of spools of an earlier version in the meta hash.

use std::collections::BTreeMap;
use std::path::Path;

use stream_tests::Server;
use tempfile::TempDir;

use crate::{connect, message, quick};

const MARKS: &str = "{orders}:spools";
const META: &str = "{orders}:meta";

/// One life of a spool of its own, which looks at a sample.
fn live(server: &Server, dir: &Path) {
    let manager = connect(server);
    let config = quick(100_000).spool_dir(dir);
    manager.create_backup_producer("p", config).unwrap();
    manager.add_to("p", &message(1)).unwrap();
    manager.shutdown();
}

fn hash(server: &Server, key: &str) -> BTreeMap<String, String> {
    let mut hash: BTreeMap<String, String> = server.command(&["HGETALL", key]);
    hash.retain(|name, _| name.starts_with("spool:"));
    hash
}

/// A spool may come back for a month, and its producer may be at work.
#[test]
fn mark_of_an_earlier_version_goes_only_once_it_was_the_same_for_long() {
    let dir = TempDir::new().unwrap();
    let server = Server::start().unwrap();
    let number = |n: u64| format!("{n:020}");
    let (gone, works) = ("spool:gone", "spool:works");
    server.command::<()>(&["HSET", META, gone, &number(7), works, &number(7)]);
    live(&server, dir.path());
    assert_eq!(hash(&server, META).len(), 2, "both stay");
    let notes = hash(&server, MARKS);
    assert_eq!(notes.len(), 2);
    let (seconds, _): (u64, u64) = server.command(&["TIME"]);
    for note in notes.values() {
        let (noted, lapses) = note.split_once(' ').unwrap();
        assert_eq!(noted, number(7));
        let days = (lapses.parse::<u64>().unwrap() / 1_000 - seconds) / 86_400;
        assert!((29..=30).contains(&days), "{days}");
    }
    live(&server, dir.path());
    assert_eq!(
        hash(&server, MARKS),
        notes,
        "the time goes on from the first look"
    );

    // A month later. One of them has been used since.
    let old = format!("{} 1000", number(7));
    server.command::<()>(&["HSET", MARKS, gone, &old, works, &old]);
    server.command::<()>(&["HSET", META, works, &number(8)]);
    live(&server, dir.path());
    assert!(hash(&server, META).into_keys().eq([works.to_owned()]));
    let notes = hash(&server, MARKS);
    assert!(notes.keys().eq([works]));
    assert!(notes[works].starts_with(&number(8)) && !notes[works].ends_with(" 1000"));
}
