//! Headers of users on the way through producers, backup streams and redrives.

use std::time::Duration;

use stream_lib::{
    Added, BackupStreamConfig, ConsumerConfig, Envelope, ErrorKind, HandlerError, Producer,
    RawMessage, StreamConfig, StreamMessage,
};
use stream_tests::{Fsync, Server, wait_until};

use crate::{
    BACKUP, DEADLINE, Rig, STREAM, length, message, quick, release_drain, wait_for_length,
};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[derive(StreamMessage)]
#[stream(name = "orders")]
struct Order {
    n: usize,
}

/// Names and values of the entries of a stream.
fn entries(server: &Server, key: &str) -> Vec<Vec<String>> {
    let entries: Vec<(String, Vec<String>)> = server.command(&["XRANGE", key, "-", "+"]);
    entries.into_iter().map(|(_, fields)| fields).collect()
}

fn add_traced(producer: &Producer<RawMessage>, n: usize) -> Added {
    producer
        .with(&message(n))
        .header("traceparent", TRACE)
        .header("b", [0x62])
        .add()
        .unwrap()
}

const TRACED: [&str; 6] = ["n", "7", "~h:traceparent", TRACE, "~h:b", "b"];

#[test]
fn headers_and_key_go_by_every_producer_and_every_way() {
    let rig = Rig::still(quick(100));
    let dir = tempfile::tempdir().unwrap();
    let spooled = quick(100).spool_dir(dir.path().join("spool"));
    let manager = &rig.manager;
    manager
        .create_simple_producer("s", StreamConfig::new(STREAM))
        .unwrap();
    manager.create_backup_producer("spooled", spooled).unwrap();
    for name in ["s", "p", "spooled"] {
        rig.server.command::<()>(&["DEL", STREAM]);
        let producer: Producer<RawMessage> = manager.producer(name).unwrap();
        let added = add_traced(&producer, 7);
        assert!(matches!(added, Added::Main(_)), "{added:?}");
        let seven = message(7);
        let sent = producer.with(&seven).header("a", "1").send().unwrap();
        sent.wait().unwrap();
        let draft = || producer.with(&seven).idempotency_key(name).header("a", "1");
        let first = draft().add().unwrap();
        let again = draft().send().unwrap().wait().unwrap();
        assert_eq!(again, Added::Duplicate(first.id().unwrap()));
        let own = String::from(name);
        let other = format!("{own}-2");
        let batch = [
            Envelope::from(&seven),
            Envelope::new(&seven).header("a", b"1"),
            Envelope::new(&seven).idempotency_key(&own),
            Envelope::new(&seven)
                .idempotency_key(other.clone())
                .header("a", "1"),
        ];
        let added: Vec<_> = producer
            .add_all(batch)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(added[2], again, "{name}");
        let expected: [&[&str]; 6] = [
            &TRACED,
            &["n", "7", "~h:a", "1"],
            &["n", "7", "~key", name, "~h:a", "1"],
            &["n", "7"],
            &["n", "7", "~h:a", "1"],
            &["n", "7", "~key", &other, "~h:a", "1"],
        ];
        assert_eq!(entries(&rig.server, STREAM), expected, "{name}");
    }
}

#[test]
fn manager_finds_the_producer_when_the_message_goes_out() {
    let rig = Rig::still(quick(100));
    let order = Order { n: 7 };
    let draft = rig.manager.with(&order).header("a", "1");
    rig.manager.remove_producer("p").unwrap();
    rig.manager
        .create_simple_producer("s", StreamConfig::new(STREAM))
        .unwrap();
    draft.add().unwrap();
    let sent = rig.manager.with(&order).idempotency_key("k").send();
    sent.unwrap().wait().unwrap();
    let both = [Envelope::new(&order).header("b", "2"), (&order).into()];
    assert_eq!(rig.manager.add_all(both).unwrap().len(), 2);
    rig.manager.add_all([&order]).unwrap();
    assert_eq!(
        entries(&rig.server, STREAM),
        [
            &["n", "7", "~h:a", "1"][..],
            &["n", "7", "~key", "k"],
            &["n", "7", "~h:b", "2"],
            &["n", "7"],
            &["n", "7"],
        ]
    );
}

#[test]
fn headers_out_of_bounds_add_nothing_and_say_why() {
    let rig = Rig::still(quick(100));
    let producer = rig.producer();
    let seven = message(7);
    let with = || producer.with(&seven);
    let long = "n".repeat(300);
    let most = (0..1_000).fold(with(), |draft, n| draft.header(&n.to_string(), "v"));
    let drafts = [
        (with().header("", "v"), "empty name"),
        (with().header("~id", "v"), "`~`"),
        (with().header(&long, "v"), "256 bytes"),
        (with().header("n", vec![0; 65_537]), "64 KiB"),
        (
            with().idempotency_key("").header("n", "v"),
            "idempotency key",
        ),
        (with().idempotency_key(long.repeat(2)), "idempotency key"),
        (most, "1000"),
    ];
    for (draft, words) in drafts {
        let error = draft.add().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
        let text = error.to_string();
        assert!(text.contains(words) && text.len() < 300, "{text}");
    }
    let results = producer.add_all([
        Envelope::new(&seven),
        Envelope::new(&seven).header("~for", "g"),
        Envelope::new(&seven),
    ]);
    assert!(results[0].is_ok() && results[1].is_err() && results[2].is_ok());
    assert_eq!(length(&rig.server, STREAM), 2);
    let full = (0..999).fold(with(), |draft, n| draft.header(&n.to_string(), "v"));
    full.add().unwrap();
}

#[test]
fn headers_survive_the_backup_stream_and_the_way_back() {
    let rig = Rig::still(quick(1));
    rig.make_group();
    rig.placed(0..1);
    let added = add_traced(&rig.producer(), 7);
    assert!(matches!(added, Added::Backup(_)), "{added:?}");
    assert_eq!(entries(&rig.server, BACKUP), [TRACED]);
    release_drain(&rig.server);
    rig.consume(1);
    wait_for_length(&rig.server, BACKUP, 0);
    let moved = &entries(&rig.server, STREAM)[1];
    assert_eq!(moved[..6], TRACED);
    let first = added.id().unwrap().to_string();
    assert_eq!(moved[6..], ["~origin", first.as_str()]);
}

#[test]
fn headers_survive_the_spool() {
    let server = Server::options().appendonly(Fsync::Always).start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = BackupStreamConfig::new(STREAM)
        .spool_dir(dir.path())
        .spool_grace(Duration::from_millis(50));
    let rig = Rig::on(server, config);
    rig.server.stop();
    assert_eq!(add_traced(&rig.producer(), 7), Added::Spooled);
    rig.server.restart();
    wait_for_length(&rig.server, STREAM, 1);
    assert_eq!(entries(&rig.server, STREAM), [TRACED]);
}

#[test]
fn headers_survive_the_dead_letters_and_the_way_back() {
    let rig = Rig::still(quick(100));
    rig.manager
        .consume_fn::<RawMessage>("c", ConsumerConfig::new(STREAM), |_| {
            Err(HandlerError::permanent("no").into())
        })
        .unwrap();
    add_traced(&rig.producer(), 7);
    let dead = "{orders}:dead";
    wait_for_length(&rig.server, dead, 1);
    assert_eq!(entries(&rig.server, dead)[0][..6], TRACED);
    rig.manager.remove_consumer("c").unwrap();
    let report = rig.manager.dead_letters(STREAM).unwrap().redrive_all();
    assert_eq!(report.unwrap().redriven, 1);
    wait_until(DEADLINE, "the entry to be back", || {
        length(&rig.server, STREAM) == 2
    });
    assert_eq!(entries(&rig.server, STREAM)[1][..6], TRACED);
}
