//! Outputs that Redis refuses, for now or for good.

use stream_lib::StreamManager;
use stream_tests::{LogCapture, Server, wait_until};

use super::{assert_each_once, ids, patient, run, settled, short};
use crate::support::{DEADLINE, Order, Shop, quick};

#[test]
fn delivery_whose_output_can_not_be_written_fails_and_no_other() {
    let shop = Shop::open();
    run(&shop, "SET broken 1");
    shop.add_by_hand("orders", 100);
    let log = LogCapture::start();
    let config = quick("orders").retry(short().max_deliveries(3));
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, |order| {
            order.produce(&settled(&order.order_id))?;
            if order.order_id == "7" {
                order.produce_to("broken", &settled("7"))?;
            }
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "the bad one to be buried", || {
        consumer.stats().dead == 1 && consumer.stats().completed == 99
    });
    assert_eq!(consumer.stats().failed, 2);
    let written = ids(&shop, "settled");
    assert_eq!(written.len(), 99);
    assert!(
        !written.contains(&"7".to_owned()),
        "all of its outputs or none"
    );
    let letters = shop
        .manager
        .dead_letters("orders")
        .unwrap()
        .list(10)
        .unwrap();
    assert_eq!(letters[0].reason(), "retries-exhausted");
    let error = letters[0].error().to_owned();
    for word in ["outputs can't be written", "WRONGTYPE", "broken"] {
        assert!(error.contains(word), "{error}");
    }
    assert!(log.containing("held up").is_empty(), "nothing else waits");
    // Mended, it goes on from the dead letters.
    run(&shop, "DEL broken");
    let letters = shop.manager.dead_letters("orders").unwrap();
    letters.redrive_all().unwrap();
    wait_until(DEADLINE, "it to be completed", || {
        consumer.stats().completed == 100
    });
    assert_each_once(&shop, "settled", 100);
    assert_eq!(ids(&shop, "broken"), ["7"]);
}

#[test]
fn right_that_is_missing_for_an_output_is_named() {
    let rules = "clerk on >s ~orders ~{orders}* +@all";
    let server = Server::options().user(rules).start().unwrap();
    let url = server.url().replacen("redis://", "redis://clerk:s@", 1);
    let shop = Shop::with(server);
    let manager = StreamManager::connect(url.as_str()).unwrap();
    shop.add_by_hand("orders", 1);
    let config = quick("orders").retry(short().max_deliveries(2));
    let consumer = manager
        .consume_fn::<Order>("c", config, |order| {
            order.produce(&settled(&order.order_id))?;
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "it to be buried", || consumer.stats().dead == 1);
    let letters = shop
        .manager
        .dead_letters("orders")
        .unwrap()
        .list(10)
        .unwrap();
    let error = letters[0].error();
    assert!(error.contains("outputs can't be written"), "{error}");
    assert_eq!(shop.ask::<u64>("EXISTS settled"), 0);
}

#[test]
fn outputs_wait_for_memory_and_hold_up_nothing_else() {
    let shop = Shop::open();
    let log = LogCapture::start();
    shop.add_by_hand("orders", 50);
    run(&shop, "CONFIG SET maxmemory 1");
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", patient("orders"), |order| {
            let number: u64 = order.order_id.parse()?;
            if number.is_multiple_of(2) {
                order.produce(&settled(&(number / 2).to_string()))?;
            }
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "those without outputs to be completed", || {
        consumer.stats().completed == 25 && consumer.stats().settling == 25
    });
    wait_until(DEADLINE, "the wait to be told", || {
        log.containing("outputs of `orders` can't be written").len() == 1
    });
    assert_eq!(shop.pending("orders").len(), 25);
    assert_eq!(shop.ask::<u64>("EXISTS settled"), 0);
    run(&shop, "CONFIG SET maxmemory 0");
    wait_until(DEADLINE, "the others to be completed", || {
        consumer.stats().completed == 50
    });
    assert_each_once(&shop, "settled", 25);
    assert_eq!(consumer.stats().failed, 0, "no handler ran again");
    wait_until(DEADLINE, "the end to be told", || {
        log.containing("outputs of `orders` are written again")
            .len()
            == 1
    });
}

#[test]
fn stop_gives_back_deliveries_whose_outputs_find_no_memory() {
    let shop = Shop::open();
    shop.add_by_hand("orders", 10);
    run(&shop, "CONFIG SET maxmemory 1");
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", patient("orders"), |order| {
            order.produce(&settled(&order.order_id))?;
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "all to wait", || consumer.stats().settling == 10);
    consumer.stop();
    let pending = shop.pending("orders");
    assert_eq!(pending.len(), 10);
    assert!(
        pending.iter().all(|p| p.consumer == "~waiting"),
        "{pending:?}"
    );
    run(&shop, "CONFIG SET maxmemory 0");
    consumer.start().unwrap();
    wait_until(DEADLINE, "all to be completed", || {
        consumer.stats().completed == 10
    });
    assert_each_once(&shop, "settled", 10);
}
