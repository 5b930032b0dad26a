//! Handlers that succeed, fail and panic.

use std::sync::Arc;

use parking_lot::Mutex;
use stream_lib::{BatchConfig, BatchDelivery, Delivery, Envelope, ErrorKind, RawMessage, by_value};
use stream_tests::wait_until;

use super::{assert_each_once, ids, patient, settled};
use crate::support::{DEADLINE, Order, Shop, quick};

#[test]
fn outputs_are_in_their_streams_once_the_entry_is_acknowledged() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 500);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", quick("orders"), |order| {
            order.produce(&settled(&order.order_id))?;
            let note = RawMessage::new().with("order_id", &order.order_id);
            order.produce_to("notes", Envelope::new(&note).header("by", "c"))?;
            order.produce_to("notes", &note)?;
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 500
    });
    assert_each_once(&shop, "settled", 500);
    assert!(shop.pending("orders").is_empty());
    let notes = ids(&shop, "notes");
    assert_eq!(notes.len(), 1_000);
    let heads: Vec<(String, Vec<(String, String)>)> = shop.ask("XRANGE notes - + COUNT 1");
    assert!(
        heads[0].1.contains(&("~h:by".to_owned(), "c".to_owned())),
        "{heads:?}"
    );
}

#[test]
fn outputs_of_a_delivery_that_fails_or_panics_are_discarded() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 60);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", patient("orders"), |order| {
            order.produce(&settled(&order.order_id))?;
            let number: u64 = order.order_id.parse()?;
            match (order.attempt(), number % 3) {
                (1, 0) => Err("not yet".into()),
                (1, 1) => panic!("not yet"),
                _ => Ok(()),
            }
        })
        .unwrap();
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 60
    });
    assert_each_once(&shop, "settled", 60);
    assert_eq!(consumer.stats().failed, 40);
}

#[test]
fn each_delivery_of_a_batch_has_outputs_of_its_own() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 90);
    let handler = |batch: &[BatchDelivery<Order>]| {
        for order in batch {
            order.produce(&settled(&order.order_id))?;
            let number: u64 = order.order_id.parse()?;
            if order.attempt() == 1 && number.is_multiple_of(3) {
                order.fail("not yet");
            }
            assert!(order.attempt() > 1 || number % 3 != 1, "not yet");
        }
        Ok(())
    };
    let batch = BatchConfig::new(10);
    let consumer = shop
        .manager
        .consume_batches::<Order>("c", patient("orders"), batch, handler)
        .unwrap();
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 90
    });
    assert_each_once(&shop, "settled", 90);
}

#[test]
fn outputs_of_a_delivery_that_was_moved_are_written() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 20);
    let handler = by_value(|order: Delivery<Order>| {
        order.produce(&settled(&order.order_id))?;
        drop(order);
        Ok(())
    });
    let consumer = shop.manager.consume("c", quick("orders"), handler).unwrap();
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 20
    });
    assert_each_once(&shop, "settled", 20);
}

#[test]
fn delivery_that_has_ended_takes_no_outputs() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 1);
    let kept = Arc::new(Mutex::new(None));
    let keeping = Arc::clone(&kept);
    let handler = by_value(move |order: Delivery<Order>| {
        *keeping.lock() = Some(order);
        Ok(())
    });
    let consumer = shop.manager.consume("c", quick("orders"), handler).unwrap();
    wait_until(DEADLINE, "it to be completed", || {
        consumer.stats().completed == 1
    });
    let order = kept.lock().take().unwrap();
    let error = order.produce(&settled("late")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(
        error.to_string().starts_with("producing to `settled`"),
        "{error}"
    );
    assert_eq!(shop.ask::<u64>("EXISTS settled"), 0);
}

#[test]
fn output_with_an_idempotency_key_is_written_once() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 40);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", quick("orders"), |order| {
            let number: u64 = order.order_id.parse()?;
            let one = settled(&(number / 2).to_string());
            let key = format!("s-{}", number / 2);
            order.produce(Envelope::new(&one).idempotency_key(&key))?;
            order.produce(Envelope::new(&one).idempotency_key(&key))?;
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 40
    });
    assert_each_once(&shop, "settled", 20);
    let first: String = shop.ask("GET {settled}:once:s-0");
    let known: Vec<(String, Vec<String>)> = shop.ask(&format!("XRANGE settled {first} {first}"));
    assert_eq!(known.len(), 1, "the key names its entry");
}

#[test]
fn stop_confirms_the_outputs_of_handlers_that_have_ended() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 300);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", quick("orders"), |order| {
            order.produce(&settled(&order.order_id))?;
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "some to be handled", || {
        consumer.stats().completed > 20
    });
    let report = consumer.stop();
    let written = ids(&shop, "settled").len() as u64;
    assert_eq!(report.completed, written);
    let pending = shop.pending("orders");
    assert!(
        pending.iter().all(|p| p.consumer == "~waiting"),
        "{pending:?}"
    );
    consumer.start().unwrap();
    wait_until(DEADLINE, "the rest to be completed", || {
        consumer.stats().completed == 300
    });
    assert_each_once(&shop, "settled", 300);
}
