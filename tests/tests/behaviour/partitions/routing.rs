//! The partition of a message.

use stream_lib::{Added, Envelope, StreamConfig, StreamMessage};

use super::{KEYS, add, in_partition, keyed, lengths, message, producer, producer_of};
use crate::support::{DEADLINE, Shop};

#[derive(StreamMessage)]
struct Order {
    n: u32,
    #[stream(key)]
    customer: Option<&'static str>,
}

#[test]
fn messages_go_where_the_checksum_of_their_key_says() {
    let shop = Shop::open();
    let producer = producer(&shop, 16);
    let orders = shop.manager.producer::<Order>("p").unwrap();
    for (number, (key, _)) in (0_u32..).zip(KEYS) {
        add(&producer, 1, key).unwrap();
        let customer = Some(key);
        orders.add(&Order { n: 2, customer }).unwrap();
        let sent = producer.with(&message(3)).key(key).send().unwrap();
        sent.wait().unwrap();
        let all = producer.add_all([keyed(&message(4), key)]);
        assert!(matches!(all[..], [Ok(Added::Main(_))]), "{number}: {all:?}");
        // The caller's key takes the place of the message's own.
        let other = Order {
            n: 5,
            customer: Some("another"),
        };
        orders.with(&other).key(key).add().unwrap();
    }
    for (key, partition) in KEYS {
        assert_eq!(
            in_partition(&shop.server, partition),
            [1, 2, 3, 4, 5],
            "{key}"
        );
    }
    assert_eq!(
        lengths(&shop.server, 16).iter().sum::<usize>(),
        5 * KEYS.len()
    );
    assert!(!shop.ask::<bool>("EXISTS orders"));
}

#[test]
fn an_idempotency_key_is_a_key_where_there_is_no_other() {
    let shop = Shop::open();
    let producer = producer(&shop, 16);
    // crc32(b"request-9") % 16
    let first = producer.add_with_key(&message(1), "request-9").unwrap();
    let Added::Main(id) = first else {
        panic!("{first:?}")
    };
    let again = producer.add_with_key(&message(1), "request-9").unwrap();
    assert_eq!(again, Added::Duplicate(id));
    assert_eq!(in_partition(&shop.server, 11), [1]);
    let kept: String = shop.ask("GET {orders:11}:once:request-9");
    assert_eq!(kept, id.to_string());
    // With a key of its own it goes there, and is remembered there.
    let second = message(2);
    let draft = producer.with(&second).key("A-1");
    draft.idempotency_key("request-8").add().unwrap();
    assert_eq!(in_partition(&shop.server, 0), [2]);
    assert!(shop.ask::<bool>("EXISTS {orders:0}:once:request-8"));

    let (two, three) = (message(3), message(4));
    let twice = [&two, &two, &three].map(|m| {
        let key = if std::ptr::eq(m, &raw const three) {
            "b"
        } else {
            "a"
        };
        Envelope::new(m).key("A-1").idempotency_key(key)
    });
    let added = producer.add_all(twice);
    let kinds: Vec<_> = added.iter().map(|a| a.as_ref().unwrap()).collect();
    assert!(
        matches!(kinds[..], [Added::Main(a), Added::Duplicate(b), Added::Main(_)] if a == b),
        "{kinds:?}"
    );
    assert_eq!(in_partition(&shop.server, 0), [2, 3, 4]);
}

#[test]
fn batches_without_a_key_take_turns() {
    let shop = Shop::open();
    let config = StreamConfig::new("orders").partitions(8).batch_size(50);
    let producer = producer_of(&shop.manager, config);
    for number in 0..24 {
        producer.add(&message(number)).unwrap();
    }
    assert_eq!(lengths(&shop.server, 8), [3; 8]);
    shop.ask::<()>("FLUSHALL");
    for _ in 0..8 {
        let batch: Vec<_> = (0..5).map(message).collect();
        assert!(producer.add_all(&batch).iter().all(Result::is_ok));
    }
    assert_eq!(lengths(&shop.server, 8), [5; 8]);
    for partition in 0..8 {
        assert_eq!(in_partition(&shop.server, partition), [0, 1, 2, 3, 4]);
    }
    for number in 0..100 {
        producer.send(&message(number)).unwrap().wait().unwrap();
    }
    assert!(producer.flush(DEADLINE).is_ok());
    let lengths = lengths(&shop.server, 8);
    assert!(lengths.iter().all(|n| (15..=20).contains(n)), "{lengths:?}");
}

#[test]
fn a_tagged_name_keeps_its_tag_apart() {
    let shop = Shop::open();
    let config = StreamConfig::new("{shop}:orders").partitions(4);
    let producer = producer_of(&shop.manager, config);
    // crc32(b"customer-2") % 4
    add(&producer, 1, "customer-2").unwrap();
    assert_eq!(shop.ask::<usize>("XLEN {shop:3}:orders"), 1);
    assert_eq!(
        shop.ask::<String>("HGET {shop}:orders:meta partitions"),
        "4"
    );
}
