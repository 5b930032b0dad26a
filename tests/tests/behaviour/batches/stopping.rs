//! Stops of consumers with batches.

use std::thread;
use std::time::Duration;

use stream_lib::{BatchConfig, StreamManager};
use stream_tests::wait_until;

use super::{FOR_EVER, noting_batches, numbers, single};
use crate::support::{DEADLINE, Gate, HOUR, Order, Pending, Seen, Shop, noting, order, quick};

#[test]
fn short_batch_is_handled_at_once_when_the_consumer_stops() {
    let shop = Shop::open();
    let seen = Seen::default();
    let told = Seen::default();
    let noted = told.clone();
    let consumer = shop
        .manager
        .consume_batches(
            "c",
            quick("orders").lease(HOUR),
            BatchConfig::new(100).wait(FOR_EVER),
            noting_batches(&seen, move |batch| {
                noted.push(batch[0].is_shutting_down());
                Ok(())
            }),
        )
        .unwrap();
    shop.add_by_hand("orders", 3);
    // They come in one reply. Its entries are counted as delivered before they count as
    // buffered, and a worker runs once it takes them.
    wait_until(DEADLINE, "three in hand", || {
        let stats = consumer.stats();
        (stats.delivered, stats.buffered, stats.running) == (3, 0, 1)
    });
    assert_eq!(seen.count(), 0);
    let report = shop.manager.stop_consumer("c").unwrap();
    assert_eq!((report.completed, report.given_back), (3, 0));
    assert_eq!(report.still_running, 0);
    assert_eq!(
        (seen.all(), told.all()),
        (vec![numbers(0..3, 1)], vec![true])
    );
    assert!(shop.pending("orders").is_empty());
    assert!(shop.consumers("orders").is_empty());
}

#[test]
fn stop_waits_for_the_running_batch_and_gives_back_the_rest() {
    let shop = Shop::open();
    let (first, second) = (Gate::default(), Gate::default());
    let doorways = [first.doorway(), second.doorway()];
    let seen = Seen::default();
    let noted = seen.clone();
    let config = single("orders").read_count(20).grace(DEADLINE).lease(HOUR);
    let handler = noting_batches(&seen, move |_| {
        match noted.all().concat().len() {
            21 => doorways[0].pass(),
            26 => doorways[1].pass(),
            _ => {}
        }
        Ok(())
    });
    let consumer = shop
        .manager
        .consume_batches("c", config, BatchConfig::new(5), handler)
        .unwrap();
    // Quick ones first, so that the reader knows it may read ahead.
    shop.add_by_hand("orders", 20);
    wait_until(DEADLINE, "the quick ones", || {
        consumer.stats().completed == 20
    });
    shop.manager.add(&order("slow")).unwrap();
    wait_until(DEADLINE, "the slow one", || seen.all().concat().len() == 21);
    shop.add_by_hand("orders", 15);
    wait_until(DEADLINE, "15 to be buffered", || {
        consumer.stats().buffered == 15
    });
    // Five of them are in hand then, of a reply that had more.
    first.open();
    wait_until(DEADLINE, "the next batch", || {
        seen.all().concat().len() == 26
    });
    thread::scope(|scope| {
        let stop = scope.spawn(|| shop.manager.stop_consumer("c").unwrap());
        let back = |p: &Pending| p.consumer == "~waiting" && p.deliveries == 0;
        wait_until(DEADLINE, "the rest to be given back", || {
            shop.pending("orders").iter().filter(|p| back(p)).count() == 10
        });
        assert!(!stop.is_finished());
        second.open();
        let report = stop.join().unwrap();
        assert_eq!((report.completed, report.given_back), (26, 10));
        assert_eq!(report.still_running, 0);
    });
    assert!(shop.consumers("orders").is_empty());
    let peer = StreamManager::connect(shop.server.url()).unwrap();
    let again = Seen::default();
    peer.consume("peer", quick("orders"), noting(&again))
        .unwrap();
    again.wait_for(10);
    assert!(again.all().iter().all(|(_, attempt)| *attempt == 1));
}

#[test]
fn batch_that_outlives_the_grace_is_left_behind_and_not_acknowledged() {
    let shop = Shop::open();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let config = single("outlast").grace(Duration::from_millis(100));
    shop.add_by_hand("outlast", 2);
    let running = Seen::default();
    let noted = running.clone();
    shop.manager
        .consume_batches_fn::<Order>("c", config, BatchConfig::new(2), move |batch| {
            noted.push(batch.len());
            doorway.pass();
            Ok(())
        })
        .unwrap();
    running.wait_for(1);
    let report = shop.manager.stop_consumer("c").unwrap();
    assert_eq!((report.still_running, report.completed), (1, 0));
    assert_eq!(shop.pending("outlast").len(), 2, "their leases lapse");
}
