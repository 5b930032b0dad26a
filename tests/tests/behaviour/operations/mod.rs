//! Inspection and repair: schemas, entries, groups, pending entries, dead letters by
//! kinds, and all streams of a server.

mod dead;
mod dead_since;
mod finding;
mod groups;
mod peeking;
mod pending;
mod schemas;
mod secrets;

use std::collections::BTreeMap;

use stream_lib::{EntryAddress, EntryId, StreamManager};
use stream_tests::Server;

use crate::support::ask;

/// Names and values.
type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// The ids of a stream's entries, in order.
#[track_caller]
fn ids(server: &Server, stream: &str) -> Vec<EntryId> {
    let entries: Vec<(String, Pairs)> = ask(server, &format!("XRANGE {stream} - +"));
    entries.iter().map(|(id, _)| id.parse().unwrap()).collect()
}

/// The same, as entries of a stream without partitions.
#[track_caller]
fn addresses(server: &Server, stream: &str) -> Vec<EntryAddress> {
    ids(server, stream).into_iter().map(Into::into).collect()
}

/// Streams by name, with their kinds.
#[track_caller]
fn found(manager: &StreamManager) -> BTreeMap<String, stream_lib::FoundStream> {
    let mut all = BTreeMap::new();
    for step in manager.find_streams().unwrap() {
        for stream in step.unwrap() {
            let name = stream.name.clone();
            assert!(
                all.insert(name.clone(), stream).is_none(),
                "{name} comes twice"
            );
        }
    }
    all
}

/// A member's sign of life, good or lapsed.
#[track_caller]
fn give_sign(server: &Server, stream: &str, group: &str, name: &str, is_good: bool) {
    let (seconds, _): (u64, u64) = ask(server, "TIME");
    let till = if is_good { (seconds + 600) * 1_000 } else { 1 };
    let _: u64 = ask(
        server,
        &format!("ZADD {{{stream}}}:members:{group} {till} {name}"),
    );
}
