//! Headers that look like other fields, on the longest way of a message.

use std::time::Duration;

use stream_lib::{
    Added, BackupStreamConfig, Delivery, EntryId, ErrorKind, HandlerError, HandlerResult, Producer,
    RawMessage, StreamConfig,
};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Seen, Shop, quick};

type Headers = Vec<(Vec<u8>, Vec<u8>)>;

#[derive(Debug, Clone, PartialEq)]
struct Note {
    headers: Headers,
    original: EntryId,
    redrives: u32,
    attempt: u32,
    age: Duration,
    fields: Vec<String>,
}

/// Notes each delivery, and fails it for good while `fail` says so.
fn noting(
    seen: &Seen<Note>,
    fail: impl Fn(&Delivery<RawMessage>) -> bool + Send + Sync + 'static,
) -> impl Fn(&Delivery<RawMessage>) -> HandlerResult + Send + Sync + 'static {
    let seen = seen.clone();
    move |delivery| {
        let owned = |(name, value): (&[u8], &[u8])| (name.to_vec(), value.to_vec());
        seen.push(Note {
            headers: delivery.headers().map(owned).collect(),
            original: delivery.original_id(),
            redrives: delivery.redrives(),
            attempt: delivery.attempt(),
            age: delivery.age(),
            fields: delivery
                .iter()
                .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
                .collect(),
        });
        if fail(delivery) {
            return Err(HandlerError::permanent("no").into());
        }
        Ok(())
    }
}

fn odd_headers() -> Headers {
    let long_name = "n".repeat(256).into_bytes();
    vec![
        (b"n".to_vec(), b"named like a field".to_vec()),
        (b" ".to_vec(), Vec::new()),
        (
            "näme\r\n\0".as_bytes().to_vec(),
            b"\r\n$3\r\n\xff\x00".to_vec(),
        ),
        (b"h:x".to_vec(), b"~for".to_vec()),
        (b"for".to_vec(), b"another_group".to_vec()),
        (b"origin".to_vec(), b"1-1".to_vec()),
        (long_name, vec![0xA5; 64 << 10]),
        (b"n".to_vec(), b"the last one".to_vec()),
    ]
}

#[test]
fn odd_headers_come_through_a_drain_and_two_redrives() {
    let shop = Shop::open();
    let manager = &shop.manager;
    let config = BackupStreamConfig::new("s").max_length(1);
    let producer: Producer<RawMessage> =
        manager.create_backup_producer("p", config).unwrap().typed();
    let message = RawMessage::new().with("n", "7");
    shop.ask::<String>("XADD s * first 1");
    let mut draft = producer.with(&message);
    for (name, value) in odd_headers() {
        draft = draft.header(str::from_utf8(&name).unwrap(), value);
    }
    let Added::Backup(first) = draft.add().unwrap() else {
        panic!("there was room");
    };
    let seen = Seen::default();
    let handler = noting(&seen, |d| d.get("n").is_some() && d.redrives() < 3);
    manager.consume("c", quick("s"), handler).unwrap();
    let dead = manager.dead_letters("s").unwrap();
    for round in 0..3 {
        wait_until(DEADLINE, "a dead letter", || dead.count().unwrap() == 1);
        let [letter] = &dead.list(9).unwrap()[..] else {
            panic!("not one");
        };
        assert_eq!((letter.redrives(), letter.deliveries()), (round, 1));
        assert_eq!(letter.original_id(), first);
        assert_eq!(letter.message(), &message);
        assert_eq!(dead.redrive_all().unwrap().redriven, 1);
    }
    seen.wait_for(5);
    shop.wait_until_settled("s");
    let notes = seen.all();
    let mut before = Duration::ZERO;
    for (round, note) in (0..).zip(&notes[1..]) {
        assert_eq!(note.headers, odd_headers());
        assert_eq!(
            (note.original, note.redrives, note.attempt),
            (first, round, 1)
        );
        assert_eq!(note.fields, ["n"]);
        assert!(note.age >= before, "younger than before");
        before = note.age;
    }
    let entries: Vec<(String, Vec<Vec<u8>>)> = shop.ask("XREVRANGE s + - COUNT 1");
    let names = entries[0]
        .1
        .iter()
        .step_by(2)
        .filter(|name| name.starts_with(b"~"));
    let reserved: Vec<_> = names.filter(|name| !name.starts_with(b"~h:")).collect();
    let expected = [b"~origin".as_slice(), b"~redriven", b"~for"];
    assert_eq!(
        reserved, expected,
        "the marks of each round take the place of the last"
    );
}

#[test]
fn bounds_of_headers_are_those_of_every_way_to_add() {
    let shop = Shop::open();
    let producer: Producer<RawMessage> = shop
        .manager
        .create_simple_producer("p", StreamConfig::new("s"))
        .unwrap()
        .typed();
    let message = RawMessage::new().with("n", "7");
    let with = |count: usize| {
        (0..count).fold(producer.with(&message), |draft, n| {
            draft.header(&n.to_string(), "")
        })
    };
    with(999).idempotency_key("k").add().unwrap();
    let refused = [
        with(1_000).add().unwrap_err(),
        with(1_000).send().unwrap_err(),
        producer.with(&message).header("", "x").add().unwrap_err(),
        producer
            .with(&message)
            .header("~h:x", "x")
            .send()
            .unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
        assert!(error.to_string().len() < 300);
    }
    let seen = Seen::default();
    shop.manager
        .consume("c", quick("s"), noting(&seen, |_| false))
        .unwrap();
    seen.wait_for(1);
    assert_eq!(seen.all()[0].headers.len(), 999);
}

#[test]
fn marks_that_another_program_has_written_are_read_as_far_as_they_go() {
    let shop = Shop::open();
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |delivery: &Delivery<RawMessage>| -> HandlerResult {
            let text = |name: &str| {
                let value = delivery.header(name);
                value.map(|value| String::from_utf8_lossy(value).into_owned())
            };
            seen.push((
                text("~for"),
                text("~h:a"),
                text("a"),
                text(""),
                delivery.redrives(),
            ));
            assert_eq!(delivery.original_id(), delivery.id());
            assert!(delivery.age() < DEADLINE);
            Ok(())
        }
    };
    let consumer = shop.manager.consume("c", quick("s"), handler).unwrap();
    for count in ["-1", "99999999999999999999", "nan", "x"] {
        shop.ask::<String>(&format!(
            "XADD s * n 1 ~for s_group ~h:a 1 ~h:a 2 ~h: empty ~redriven {count} ~origin x-y ~omitted 9"
        ));
    }
    shop.ask::<String>("XADD s * n 1 ~for nobody");
    seen.wait_for(4);
    let text = |text: &str| Some(text.to_owned());
    for note in seen.all() {
        assert_eq!(
            note,
            (text("s_group"), text("2"), text("2"), text("empty"), 0)
        );
    }
    wait_until(DEADLINE, "the skipped one", || {
        let stats = consumer.stats();
        (stats.completed, stats.skipped) == (4, 1)
    });
    shop.wait_until_settled("s");
}
