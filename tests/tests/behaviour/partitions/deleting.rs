//! Starts during the deletion of a stream with partitions, and a deletion that ended
//! half-way.

use stream_lib::{ErrorKind, StreamConfig, StreamManager};

use super::{message, producer};
use crate::support::{Shop, quick};

/// A key that is no stream: the deletion ends before this partition.
const OBSTACLE: &str = "{orders:7}:dead";

/// A stream that is deleted up to its seventh partition, with a group in the first one.
fn half_deleted() -> Shop {
    let shop = Shop::open();
    producer(&shop, 16).add(&message(1)).unwrap();
    shop.manager.remove_producer("p").unwrap();
    shop.ask::<()>("XGROUP CREATE {orders:0} bills 0 MKSTREAM");
    shop.ask::<()>("ZADD {orders}:members:bills 1 dead-1");
    shop.ask::<()>("SET {orders}:hold:bills until");
    shop.ask::<()>(&format!("SET {OBSTACLE} text"));
    let error = shop.manager.delete_stream("orders").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    assert!(!shop.ask::<bool>("EXISTS {orders:0}"), "it was deleted");
    shop.ask::<()>(&format!("DEL {OBSTACLE}"));
    shop
}

#[test]
fn a_deletion_that_has_ended_half_way_is_repeated_with_all_groups() {
    let shop = half_deleted();
    // Of the group, the stem alone knows.
    let (seconds, _): (u64, u64) = shop.ask("TIME");
    let alive = (seconds + 600) * 1_000;
    shop.ask::<()>(&format!("ZADD {{orders}}:members:bills {alive} bob-1"));
    let error = shop.manager.delete_stream("orders").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
    assert!(error.to_string().contains("bills:bob-1"), "{error}");
    shop.ask::<()>("ZADD {orders}:members:bills 1 bob-1");
    assert!(shop.manager.delete_stream("orders").unwrap());
    assert_eq!(shop.ask::<Vec<String>>("KEYS *"), [""; 0]);
}

#[test]
fn nothing_begins_while_a_stream_is_deleted() {
    let shop = half_deleted();
    let other = StreamManager::connect(shop.server.url()).unwrap();
    let consume = || other.consume_fn::<stream_lib::RawMessage>("c", quick("orders"), |_| Ok(()));
    let error = consume().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
    assert!(error.to_string().contains("is being deleted"), "{error}");
    assert!(!shop.ask::<bool>("EXISTS {orders:0}"), "no group was made");
    assert!(!shop.ask::<bool>("EXISTS {orders}:members:orders_group"));
    let config = StreamConfig::new("orders").partitions(16);
    let producer = other.create_simple_producer("p", config).unwrap();
    let error = producer.typed().add(&message(2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
    assert!(error.to_string().contains("is being deleted"), "{error}");
    // As after a while.
    shop.ask::<u64>("HSET {orders}:meta deleting 1");
    producer.typed().add(&message(2)).unwrap();
    consume().unwrap();
    other.shutdown();
}
