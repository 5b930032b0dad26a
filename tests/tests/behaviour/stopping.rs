//! Stops: running handlers, entries that are given back, and leftovers.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use stream_lib::StreamManager;
use stream_tests::wait_until;

use crate::support::{
    DEADLINE, Gate, HOUR, Order, Pending, Seen, Shop, noting, order, quick,
    wait_until_threads_ended,
};

#[test]
fn blocked_reader_stops_without_waiting_for_its_block() {
    let shop = Shop::open();
    let block = Duration::from_mins(1);
    let seen = Seen::default();
    let config = quick("orders").block_duration(block);
    shop.manager.consume("c", config, noting(&seen)).unwrap();
    wait_until(DEADLINE, "the reader to block", || {
        let clients: String = shop.ask("CLIENT LIST");
        clients.contains("cmd=xreadgroup")
    });
    let began = Instant::now();
    shop.manager.stop_consumer("c").unwrap();
    assert!(began.elapsed() < block / 6, "{:?}", began.elapsed());
    assert!(shop.consumers("orders").is_empty());
}

#[test]
fn many_stops_and_starts_leave_no_consumer_behind() {
    let shop = Shop::open();
    let seen = Seen::default();
    shop.add_by_hand("orders", 200);
    shop.manager
        .create_consumer("c", quick("orders"), noting(&seen))
        .unwrap();
    for _ in 0..20 {
        shop.manager.start_consumer("c").unwrap();
        shop.manager.stop_consumer("c").unwrap();
        assert!(shop.consumers("orders").is_empty());
        assert!(
            shop.pending("orders")
                .iter()
                .all(|p| p.consumer == "~waiting")
        );
    }
    shop.manager.start_consumer("c").unwrap();
    seen.wait_for(200);
    shop.wait_until_settled("orders");
    let mut all = seen.all();
    all.sort();
    all.dedup();
    assert_eq!((all.len(), seen.count()), (200, 200), "each once");
    assert!(all.iter().all(|(_, attempt)| *attempt == 1));
}

#[test]
fn stop_waits_for_running_handlers_and_gives_back_the_rest() {
    let shop = Shop::open();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let seen = Seen::default();
    let noted = seen.clone();
    let config = quick("orders")
        .workers(1)
        .read_count(20)
        .grace(DEADLINE)
        .lease(HOUR);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push(order.order_id.clone());
            if order.order_id == "slow" {
                doorway.pass();
                noted.push(format!("{}", order.is_shutting_down()));
            }
            Ok(())
        })
        .unwrap();
    // Quick ones first, so that the reader knows it may read ahead.
    shop.add_by_hand("orders", 20);
    seen.wait_for(20);
    shop.wait_until_settled("orders");
    shop.manager.add(&order("slow")).unwrap();
    seen.wait_for(21);
    shop.add_by_hand("orders", 15);
    wait_until(DEADLINE, "15 to be buffered", || {
        consumer.stats().buffered == 15
    });

    let name = consumer.name().unwrap();
    thread::scope(|scope| {
        let stop = scope.spawn(|| shop.manager.stop_consumer("c").unwrap());
        // While the handler still runs, others may have the rest already.
        let back = |p: &Pending| p.consumer == "~waiting" && p.deliveries == 0;
        wait_until(DEADLINE, "15 to be given back", || {
            shop.pending("orders").iter().filter(|p| back(p)).count() == 15
        });
        let running = shop.pending("orders")[0].clone();
        assert_eq!((running.consumer, running.deliveries), (name, 1));
        assert!(!stop.is_finished());
        gate.open();
        let report = stop.join().unwrap();
        assert_eq!((report.completed, report.given_back), (21, 15));
        assert_eq!(report.still_running, 0);
    });
    assert_eq!(shop.pending("orders").len(), 15);
    assert!(shop.consumers("orders").is_empty());
    assert_eq!(seen.all().last().unwrap(), "true");

    let peer = StreamManager::connect(shop.server.url()).unwrap();
    let again = Seen::default();
    peer.consume("peer", quick("orders"), noting(&again))
        .unwrap();
    again.wait_for(15);
    assert!(again.all().iter().all(|(_, attempt)| *attempt == 1));
}

#[test]
fn rest_of_a_reply_goes_back_while_its_worker_is_still_in_a_handler() {
    let shop = Shop::open();
    let (first, second) = (Gate::default(), Gate::default());
    let doorways = [first.doorway(), second.doorway()];
    let seen = Seen::default();
    let noted = seen.clone();
    let config = quick("orders")
        .workers(1)
        .read_count(20)
        .grace(DEADLINE)
        .lease(HOUR);
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, move |order| {
            noted.push(order.order_id.clone());
            match noted.count() {
                21 => doorways[0].pass(),
                23 => doorways[1].pass(),
                _ => {}
            }
            Ok(())
        })
        .unwrap();
    // Quick ones first, so that the reader knows it may read ahead.
    shop.add_by_hand("orders", 20);
    shop.wait_until_settled("orders");
    seen.wait_for(20);
    shop.manager.add(&order("slow")).unwrap();
    seen.wait_for(21);
    shop.add_by_hand("orders", 15);
    wait_until(DEADLINE, "15 to be buffered", || {
        consumer.stats().buffered == 15
    });
    // The first of them may have come alone, the second not.
    first.open();
    seen.wait_for(23);
    thread::scope(|scope| {
        let stop = scope.spawn(|| shop.manager.stop_consumer("c").unwrap());
        let back = |p: &Pending| p.consumer == "~waiting" && p.deliveries == 0;
        wait_until(DEADLINE, "13 to be given back", || {
            shop.pending("orders").iter().filter(|p| back(p)).count() == 13
        });
        assert!(!stop.is_finished());
        second.open();
        let report = stop.join().unwrap();
        assert_eq!((report.completed, report.given_back), (23, 13));
    });
}

#[test]
fn handler_that_outlives_the_grace_is_left_behind_and_not_acknowledged() {
    let shop = Shop::open();
    let gate = Gate::default();
    let doorway = gate.doorway();
    let config = quick("outlive")
        .workers(1)
        .grace(Duration::from_millis(100));
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", config, move |_| {
            doorway.pass();
            Ok(())
        })
        .unwrap();
    shop.add_by_hand("outlive", 1);
    wait_until(DEADLINE, "it to run", || consumer.stats().running == 1);
    let report = shop.manager.stop_consumer("c").unwrap();
    assert_eq!((report.still_running, report.completed), (1, 0));
    assert_eq!(shop.pending("outlive").len(), 1);
    gate.open();
    wait_until_threads_ended("outlive");
    assert_eq!(shop.pending("outlive").len(), 1, "its lease lapses");
}

#[test]
fn stop_from_a_handler_signals_and_a_later_shutdown_waits() {
    let shop = Shop::open();
    let manager = Arc::new(StreamManager::connect(shop.server.url()).unwrap());
    let gate = Gate::default();
    let doorway = gate.doorway();
    let told = Seen::default();
    let (within, noted) = (Arc::downgrade(&manager), told.clone());
    let consumer = manager
        .consume_fn::<Order>("c", quick("orders").grace(DEADLINE), move |_| {
            if let Some(manager) = within.upgrade() {
                manager.shutdown();
                noted.push("signalled");
            }
            doorway.pass();
            noted.push("ended");
            Ok(())
        })
        .unwrap();
    shop.manager.add(&order("1")).unwrap();
    told.wait_for(1);
    assert!(!consumer.is_running());
    thread::scope(|scope| {
        let stop = scope.spawn(|| manager.shutdown());
        gate.open();
        let report = stop.join().unwrap();
        assert_eq!(told.all(), ["signalled", "ended"]);
        assert_eq!((report.completed, report.still_running), (1, 0));
    });
    assert!(shop.pending("orders").is_empty());
    assert!(shop.consumers("orders").is_empty());
}

#[test]
fn consumer_stopped_by_its_handler_can_be_started_again() {
    let shop = Shop::open();
    let manager = Arc::new(StreamManager::connect(shop.server.url()).unwrap());
    let seen = Seen::default();
    let (within, noted) = (Arc::downgrade(&manager), seen.clone());
    let consumer = manager
        .consume_fn::<Order>("c", quick("orders"), move |order| {
            noted.push(order.order_id.clone());
            if let Some(manager) = within.upgrade().filter(|_| order.order_id == "stop") {
                manager.stop_consumer("c")?;
            }
            Ok(())
        })
        .unwrap();
    shop.manager.add(&order("stop")).unwrap();
    wait_until(DEADLINE, "it to stop", || !consumer.is_running());
    shop.manager.add(&order("next")).unwrap();
    manager.start_consumer("c").unwrap();
    seen.wait_for(2);
    manager.shutdown();
    assert_eq!(seen.all(), ["stop", "next"]);
    assert!(shop.consumers("orders").is_empty());
}

#[test]
fn stop_while_redis_is_away_ends_within_the_grace() {
    let shop = Shop::open();
    let seen = Seen::default();
    let config = quick("orders").grace(Duration::from_millis(200));
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    shop.manager.add(&order("1")).unwrap();
    seen.wait_for(1);
    shop.server.kill();
    shop.manager.stop_consumer("c").unwrap();
    assert!(!consumer.is_running());
}
