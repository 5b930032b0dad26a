//! Consumers move entries back from the backup stream without an open producer, by
//! settings that belong to the stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use stream_lib::{
    Added, BackupStreamConfig, ConnectionConfig, Consumer, ConsumerConfig, Delivery, ErrorKind,
    RawMessage, StreamConfig, StreamManager,
};
use stream_tests::{LogCapture, Server, wait_until};

use crate::{
    BACKUP, DEADLINE, LOCK, Rig, STREAM, connect, hold_drain, length, message, numbers, quick,
    release_drain, wait_for_length,
};

const META: &str = "{orders}:meta";

/// The numbers that a consumer has handled, in its order.
type Handled = Arc<Mutex<Vec<usize>>>;

fn stored(server: &Server, field: &str) -> Option<String> {
    server.command(&["HGET", META, field])
}

/// A process that has put as many messages into a stream of its capacity as it
/// says, and has left.
fn leave_behind(server: &Server, config: BackupStreamConfig, count: usize) {
    let manager = connect(server);
    let producer = manager.create_backup_producer("p", config).unwrap();
    let messages: Vec<_> = (0..count).map(message).collect();
    for added in producer.typed().add_all(&messages) {
        added.unwrap();
    }
}

fn consume(manager: &StreamManager, config: ConsumerConfig) -> (Consumer, Handled) {
    let handled = Handled::default();
    let seen = Arc::clone(&handled);
    let handler = move |delivery: &Delivery<RawMessage>| {
        let number = delivery.get_str("n").unwrap().parse().unwrap();
        seen.lock().push(number);
        Ok(())
    };
    let name = config.settings().stream;
    let consumer = manager.consume(&name, config, handler).unwrap();
    (consumer, handled)
}

#[test]
fn a_consumer_alone_moves_all_back_in_order_and_changes_no_setting() {
    let server = Server::start().unwrap();
    leave_behind(&server, BackupStreamConfig::new(STREAM).max_length(40), 500);
    assert_eq!(
        (length(&server, STREAM), length(&server, BACKUP)),
        (40, 460)
    );
    let manager = connect(&server);
    let (_consumer, handled) = consume(&manager, ConsumerConfig::new(STREAM).workers(1));
    wait_until(DEADLINE, "all to be handled", || {
        handled.lock().len() == 500
    });
    assert_eq!(*handled.lock(), (0..500).collect::<Vec<_>>());
    assert_eq!(length(&server, BACKUP), 0);
    for setting in ["retention:max_length", "backup:capacity"] {
        assert_eq!(stored(&server, setting).as_deref(), Some("40"), "{setting}");
    }
    // Others may drain at once, and need not wait for a lease to lapse.
    wait_until(DEADLINE, "the release of the lock", || {
        server.command::<Option<String>>(&["GET", LOCK]).is_none()
    });
}

#[test]
fn consumers_move_no_more_back_than_the_stream_has_room_for() {
    let server = Server::start().unwrap();
    leave_behind(&server, BackupStreamConfig::new(STREAM).capacity(7), 30);
    crate::make_group(&server);
    let manager = connect(&server);
    let most = Arc::new(AtomicUsize::new(0));
    let (seen, handled) = (Arc::clone(&most), Handled::default());
    let (noted, looks) = (Arc::clone(&handled), server.url());
    let handler = move |delivery: &Delivery<RawMessage>| {
        let mut connection = redis::Client::open(looks.as_str())?.get_connection()?;
        let mut groups = redis::cmd("XINFO");
        groups.arg("GROUPS").arg(STREAM);
        let groups: redis::streams::StreamInfoGroupsReply = groups.query(&mut connection)?;
        let group = &groups.groups[0];
        let backlog = group.pending + group.lag.unwrap_or(0);
        seen.fetch_max(backlog, Ordering::SeqCst);
        noted.lock().push(delivery.get_str("n").unwrap().parse()?);
        Ok(())
    };
    let config = ConsumerConfig::new(STREAM).workers(1);
    manager.consume(STREAM, config, handler).unwrap();
    wait_until(DEADLINE, "all to be handled", || handled.lock().len() == 30);
    assert_eq!(*handled.lock(), (0..30).collect::<Vec<_>>());
    assert!(most.load(Ordering::SeqCst) <= 7, "{most:?}");
}

#[test]
fn a_consumer_that_opts_out_leaves_the_backup_to_others() {
    let server = Server::start().unwrap();
    let manager = connect(&server);
    leave_behind(&server, BackupStreamConfig::new(STREAM).capacity(5), 20);
    leave_behind(&server, BackupStreamConfig::new("zzz").capacity(5), 20);
    let config = ConsumerConfig::new(STREAM).drain_backup(false);
    let (_opted_out, handled) = consume(&manager, config);
    wait_until(DEADLINE, "its own", || handled.lock().len() == 5);
    // The thread that would have looked at the one, too.
    let (_other, others) = consume(&manager, ConsumerConfig::new("zzz"));
    wait_until(DEADLINE, "the others", || others.lock().len() == 20);
    assert_eq!((handled.lock().len(), length(&server, BACKUP)), (5, 15));
}

#[test]
fn a_consumer_without_the_right_to_it_says_so_once_and_goes_on() {
    let server = Server::start().unwrap();
    let log = LogCapture::start();
    let name = "orders-unpermitted";
    leave_behind(&server, BackupStreamConfig::new(name).capacity(5), 20);
    let keys = [
        "meta",
        "dead",
        "waiting:*",
        "members:*",
        "facts:*",
        "hold:*",
        "rate:*",
        "lock:*",
        "spools",
    ];
    let keys = keys.map(|end| format!("~{{{name}}}:{end}"));
    let mut words = vec!["ACL", "SETUSER", "worker", "on", ">secret", "+@all"];
    let stream = format!("~{name}");
    words.push(&stream);
    words.extend(keys.iter().map(String::as_str));
    server.command::<()>(&words);
    let url = server.url().replacen("://", "://worker:secret@", 1);
    let config = ConnectionConfig::new(&url).unwrap();
    let manager = StreamManager::connect_with(config).unwrap();
    let (consumer, handled) = consume(&manager, ConsumerConfig::new(name));
    let lines = || log.containing("don't move back from its backup stream");
    wait_until(DEADLINE, "a line", || !lines().is_empty());
    wait_until(DEADLINE, "its own", || handled.lock().len() == 5);
    manager
        .create_simple_producer("p", StreamConfig::new(name))
        .unwrap()
        .typed()
        .add(&message(99))
        .unwrap();
    wait_until(DEADLINE, "one more", || handled.lock().len() == 6);
    assert!(consumer.is_running());
    let lines = lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].text.contains(name), "{lines:?}");
}

#[test]
fn length_and_capacity_are_two_settings() {
    let rig = Rig::still(quick(1_000).capacity(5));
    assert_eq!(rig.placed(0..20), (5, 15));
    wait_until(DEADLINE, "the settings", || {
        let both = ["retention:max_length", "backup:capacity"];
        both.map(|field| stored(&rig.server, field)) == [Some("1000".into()), Some("5".into())]
    });
    let name = stored(&rig.server, "backup:name");
    assert_eq!(name.as_deref(), Some(BACKUP));
    let error = rig
        .manager
        .create_backup_producer("q", quick(5).capacity(0))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn a_producer_that_asks_for_no_capacity_goes_by_the_stored_one() {
    let rig = Rig::still(quick(1_000).capacity(5));
    assert_eq!(rig.placed(0..5), (5, 0));
    wait_until(DEADLINE, "the capacity", || {
        stored(&rig.server, "backup:capacity").is_some()
    });
    let other = connect(&rig.server);
    let producer = other
        .create_backup_producer("p", BackupStreamConfig::new(STREAM))
        .unwrap()
        .typed();
    wait_until(DEADLINE, "the stored capacity to hold", || {
        matches!(producer.add(&message(6)), Ok(Added::Backup(_)))
    });
    let capacity = stored(&rig.server, "backup:capacity");
    assert_eq!(capacity.as_deref(), Some("5"), "defaults replace nothing");
}

#[test]
fn a_differing_capacity_replaces_the_stored_one_with_a_warning() {
    let log = LogCapture::start();
    let rig = Rig::still(quick(5));
    assert_eq!(rig.placed(0..6), (5, 1));
    wait_until(DEADLINE, "the first capacity", || {
        stored(&rig.server, "backup:capacity").as_deref() == Some("5")
    });
    let other = connect(&rig.server);
    other
        .create_backup_producer("p", quick(20).backup_stream("{orders}:spare"))
        .unwrap();
    let said = |words: [&str; 2]| {
        let lines = log.containing("`orders`");
        let said = |line: &&stream_tests::LogLine| words.iter().all(|w| line.text.contains(w));
        lines.iter().filter(said).count()
    };
    wait_until(DEADLINE, "both warnings", || {
        said(["capacity of", "now 20, in place of 5"]) == 1
            && said([
                "backup stream of",
                "now `{orders}:spare`, in place of `{orders}:backup`",
            ]) == 1
    });
    assert_eq!(
        stored(&rig.server, "backup:capacity").as_deref(),
        Some("20")
    );
    // It holds for the one whose capacity was replaced, too: with its next step.
    release_drain(&rig.server);
    wait_for_length(&rig.server, BACKUP, 0);
    wait_until(DEADLINE, "room", || {
        matches!(rig.producer().add(&message(6)), Ok(Added::Main(_)))
    });
    assert!(numbers(&rig.server, STREAM).starts_with(&[0, 1, 2, 3, 4, 5]));
}

#[test]
fn a_producer_that_ends_at_once_has_told_the_stream_of_its_backup() {
    let server = Server::start().unwrap();
    for number in 0..20 {
        let name = format!("orders-{number}");
        let manager = connect(&server);
        let config = BackupStreamConfig::new(&name).capacity(1);
        let producer = manager.create_backup_producer("p", config).unwrap().typed();
        producer.add(&message(0)).unwrap();
        assert!(matches!(producer.add(&message(1)), Ok(Added::Backup(_))));
        manager.shutdown();
        let told: Vec<Option<String>> = server.command(&[
            "HMGET",
            &format!("{{{name}}}:meta"),
            "backup:name",
            "backup:capacity",
        ]);
        let expected = [Some(format!("{{{name}}}:backup")), Some("1".to_owned())];
        assert_eq!(told, expected);
    }
}

#[test]
fn a_stream_that_has_forgotten_its_backup_is_told_again() {
    let rig = Rig::new(quick(5));
    let both = || {
        [
            stored(&rig.server, "backup:name"),
            stored(&rig.server, "backup:capacity"),
        ]
    };
    let known = [Some(BACKUP.to_owned()), Some("5".to_owned())];
    wait_until(DEADLINE, "both to be stored", || both() == known);
    rig.server.command::<()>(&["FLUSHALL"]);
    wait_until(DEADLINE, "both to be stored again", || both() == known);
}

#[test]
fn a_backup_of_another_name_is_counted_drained_and_deleted_without_its_producer() {
    let server = Server::start().unwrap();
    let config = BackupStreamConfig::new(STREAM).capacity(5);
    leave_behind(&server, config.backup_stream("{orders}:spare"), 20);
    let manager = connect(&server);
    assert_eq!(manager.stream_stats(STREAM).unwrap().backup, 15);
    let (_consumer, handled) = consume(&manager, ConsumerConfig::new(STREAM));
    wait_until(DEADLINE, "all to be handled", || handled.lock().len() == 20);
    manager.remove_consumer(STREAM).unwrap();
    hold_drain(&server);
    assert!(manager.delete_stream(STREAM).unwrap());
    let left: Vec<String> = server.command(&["KEYS", "*"]);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_consumer_that_does_not_run_moves_nothing() {
    let server = Server::start().unwrap();
    leave_behind(&server, BackupStreamConfig::new(STREAM).capacity(5), 20);
    leave_behind(&server, BackupStreamConfig::new("zzz").capacity(5), 20);
    // Without a group, so that there would be room.
    server.command::<()>(&["XTRIM", STREAM, "MAXLEN", "0"]);
    let manager = connect(&server);
    let idle = manager
        .create_consumer(
            STREAM,
            ConsumerConfig::new(STREAM),
            |_: &Delivery<RawMessage>| Ok(()),
        )
        .unwrap();
    let (_other, others) = consume(&manager, ConsumerConfig::new("zzz"));
    wait_until(DEADLINE, "the others", || others.lock().len() == 20);
    assert_eq!(length(&server, BACKUP), 15);
    idle.start().unwrap();
    wait_for_length(&server, BACKUP, 0);
}
