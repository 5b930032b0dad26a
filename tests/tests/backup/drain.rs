//! The drain: entries move back from the backup stream.

use std::time::Duration;

use redis::Value;
use redis::streams::StreamRangeReply;
use stream_lib::RawMessage;
use stream_tests::{Direction, LogCapture, Proxy, Server, wait_for, wait_until};

use crate::{
    BACKUP, DEADLINE, LOCK, Rig, STREAM, connect, connect_to, hold_drain, length, make_group,
    message, numbers, quick, release_drain, wait_for_length,
};

#[test]
fn entries_move_back_in_order_as_far_as_there_is_room() {
    let rig = Rig::still(quick(5));
    rig.make_group();
    rig.placed(0..30);
    release_drain(&rig.server);
    for round in 1..6 {
        assert_eq!(rig.consume(100), 5);
        wait_for_length(&rig.server, BACKUP, 25 - 5 * round);
        assert_eq!(length(&rig.server, STREAM), 5 + 5 * round);
    }
    assert_eq!(numbers(&rig.server, STREAM), (0..30).collect::<Vec<_>>());
    // The order holds for what is added afterwards, too.
    rig.consume(100);
    assert_eq!(rig.placed(30..31), (1, 0));
}

#[test]
fn fields_come_back_byte_for_byte_with_their_first_id_behind_them() {
    let rig = Rig::still(quick(1));
    rig.make_group();
    rig.placed(0..1);
    let odd = RawMessage::new()
        .with("b", "2")
        .with([0xff, 0x00, b'\n'], [0xfe, b'\r', b'\n'])
        .with("b", "1")
        .with("", "");
    let first = rig.producer().add(&odd).unwrap().id().unwrap().to_string();
    // As if it had been moved before.
    rig.server
        .command::<()>(&["XADD", BACKUP, "*", "a", "1", "~origin", "7-7", "b", "2"]);
    release_drain(&rig.server);
    rig.consume(1);
    wait_for_length(&rig.server, BACKUP, 1);
    rig.consume(1);
    wait_for_length(&rig.server, BACKUP, 0);

    let entries: Vec<(String, Vec<Vec<u8>>)> = rig.server.command(&["XRANGE", STREAM, "-", "+"]);
    let expected: Vec<&[u8]> = vec![
        b"b",
        b"2",
        b"\xff\x00\n",
        b"\xfe\r\n",
        b"b",
        b"1",
        b"",
        b"",
        b"~origin",
        first.as_bytes(),
    ];
    assert_eq!(entries[1].1, expected);
    let expected: Vec<&[u8]> = vec![b"a", b"1", b"~origin", b"7-7", b"b", b"2"];
    assert_eq!(entries[2].1, expected);
}

#[test]
fn an_emptied_backup_keeps_its_key_and_last_id() {
    let rig = Rig::new(quick(1));
    rig.make_group();
    let last = {
        hold_drain(&rig.server);
        rig.placed(0..1);
        rig.producer().add(&message(1)).unwrap().id().unwrap()
    };
    release_drain(&rig.server);
    rig.consume(1);
    wait_for_length(&rig.server, BACKUP, 0);
    let info: redis::streams::StreamInfoStreamReply =
        rig.server.command(&["XINFO", "STREAM", BACKUP]);
    assert_eq!(info.last_generated_id, last.to_string());
}

#[test]
fn one_process_drains_and_another_takes_over_when_it_dies() {
    let server = Server::start().unwrap();
    make_group(&server);
    // A process that holds the lease, and shows no sign of life any more.
    server.command::<()>(&["SET", LOCK, "the dead", "PX", "700"]);
    let rig = Rig::on(server, quick(5).lock_timeout(Duration::from_millis(700)));
    rig.placed(0..20);
    rig.consume(5);
    // As long as the lease is the other's, nothing moves.
    wait_until(DEADLINE, "the end of the lease", || {
        let owner: Option<String> = rig.server.command(&["GET", LOCK]);
        let left = length(&rig.server, BACKUP);
        let owner_after: Option<String> = rig.server.command(&["GET", LOCK]);
        let dead = Some("the dead".to_owned());
        if owner == dead && owner_after == dead {
            assert_eq!(left, 15);
        }
        owner_after != dead
    });
    wait_for_length(&rig.server, BACKUP, 10);
}

#[test]
fn a_lock_that_never_lapses_is_taken_over() {
    let server = Server::start().unwrap();
    make_group(&server);
    server.command::<()>(&["SET", LOCK, "a typing mistake"]);
    let rig = Rig::on(server, quick(5));
    rig.placed(0..8);
    rig.consume(5);
    wait_for_length(&rig.server, BACKUP, 0);
}

#[test]
fn a_shutdown_gives_the_lock_back() {
    let rig = Rig::new(quick(5).lock_timeout(Duration::from_hours(1)));
    rig.make_group();
    rig.placed(0..20);
    let held = |server: &Server| server.command::<Option<String>>(&["GET", LOCK]);
    wait_until(DEADLINE, "the lock", || held(&rig.server).is_some());
    let other = connect(&rig.server);
    other.create_backup_producer("q", quick(5)).unwrap();
    let first = held(&rig.server);
    rig.manager.shutdown();
    // The other goes on at once, not when an hour is over.
    rig.consume(5);
    wait_for_length(&rig.server, BACKUP, 10);
    assert_ne!(held(&rig.server), first);
    other.remove_producer("q").unwrap();
    assert_eq!(held(&rig.server), None);
}

#[test]
fn draining_works_without_memory() {
    let rig = Rig::still(quick(5));
    rig.make_group();
    rig.placed(0..30);
    rig.server
        .command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    release_drain(&rig.server);
    for round in 1..6 {
        assert_eq!(rig.consume(100), 5);
        wait_for_length(&rig.server, BACKUP, 25 - 5 * round);
    }
    rig.server
        .command::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(numbers(&rig.server, STREAM), (0..30).collect::<Vec<_>>());
}

#[test]
fn an_entry_too_large_for_a_script_holds_nothing_up() {
    let log = LogCapture::start();
    let rig = Rig::still(quick(5));
    rig.make_group();
    rig.placed(0..6);
    // By hand; 4,500 fields.
    let pairs: Vec<_> = (0..4_500).map(|n| format!("f{n}")).collect();
    let mut words = vec!["XADD", BACKUP, "*", "n", "6"];
    words.extend(pairs.iter().flat_map(|name| [name.as_str(), "v"]));
    let id: String = rig.server.command(&words);
    rig.placed(7..10);
    release_drain(&rig.server);
    rig.consume(5);
    wait_for_length(&rig.server, BACKUP, 0);
    assert_eq!(numbers(&rig.server, STREAM), (0..10).collect::<Vec<_>>());
    let entries: StreamRangeReply = rig.server.command(&["XRANGE", STREAM, "-", "+"]);
    let large = &entries.ids[6].map;
    assert_eq!(large.len(), 4_502);
    assert_eq!(large["~origin"], Value::BulkString(id.clone().into_bytes()));
    wait_until(DEADLINE, "a report of it", || {
        !log.containing(&id).is_empty()
    });
}

#[test]
fn nothing_is_lost_or_doubled_when_connections_are_cut() {
    const COUNT: usize = 3_000;
    let server = Server::start().unwrap();
    make_group(&server);
    hold_drain(&server);
    let rig = Rig::on(server, quick(5));
    rig.placed(0..COUNT);
    let proxy = Proxy::in_front_of(&rig.server);
    let through = connect_to(&rig.server.url_at(proxy.port()));
    // Only the one behind the proxy drains.
    rig.manager.shutdown();
    let config = quick(COUNT as u64).transfer_batch_size(7);
    through.create_backup_producer("q", config).unwrap();
    release_drain(&rig.server);
    let mut cut = 0;
    while length(&rig.server, BACKUP) > 0 {
        // Some requests are lost, and some replies.
        let direction = [Direction::Requests, Direction::Replies][cut % 2];
        proxy.cut_after(direction, 200 + 37 * (cut as u64 % 11));
        let before = length(&rig.server, BACKUP);
        wait_until(DEADLINE, "some to move", || {
            length(&rig.server, BACKUP) < before || before == 0
        });
        cut += 1;
    }
    assert!(cut > 3, "{cut}");
    assert_eq!(numbers(&rig.server, STREAM), (0..COUNT).collect::<Vec<_>>());
}

#[test]
fn trouble_is_logged_once_and_so_is_its_end() {
    let log = LogCapture::start();
    let server = Server::start().unwrap();
    server.command::<()>(&["SET", "{troubled}:backup", "text"]);
    let manager = connect(&server);
    manager.create_backup_producer("p", "troubled").unwrap();
    let lines = |part: &str| {
        let lines = log.containing("`troubled`");
        lines.iter().filter(|line| line.text.contains(part)).count()
    };
    wait_until(DEADLINE, "a line", || lines("WRONGTYPE") == 1);
    let tries = server.calls("EVALSHA");
    wait_until(DEADLINE, "more tries", || {
        server.calls("EVALSHA") > tries + 1
    });
    server.command::<()>(&["DEL", "{troubled}:backup"]);
    wait_until(DEADLINE, "a last line", || lines("works again") == 1);
    assert_eq!(lines(""), 2, "{:?}", log.containing("`troubled`"));
}

#[test]
fn a_frozen_server_does_not_hold_up_the_shutdown_for_long() {
    let rig = Rig::new(quick(5));
    rig.make_group();
    rig.placed(0..10);
    rig.server.freeze();
    let manager = rig.manager;
    let done = std::thread::Builder::new()
        .spawn(move || drop(manager))
        .unwrap();
    wait_until(DEADLINE / 2, "the shutdown", || done.is_finished());
    rig.server.thaw();
    done.join().unwrap();
}

#[test]
fn added_entries_end_the_wait_of_an_idle_drain() {
    // Left to itself it would look again in a minute.
    let config = quick(5).slow_timeout(Duration::from_mins(1));
    let rig = Rig::new(config);
    rig.make_group();
    rig.placed(0..10);
    rig.consume(5);
    wait_for(DEADLINE, "the moved entries", || {
        (length(&rig.server, BACKUP) == 0).then_some(())
    });
}
