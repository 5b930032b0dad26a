//! Redis's marks of spools, and how long they last.

use std::path::Path;
use std::time::{Duration, Instant};

use stream_lib::{Added, BackupStreamConfig, ConnectionConfig, StreamConfig, StreamManager};
use stream_tests::{Fsync, Server, wait_until};
use tempfile::TempDir;

use crate::{DEADLINE, Rig, STREAM, connect, message, numbers, quick};

const MARKS: &str = "{orders}:spools";
const META: &str = "{orders}:meta";

fn spooling(dir: &Path) -> BackupStreamConfig {
    quick(100_000)
        .spool_dir(dir)
        .spool_grace(Duration::from_secs(10))
}

fn rig(dir: &Path) -> Rig {
    let server = Server::options().appendonly(Fsync::Always).start().unwrap();
    Rig::on(server, spooling(dir))
}

/// The marks by spool: the number, and when it lapses.
fn marks(server: &Server) -> Vec<(String, String, u64)> {
    let marks: Vec<(String, String)> = server.command(&["HGETALL", MARKS]);
    let read = |(spool, mark): (String, String)| {
        let (number, lapses) = mark.split_once(' ').unwrap();
        (spool, number.to_owned(), lapses.parse().unwrap())
    };
    marks.into_iter().map(read).collect()
}

fn server_ms(server: &Server) -> u64 {
    let (seconds, _): (u64, u64) = server.command(&["TIME"]);
    seconds * 1_000
}

#[test]
fn mark_stands_apart_from_the_settings_and_ends_with_an_orderly_close() {
    let dir = TempDir::new().unwrap();
    let rig = rig(dir.path());
    assert_eq!(rig.placed(0..3), (3, 0));
    let stand = marks(&rig.server);
    assert_eq!(stand.len(), 1);
    let month = Duration::from_hours(30 * 24).as_secs() * 1_000;
    assert!(stand[0].2 > server_ms(&rig.server) + month - 3_600_000);
    let fields: Vec<String> = rig.server.command(&["HKEYS", META]);
    assert!(!fields.iter().any(|f| f.starts_with("spool")), "{fields:?}");
    rig.manager.remove_producer("p").unwrap();
    assert!(marks(&rig.server).is_empty());
    // The next life begins with another one.
    rig.manager
        .create_backup_producer("p", spooling(dir.path()))
        .unwrap();
    assert_eq!(rig.placed(3..5), (2, 0));
    assert_eq!(marks(&rig.server)[0].0, stand[0].0);
    assert!(marks(&rig.server)[0].1 > stand[0].1);
    rig.manager.shutdown();
    assert!(marks(&rig.server).is_empty());
    assert!(numbers(&rig.server, STREAM).into_iter().eq(0..5));
}

#[test]
fn mark_stays_while_the_spool_holds_messages() {
    let dir = TempDir::new().unwrap();
    let server = Server::options().appendonly(Fsync::Always).start().unwrap();
    let brief = || spooling(dir.path()).spool_grace(Duration::from_millis(10));
    let rig = Rig::on(server, brief());
    assert_eq!(rig.placed(0..1), (1, 0));
    let full = ["CONFIG", "SET", "maxmemory", "1"];
    rig.server.command::<()>(&full);
    assert_eq!(rig.add(1..2)[0].as_ref().unwrap(), &Added::Spooled);
    rig.manager.remove_producer("p").unwrap();
    assert_eq!(marks(&rig.server).len(), 1);
    rig.server
        .command::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    rig.manager.create_backup_producer("p", brief()).unwrap();
    wait_until(DEADLINE, "an empty spool", || {
        rig.manager.spool_stats("p").unwrap().unwrap().messages == 0
    });
    rig.manager.remove_producer("p").unwrap();
    assert!(marks(&rig.server).is_empty());
}

/// As a spool of an earlier version left it: what Redis has is not added again.
#[test]
fn mark_of_an_earlier_version_is_found_and_moves() {
    let dir = TempDir::new().unwrap();
    let rig = rig(dir.path());
    assert_eq!(rig.placed(0..1), (1, 0));
    rig.server.kill();
    assert!(
        rig.add(1..4)
            .iter()
            .all(|a| matches!(a, Ok(Added::Spooled)))
    );
    rig.manager.shutdown();
    rig.server.restart();
    let (spool, mark, _) = marks(&rig.server).remove(0);
    // The earlier version has sent two of the three, and died before it knew.
    let sent = format!("{:020}", mark.parse::<u64>().unwrap() + 2);
    let field = format!("spool:{spool}");
    rig.server.command::<()>(&["HSET", META, &field, &sent]);
    rig.server.command::<()>(&["DEL", MARKS]);
    let manager = connect(&rig.server);
    manager
        .create_backup_producer("p", spooling(dir.path()))
        .unwrap();
    wait_until(DEADLINE, "an empty spool", || {
        manager.spool_stats("p").unwrap().unwrap().messages == 0
    });
    assert_eq!(numbers(&rig.server, STREAM), [0, 3]);
    let left: bool = rig.server.command(&["HEXISTS", META, &field]);
    assert!(!left, "it has moved");
    assert_eq!(marks(&rig.server).len(), 1);
}

/// Redis forgets (a flush, a failover that lost its last writes), and adds go on.
#[test]
fn mark_that_vanishes_in_the_midst_of_a_life_is_made_again() {
    let dir = TempDir::new().unwrap();
    let rig = rig(dir.path());
    assert_eq!(rig.placed(0..2), (2, 0));
    rig.server.command::<()>(&["DEL", MARKS]);
    assert_eq!(rig.placed(2..4), (2, 0));
    assert_eq!(marks(&rig.server).len(), 1);
    assert!(numbers(&rig.server, STREAM).into_iter().eq(0..4));
}

#[test]
fn lapsed_marks_go_when_other_spools_begin_and_fresh_ones_stay() {
    let dir = TempDir::new().unwrap();
    let server = Server::start().unwrap();
    let hour = server_ms(&server) + 3_600_000;
    let number = format!("{:020}", 7);
    let mut words = vec!["HSET".to_owned(), MARKS.to_owned()];
    for n in 0..20 {
        words.extend([format!("lapsed-{n}"), format!("{number} 1000")]);
        words.extend([format!("fresh-{n}"), format!("{number} {hour}")]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    server.command::<()>(&words);
    let mut lives = 0;
    // Each life looks at a sample.
    while marks(&server)
        .iter()
        .any(|(spool, ..)| spool.starts_with("lapsed"))
    {
        let manager = connect(&server);
        manager
            .create_backup_producer("p", spooling(dir.path()))
            .unwrap();
        manager.add_to("p", &message(lives)).unwrap();
        manager.shutdown();
        lives += 1;
        assert!(lives < 100);
    }
    assert_eq!(marks(&server).len(), 20, "the fresh ones");
}

#[test]
fn deleting_a_stream_deletes_the_marks() {
    let dir = TempDir::new().unwrap();
    let rig = rig(dir.path());
    assert_eq!(rig.placed(0..1), (1, 0));
    let elsewhere = connect(&rig.server);
    assert!(elsewhere.delete_stream(STREAM).unwrap());
    assert!(marks(&rig.server).is_empty());
    assert_eq!(rig.placed(1..2), (1, 0));
}

/// A hung server: the spool takes the message when `send_timeout` is over, and not
/// when an answer is overdue.
#[test]
fn spooled_add_waits_for_a_hung_server_no_longer_than_it_may() {
    let dir = TempDir::new().unwrap();
    let server = Server::options().appendonly(Fsync::Always).start().unwrap();
    let overdue = Duration::from_mins(2);
    let config = ConnectionConfig::new(server.url()).unwrap();
    let manager = StreamManager::connect_with(config.response_timeout(overdue)).unwrap();
    let stream = StreamConfig::new(STREAM).send_timeout(Duration::from_millis(200));
    let config = BackupStreamConfig::from(stream).spool_dir(dir.path());
    manager.create_backup_producer("p", config).unwrap();
    manager.add_to("p", &message(0)).unwrap();
    server.freeze();
    let begin = Instant::now();
    let added = manager.add_to("p", &message(1));
    let took = begin.elapsed();
    server.thaw();
    assert_eq!(added.unwrap(), Added::Spooled);
    assert!(took < overdue / 2, "{took:?}");
    wait_until(DEADLINE, "both", || {
        numbers(&server, STREAM).into_iter().eq(0..2)
    });
}
