//! Idempotency keys whose Redis key is taken, and keys that are in one batch twice.

use stream_lib::{
    Added, BackupStreamConfig, Envelope, Error, ErrorKind, Producer, RawMessage, StreamConfig,
    StreamManager,
};
use stream_tests::{Direction, Proxy, Server, poll};

use crate::support::{DEADLINE, Shop};

fn message(n: &str) -> RawMessage {
    RawMessage::new().with("n", n)
}

/// A simple producer and a backup producer of `s`.
fn producers(manager: &StreamManager) -> [Producer<RawMessage>; 2] {
    let simple = manager.create_simple_producer("simple", StreamConfig::new("s"));
    let backup = manager.create_backup_producer("backup", BackupStreamConfig::new("s"));
    [simple, backup].map(|handle| handle.unwrap().typed())
}

fn keyed<'m>(message: &'m RawMessage, key: &'m str) -> Envelope<'m, RawMessage> {
    Envelope::new(message).idempotency_key(key)
}

#[test]
fn garbage_under_one_key_fails_that_message_and_no_other() {
    let shop = Shop::open();
    let m = message("1");
    for (round, producer) in producers(&shop.manager).iter().enumerate() {
        for garbage in [
            "garbage",
            "d1-1",
            "1-1-1",
            "b",
            "99999999999999999999-0",
            "-",
        ] {
            shop.ask::<u64>("DEL s");
            shop.ask::<()>(&format!("SET {{s}}:once:k{round} {garbage}"));
            let [new, other] = ["a", "b"].map(|key| format!("{key}{round}{garbage}"));
            let bad = format!("k{round}");
            let results = producer.add_all([
                keyed(&m, &new),
                keyed(&m, &bad),
                Envelope::new(&m),
                keyed(&m, &other),
            ]);
            let kinds: Vec<_> = results
                .iter()
                .map(|r| r.as_ref().map_err(Error::kind))
                .collect();
            assert!(matches!(kinds[0], Ok(Added::Main(_))), "{kinds:?}");
            assert_eq!(kinds[1], Err(ErrorKind::WrongType));
            assert!(matches!(kinds[2], Ok(Added::Main(_))), "{kinds:?}");
            assert!(matches!(kinds[3], Ok(Added::Main(_))), "{kinds:?}");
            assert_eq!(shop.ask::<u64>("XLEN s"), 3);
            let error = producer.add_with_key(&m, &bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WrongType);
            let text = error.to_string();
            assert!(text.contains("idempotency key"), "{text}");
            let receipt = producer.send_with_key(&m, &bad).unwrap();
            assert_eq!(receipt.wait().unwrap_err().kind(), ErrorKind::WrongType);
        }
    }
}

#[test]
fn another_type_under_one_key_fails_that_message_and_no_other() {
    let shop = Shop::open();
    let m = message("1");
    for (round, producer) in producers(&shop.manager).iter().enumerate() {
        let bad = format!("k{round}");
        shop.ask::<u64>(&format!("LPUSH {{s}}:once:{bad} x"));
        let other = format!("x{round}");
        let results = producer.add_all([keyed(&m, &bad), keyed(&m, &other)]);
        let kind = results[0].as_ref().unwrap_err().kind();
        assert_eq!(kind, ErrorKind::WrongType);
        assert!(matches!(results[1], Ok(Added::Main(_))));
        let error = producer.with(&m).idempotency_key(&bad).add().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongType);
    }
}

#[test]
fn key_that_is_in_a_batch_twice_is_added_once() {
    let shop = Shop::open();
    let m = message("1");
    for (round, producer) in producers(&shop.manager).iter().enumerate() {
        shop.ask::<u64>("DEL s");
        let keys: Vec<_> = (0..250).map(|n| format!("{round}-{}", n % 100)).collect();
        let results = producer.add_all(keys.iter().map(|key| keyed(&m, key)));
        let added: Vec<_> = results.into_iter().map(Result::unwrap).collect();
        for (n, added) in added.iter().enumerate() {
            assert_eq!(added.is_duplicate(), n >= 100, "{n}: {added:?}");
        }
        for n in 100..250 {
            assert_eq!(added[n].id(), added[n % 100].id());
        }
        assert_eq!(shop.ask::<u64>("XLEN s"), 100);
        let again = keyed(&m, &keys[3]);
        assert_eq!(
            producer.add_all([again]).remove(0).unwrap(),
            Added::Duplicate(added[3].id().unwrap())
        );
        let receipts: Vec<_> = ["z", "z"]
            .map(|key| {
                producer
                    .send_with_key(&m, &format!("{key}{round}"))
                    .unwrap()
            })
            .into_iter()
            .map(|receipt| receipt.wait().unwrap())
            .collect();
        assert!(
            matches!(receipts[..], [Added::Main(first), Added::Duplicate(second)] if first == second)
        );
    }
}

#[test]
fn first_entry_in_the_backup_stream_is_named_also_after_its_drain() {
    let shop = Shop::open();
    let config = BackupStreamConfig::new("s").max_length(1);
    let producer: Producer<RawMessage> = shop
        .manager
        .create_backup_producer("p", config)
        .unwrap()
        .typed();
    let m = message("1");
    assert!(matches!(producer.add(&m).unwrap(), Added::Main(_)));
    let Added::Backup(id) = producer.add_with_key(&m, "k").unwrap() else {
        panic!("there was room");
    };
    assert_eq!(
        producer.add_with_key(&m, "k").unwrap(),
        Added::Duplicate(id)
    );
    shop.ask::<u64>("XTRIM s MAXLEN 0");
    let left = || (shop.ask::<u64>("XLEN {s}:backup") == 0).then_some(());
    poll(DEADLINE, left).unwrap();
    assert_eq!(
        producer.add_with_key(&m, "k").unwrap(),
        Added::Duplicate(id)
    );
}

#[test]
fn batch_that_is_sent_again_tells_its_own_repeats() {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    let manager = StreamManager::connect(server.url_at(proxy.port())).unwrap();
    let m = message("1");
    for (round, producer) in producers(&manager).iter().enumerate() {
        let keys = ["a", "b", "a"].map(|key| format!("{key}{round}"));
        let batch = || keys.iter().map(|key| keyed(&m, key));
        // The server has the script, so that the next reply is the batch's.
        producer.add_with_key(&m, &format!("first{round}")).unwrap();
        proxy.cut_after(Direction::Replies, 0);
        let added: Vec<_> = producer
            .add_all(batch())
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let [Added::Main(a), Added::Main(_), Added::Duplicate(again)] = added[..] else {
            panic!("{added:?}");
        };
        assert_eq!(a, again);
        proxy.cut_after(Direction::Replies, 0);
        let single = producer.add_with_key(&m, &format!("c{round}")).unwrap();
        assert!(matches!(single, Added::Main(_)), "{single:?}");
        let length: u64 = server.command(&["XLEN", "s"]);
        assert_eq!(length, 4 * (round as u64 + 1));
    }
}
