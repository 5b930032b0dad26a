//! The route of messages.

use stream_lib::{Added, BackupStreamConfig, ErrorKind, RawMessage, StreamConfig};
use stream_tests::Server;

use crate::{BACKUP, Rig, STREAM, connect, hold_drain, length, message, numbers, quick};

#[test]
fn what_has_no_room_in_the_stream_goes_to_the_backup() {
    let rig = Rig::still(quick(5));
    assert_eq!(rig.placed(0..5), (5, 0));
    assert_eq!(rig.placed(5..7), (0, 2));
    assert_eq!(numbers(&rig.server, STREAM), [0, 1, 2, 3, 4]);
    assert_eq!(numbers(&rig.server, BACKUP), [5, 6]);
}

#[test]
fn a_batch_is_parted_where_the_room_ends() {
    let rig = Rig::still(quick(5));
    let results = rig.add(0..8);
    for (n, added) in results.into_iter().enumerate() {
        let added = added.unwrap();
        assert_eq!(matches!(added, Added::Main(_)), n < 5, "{n}: {added:?}");
    }
    assert_eq!(numbers(&rig.server, STREAM), [0, 1, 2, 3, 4]);
    assert_eq!(numbers(&rig.server, BACKUP), [5, 6, 7]);
}

#[test]
fn ids_are_those_of_the_entries() {
    let rig = Rig::still(quick(1));
    for (added, key) in rig.add(0..2).into_iter().zip([STREAM, BACKUP]) {
        let id = added.unwrap().id().unwrap().to_string();
        let found: redis::streams::StreamRangeReply =
            rig.server.command(&["XRANGE", key, &id, &id]);
        assert_eq!(found.ids.len(), 1, "{id} in {key}");
    }
}

#[test]
fn while_the_backup_holds_anything_everything_goes_there() {
    let rig = Rig::still(quick(5));
    rig.make_group();
    assert_eq!(rig.placed(0..6), (5, 1));
    assert_eq!(rig.consume(5), 5);
    assert_eq!(rig.placed(6..8), (0, 2));
    rig.server
        .command::<()>(&["XTRIM", BACKUP, "MAXLEN", "=", "0"]);
    assert_eq!(rig.placed(8..15), (5, 2));
}

#[test]
fn handled_entries_leave_room_though_they_stay_in_the_stream() {
    let rig = Rig::still(quick(5));
    rig.make_group();
    for round in 0..4 {
        assert_eq!(rig.placed(0..5), (5, 0), "round {round}");
        assert_eq!(rig.consume(100), 5);
    }
    assert_eq!(length(&rig.server, STREAM), 20);
}

#[test]
fn pending_entries_take_room() {
    let rig = Rig::still(quick(5));
    rig.make_group();
    rig.placed(0..5);
    let held = rig.read(5);
    rig.ack(&held[..2]);
    assert_eq!(rig.placed(5..10), (2, 3));
}

#[test]
fn the_group_that_has_most_counts() {
    let rig = Rig::still(quick(5));
    rig.make_group();
    rig.server
        .command::<()>(&["XGROUP", "CREATE", STREAM, "slow", "0"]);
    rig.placed(0..4);
    assert_eq!(rig.consume(4), 4);
    // `slow` has read nothing.
    assert_eq!(rig.placed(4..8), (1, 3));
}

#[test]
fn without_a_group_the_length_counts() {
    let rig = Rig::still(quick(5));
    rig.server.command::<()>(&["XADD", STREAM, "*", "n", "0"]);
    assert_eq!(rig.placed(1..10), (4, 5));
}

#[test]
fn a_full_backup_is_an_error_and_writes_nothing() {
    let rig = Rig::still(quick(2).max_backup_length(3));
    let results = rig.add(0..8);
    for (n, added) in results.iter().enumerate() {
        assert_eq!(added.is_ok(), n < 5, "{n}: {added:?}");
    }
    let error = results[7].as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(error.is_retryable());
    let text = error.to_string();
    assert!(
        text.contains("adding to `orders`") && text.contains("holds 3 entries"),
        "{text}"
    );
    assert_eq!(numbers(&rig.server, STREAM), [0, 1]);
    assert_eq!(numbers(&rig.server, BACKUP), [2, 3, 4]);
}

#[test]
fn a_batch_is_one_command() {
    let config = StreamConfig::new(STREAM).batch_size(50).max_length(120);
    let rig = Rig::still(BackupStreamConfig::from(config));
    rig.placed(0..1);
    let set = |name: &str, value: &str| {
        rig.server.command::<()>(&["CONFIG", "SET", name, value]);
    };
    set("slowlog-max-len", "10000");
    set("slowlog-log-slower-than", "0");
    assert_eq!(rig.placed(1..201), (119, 81));
    set("slowlog-log-slower-than", "-1");
    // Threads of the library run scripts of their own, with few arguments; of
    // many the log keeps 32.
    let sent = logged_commands(&rig.server);
    let batches: Vec<_> = sent.iter().filter(|words| words.len() == 32).collect();
    assert_eq!(batches.len(), 4, "{batches:?}");
    assert!(batches.iter().all(|words| words[0] == "EVALSHA"));
}

/// What clients and their scripts have run while the slow log took everything.
fn logged_commands(server: &Server) -> Vec<Vec<String>> {
    type Logged = (u64, u64, u64, Vec<String>, String, String);
    let log: Vec<Logged> = server.command(&["SLOWLOG", "GET", "-1"]);
    log.into_iter()
        .map(|(_, _, _, words, _, _)| words)
        .collect()
}

#[test]
fn a_server_that_forgot_its_scripts_learns_them_again() {
    let rig = Rig::still(quick(1_000));
    for round in 0..3 {
        rig.server.command::<()>(&["SCRIPT", "FLUSH", "SYNC"]);
        assert_eq!(rig.placed(round * 25..(round + 1) * 25), (25, 0));
    }
    assert_eq!(numbers(&rig.server, STREAM), (0..75).collect::<Vec<_>>());
}

#[test]
fn entries_of_a_thousand_fields_pass_and_larger_ones_are_refused() {
    let rig = Rig::still(quick(5));
    let wide =
        |fields: usize| (0..fields).fold(RawMessage::new(), |m, n| m.with(format!("f{n}"), "v"));
    let messages: Vec<_> = (0..10).map(|_| wide(1_000)).collect();
    for added in rig.producer().add_all(&messages) {
        added.unwrap();
    }
    assert_eq!(length(&rig.server, BACKUP), 5);
    let error = rig.producer().add(&wide(1_001)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
}

#[test]
fn messages_of_one_shape_and_of_many_arrive_as_they_were() {
    let rig = Rig::still(quick(7));
    let shaped = |fields: usize, n: usize| {
        (0..fields).fold(RawMessage::new(), |m, f| {
            m.with(format!("f{f}"), format!("{n}.{f}"))
        })
    };
    let one: Vec<_> = (0..4).map(|n| shaped(3, n)).collect();
    let many: Vec<_> = (1..8).map(|n| shaped(n, n)).collect();
    for messages in [&one, &many] {
        for added in rig.producer().add_all(messages) {
            added.unwrap();
        }
    }
    let written: Vec<Vec<(String, String)>> = [STREAM, BACKUP]
        .into_iter()
        .flat_map(|key| {
            rig.server
                .command::<Vec<(String, Vec<(String, String)>)>>(&["XRANGE", key, "-", "+"])
        })
        .map(|(_, fields)| fields)
        .collect();
    let sent: Vec<Vec<(String, String)>> = one
        .iter()
        .chain(&many)
        .map(|message| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let fields = message.fields();
            fields.iter().map(|(n, v)| (text(n), text(v))).collect()
        })
        .collect();
    assert_eq!(length(&rig.server, BACKUP), 4);
    assert_eq!(written, sent);
}

#[test]
fn a_message_that_cannot_be_written_stops_no_other() {
    let rig = Rig::still(quick(1));
    let messages = [message(0), RawMessage::new(), message(1)];
    let results = rig.producer().add_all(&messages);
    assert!(matches!(results[0], Ok(Added::Main(_))));
    assert_eq!(results[1].as_ref().unwrap_err().kind(), ErrorKind::Encode);
    assert!(matches!(results[2], Ok(Added::Backup(_))));
}

#[test]
fn a_key_of_another_type_is_named() {
    for key in [STREAM, BACKUP] {
        let rig = Rig::still(quick(1));
        rig.server.command::<()>(&["SET", key, "text"]);
        let error = rig.producer().add(&message(0)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
        assert!(
            error.to_string().contains(&format!("the key {key})")),
            "{error}"
        );
    }
}

#[test]
fn a_server_without_memory_refuses_all_and_has_nothing() {
    let rig = Rig::still(quick(2));
    rig.placed(0..1);
    rig.server
        .command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    for added in rig.add(1..5) {
        let error = added.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    }
    rig.server
        .command::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(numbers(&rig.server, STREAM), [0]);
    assert_eq!(length(&rig.server, BACKUP), 0);
    assert_eq!(rig.placed(1..5), (1, 3));
}

#[test]
fn a_backup_stream_may_have_a_name_of_its_own() {
    let rig = Rig::still(quick(1).backup_stream("{orders}:spare"));
    rig.placed(0..3);
    assert_eq!(length(&rig.server, "{orders}:spare"), 2);
    assert_eq!(rig.manager.stream_stats(STREAM).unwrap().backup, 2);

    let error = rig
        .manager
        .create_backup_producer("q", quick(1).backup_stream("elsewhere"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("{orders}:backup"), "{error}");
}

#[test]
fn producers_of_all_kinds_share_names_and_rules() {
    let server = Server::start().unwrap();
    hold_drain(&server);
    let manager = connect(&server);
    manager.create_backup_producer("p", STREAM).unwrap();
    let taken = manager.create_simple_producer("p", StreamConfig::new("x"));
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::AlreadyExists);
    let taken = manager.create_backup_producer("p", "x");
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::AlreadyExists);
    let bad = manager.create_backup_producer("q", quick(0)).unwrap_err();
    assert_eq!(bad.kind(), ErrorKind::Config);
    assert!(bad.to_string().contains("`max_length` is 0"), "{bad}");

    let producer = manager.producer::<RawMessage>("p").unwrap();
    manager.add_to("p", &message(0)).unwrap();
    manager.remove_producer("p").unwrap();
    assert_eq!(
        producer.add(&message(1)).unwrap_err().kind(),
        ErrorKind::Closed
    );
}
