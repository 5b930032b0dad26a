//! The counts and times of a manager.

use std::time::Duration;

use stream_lib::{
    Added, BackupStreamConfig, BatchConfig, BatchDelivery, DeadReason, ErrorKind, HandlerError,
    HandlerResult, StreamConfig, StreamManager,
};
use stream_tests::{Server, wait_until};

use crate::support::{DEADLINE, Gate, Order, Shop, order, quick};

#[test]
fn metrics_count_what_became_of_each_message() {
    let shop = Shop::open();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let config = quick("orders").workers(2);
    let consumer = shop
        .manager
        .consume::<Order>("c", config, move |order: &stream_lib::Delivery<Order>| {
            match (&*order.order_id, order.attempt()) {
                ("dead", _) => return Err(HandlerError::permanent("no").into()),
                ("later", 1) => return Err("not yet".into()),
                ("panics", 1) => panic!("a handler of a test"),
                ("waits", _) => doorway.pass(),
                _ => {}
            }
            Ok(())
        })
        .unwrap();
    for id in ["1", "dead", "later", "panics", "2"] {
        shop.manager.add(&order(id)).unwrap();
    }
    wait_until(DEADLINE, "all to be settled", || {
        let stats = consumer.stats();
        stats.completed == 4 && stats.dead == 1 && stats.settling == 0
    });
    shop.manager.add(&order("waits")).unwrap();
    wait_until(DEADLINE, "one to run", || consumer.stats().running == 1);
    let metrics = shop.manager.metrics();
    let [seen] = &*metrics.consumers else {
        panic!("{metrics:?}")
    };
    assert_eq!(
        (&*seen.name, &*seen.stream, &*seen.group),
        ("c", "orders", "orders_group")
    );
    assert_eq!((seen.delivered, seen.completed, seen.skipped), (8, 4, 0));
    assert_eq!((seen.failed, seen.panicked, seen.retried), (3, 1, 2));
    assert_eq!(seen.dead, [(DeadReason::Permanent, 1)]);
    assert_eq!((seen.running, seen.buffered, seen.workers), (1, 0, 2));
    assert_eq!(seen.handler_duration.count(), 7, "one runs");
    assert_eq!(seen.message_age.count(), 8);
    assert!(seen.handler_duration.quantile(1.0) < Some(DEADLINE));
    assert!(
        seen.message_age.quantile(1.0) < Some(DEADLINE),
        "an age, not a time"
    );

    let [added] = &*metrics.producers else {
        panic!("{metrics:?}")
    };
    assert_eq!((added.name.as_deref(), &*added.stream), (None, "orders"));
    assert_eq!(
        (added.added, added.failed_in_all(), added.waiting),
        (6, 0, 0)
    );
    assert_eq!((added.batch_sizes.count(), added.batch_sizes.sum()), (6, 6));
    assert_eq!(added.add_duration.count(), 6);
    assert!(added.add_duration.sum() > Duration::ZERO);

    // Another life goes on with the counts.
    drop(gate);
    consumer.stop();
    consumer.start().unwrap();
    shop.manager.add(&order("3")).unwrap();
    wait_until(DEADLINE, "the last one", || consumer.stats().completed == 6);
    let metrics = shop.manager.metrics();
    assert_eq!(metrics.consumers[0].handler_duration.count(), 9);
}

#[test]
fn batches_are_counted_by_their_sizes_and_run_once() {
    let shop = Shop::open();
    let orders: Vec<_> = (0..250).map(|n| order(n.to_string())).collect();
    let config = StreamConfig::new("orders").batch_size(100);
    let producer = shop.manager.create_simple_producer("p", config).unwrap();
    let producer = producer.typed::<Order>();
    assert!(producer.add_all(&orders).iter().all(Result::is_ok));
    let batch = BatchConfig::new(50).wait(Duration::from_millis(20));
    let handler = |_: &[BatchDelivery<Order>]| -> HandlerResult { Ok(()) };
    let config = quick("orders").workers(1);
    let consumer = shop
        .manager
        .consume_batches::<Order>("c", config, batch, handler)
        .unwrap();
    wait_until(DEADLINE, "all of them", || {
        consumer.stats().completed == 250
    });
    let metrics = shop.manager.metrics();
    let sizes = metrics.producers[0].batch_sizes;
    assert_eq!((sizes.count(), sizes.sum()), (3, 250));
    let up_to = |most| sizes.buckets().find(|(size, _)| *size == most).unwrap().1;
    assert_eq!((up_to(32), up_to(64), up_to(128)), (0, 1, 3));
    assert_eq!(metrics.producers[0].add_duration.count(), 250);
    let seen = &metrics.consumers[0];
    assert_eq!(seen.message_age.count(), 250);
    let runs = seen.handler_duration.count();
    assert!((5..250).contains(&runs), "once for each batch: {runs}");
}

#[test]
fn failures_are_counted_by_their_kinds_and_what_waits_is_seen() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = StreamConfig::new("orders").send_timeout(Duration::from_secs(2));
    let producer = manager.create_simple_producer("p", config).unwrap();
    let producer = producer.typed::<Order>();
    producer.add(&order("1")).unwrap();
    let key = |message| producer.with(message).idempotency_key("k").add();
    let keyed = order("2");
    key(&keyed).unwrap();
    assert!(matches!(key(&keyed), Ok(Added::Duplicate(_))));
    server.stop();
    drop(producer.send(&order("3")).unwrap());
    assert_eq!(manager.metrics().producers[0].waiting, 1);
    let error = producer.add(&order("4")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let metrics = manager.metrics().producers.remove(0);
    assert_eq!(
        (metrics.added, metrics.duplicates, metrics.waiting),
        (2, 1, 0)
    );
    assert_eq!(metrics.failed, [(ErrorKind::Unavailable, 2)]);
    assert_eq!(metrics.name.as_deref(), Some("p"));
}

#[test]
fn entries_that_the_drain_has_moved_are_counted() {
    let shop = Shop::open();
    let config = BackupStreamConfig::new("orders").max_length(2);
    let producer = shop.manager.create_backup_producer("p", config).unwrap();
    let producer = producer.typed::<Order>();
    for id in 0..5 {
        producer.add(&order(id.to_string())).unwrap();
    }
    let metrics = shop.manager.metrics().producers.remove(0);
    assert!(metrics.is_backup);
    assert_eq!((metrics.added, metrics.added_to_backup), (5, 3));
    shop.ask::<u64>("XTRIM orders MAXLEN 0");
    wait_until(DEADLINE, "the drain", || {
        // Its own process may see room for two at a time.
        shop.ask::<u64>("XTRIM orders MAXLEN 0");
        shop.manager.metrics().producers[0].moved == 3
    });
}
