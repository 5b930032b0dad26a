//! The registry: names, starts, stops, shutdown, the global manager.

use std::sync::Arc;
use std::time::Duration;

use stream_lib::{
    ConnectionConfig, ConsumerConfig, Delivery, ErrorKind, Handler, HandlerResult, RawMessage,
    StreamConfig, StreamManager,
};
use stream_tests::{Fsync, Server, wait_until};

use crate::support::{DEADLINE, Order, Seen, Shop, noting, order, quick};

#[test]
fn producers_are_created_listed_and_removed() {
    let shop = Shop::open();
    let manager = &shop.manager;
    for name in ["tracking", "audit"] {
        let config = StreamConfig::new(format!("{name}_stream"));
        manager.create_simple_producer(name, config).unwrap();
    }
    assert_eq!(manager.list_producers(), ["audit", "tracking"]);
    let producer = manager.producer::<RawMessage>("tracking").unwrap();
    assert_eq!(producer.stream(), "tracking_stream");
    producer.add(&RawMessage::new().with("a", "1")).unwrap();

    manager.remove_producer("tracking").unwrap();
    assert_eq!(manager.list_producers(), ["audit"]);
    let error = producer.add(&RawMessage::new().with("a", "2")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(shop.ask::<u64>("XLEN tracking_stream"), 1);
}

#[test]
fn duplicate_names_are_refused() {
    let shop = Shop::open();
    let manager = &shop.manager;
    let config = || StreamConfig::new("orders");
    manager.create_simple_producer("p", config()).unwrap();
    let error = manager.create_simple_producer("p", config()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);

    let seen = Seen::default();
    let consume = || manager.create_consumer("c", quick("orders"), noting(&seen));
    consume().unwrap();
    let error = consume().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("`c`"), "{error}");
    let error = manager.consume("c", quick("orders"), noting(&seen));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(manager.list_consumers(), ["c"], "the first one stays");
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let shop = Shop::open();
    let manager = &shop.manager;
    manager
        .create_simple_producer("tracking", StreamConfig::new("user_events"))
        .unwrap();
    let errors = [
        manager.producer::<Order>("trakcing").unwrap_err(),
        manager.add_to("trakcing", &order("1")).unwrap_err(),
        manager.remove_producer("trakcing").unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("known: `tracking`"), "{error}");
    }
    let errors = [
        manager.consumer("c").unwrap_err(),
        manager.start_consumer("c").unwrap_err(),
        manager.stop_consumer("c").unwrap_err(),
        manager.remove_consumer("c").unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("no consumer"), "{error}");
    }
}

#[test]
fn two_producers_of_one_stream_have_to_be_told_apart() {
    let shop = Shop::open();
    let manager = &shop.manager;
    for name in ["one", "two"] {
        let config = StreamConfig::new("orders");
        manager.create_simple_producer(name, config).unwrap();
    }
    let error = manager.add(&order("1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    assert!(error.to_string().contains("add_to"), "{error}");
    assert_eq!(
        manager.add_all(&[order("1")]).unwrap_err().kind(),
        ErrorKind::Ambiguous
    );
    manager.add_to("two", &order("1")).unwrap();
    manager.remove_producer("one").unwrap();
    manager.add(&order("2")).unwrap();
    assert_eq!(shop.ask::<u64>("XLEN orders"), 2);
}

#[test]
fn explicit_producer_replaces_the_default_one() {
    let shop = Shop::open();
    let manager = &shop.manager;
    manager.add(&order("by default")).unwrap();
    assert_eq!(manager.list_producers(), ["orders (default)"]);
    manager
        .create_simple_producer("explicit", StreamConfig::new("orders"))
        .unwrap();
    manager.add(&order("explicitly")).unwrap();
    assert_eq!(manager.list_producers(), ["explicit"]);
    manager.remove_producer("explicit").unwrap();
    manager.add(&order("by default again")).unwrap();
    assert_eq!(shop.ask::<u64>("XLEN orders"), 3);
}

#[test]
fn consumer_starts_stops_and_starts_again_under_a_new_name() {
    let shop = Shop::open();
    let manager = &shop.manager;
    let seen = Seen::default();
    let config = quick("orders").consumer("till");
    let consumer = manager.create_consumer("c", config, noting(&seen)).unwrap();
    assert!(!consumer.is_running());
    assert_eq!(consumer.name(), None);
    assert_eq!(shop.ask::<u64>("EXISTS orders"), 0, "nothing was started");

    manager.start_consumer("c").unwrap();
    assert!(consumer.is_running());
    let first = consumer.name().unwrap();
    assert!(first.starts_with("till-"), "{first}");
    let error = manager.start_consumer("c").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    manager.add(&order("1")).unwrap();
    seen.wait_for(1);

    manager.stop_consumer("c").unwrap();
    assert!(!consumer.is_running());
    assert_eq!(manager.list_consumers(), ["c"]);
    manager.add(&order("2")).unwrap();
    manager.start_consumer("c").unwrap();
    assert_ne!(consumer.name().unwrap(), first);
    seen.wait_for(2);

    let report = manager.remove_consumer("c").unwrap();
    assert_eq!((report.completed, report.still_running), (2, 0));
    assert!(manager.list_consumers().is_empty());
    assert!(!consumer.is_running());
    assert_eq!(seen.all(), [("1".to_owned(), 1), ("2".to_owned(), 1)]);
}

#[test]
fn consumer_that_can_not_start_is_not_kept() {
    let shop = Shop::open();
    shop.ask::<()>("SET orders text");
    let seen = Seen::default();
    let result = shop.manager.consume("c", quick("orders"), noting(&seen));
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType);
    assert!(error.to_string().contains("`orders`"), "{error}");
    assert!(shop.manager.list_consumers().is_empty());
    shop.ask::<()>("DEL orders");
    shop.manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
}

#[test]
fn closed_manager_refuses_everything() {
    let shop = Shop::open();
    let manager = &shop.manager;
    manager
        .create_simple_producer("p", StreamConfig::new("orders"))
        .unwrap();
    let producer = manager.producer::<Order>("p").unwrap();
    let seen = Seen::default();
    manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    manager.add(&order("1")).unwrap();
    seen.wait_for(1);
    shop.wait_until_settled("orders");

    let report = manager.shutdown();
    assert_eq!((report.completed, report.still_running), (1, 0));
    assert!(!manager.consumer("c").unwrap().is_running());
    let errors = [
        manager.add(&order("2")).unwrap_err(),
        manager.add_all(&[order("2")]).unwrap_err(),
        manager.add_to("p", &order("2")).unwrap_err(),
        producer.add(&order("2")).unwrap_err(),
        manager
            .create_simple_producer("p2", StreamConfig::new("orders"))
            .unwrap_err(),
        manager
            .consume("c2", quick("orders"), noting(&seen))
            .unwrap_err(),
        manager.start_consumer("c").unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    }
    assert_eq!(manager.shutdown().still_running, 0, "a second time");
    assert_eq!(shop.ask::<u64>("XLEN orders"), 1);
}

#[test]
fn global_manager_is_there_once_it_was_given() {
    let server = Server::start().unwrap();
    assert!(StreamManager::global().is_none());
    let given = StreamManager::connect(server.url()).unwrap();
    StreamManager::init_global(given).unwrap();
    let global = StreamManager::global().unwrap();
    global.add(&order("1")).unwrap();

    let second = StreamManager::connect(server.url()).unwrap();
    let error = StreamManager::init_global(second).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    global.add(&order("2")).unwrap();
    global.shutdown();
}

struct Auditor(Seen<String>);

impl Handler<Order> for Auditor {
    fn handle(&self, delivery: &Delivery<Order>) -> HandlerResult {
        self.0.push(delivery.message().order_id.clone());
        Ok(())
    }
}

#[test]
fn closures_structs_and_shared_handlers_are_handlers() {
    fn shareable<T: Send + Sync>(_: &T) {}
    let shop = Shop::open();
    let manager = &shop.manager;
    shareable(manager);
    let seen = Seen::default();
    let group = |name: &str| quick("orders").group(name);
    let noted = seen.clone();
    manager
        .consume_fn::<Order>("closure", group("closure"), move |order| {
            noted.push(order.order_id.clone());
            Ok(())
        })
        .unwrap();
    manager
        .consume("struct", group("struct"), Auditor(seen.clone()))
        .unwrap();
    let shared = Arc::new(Auditor(seen.clone()));
    manager
        .consume("shared", group("shared"), Arc::clone(&shared))
        .unwrap();
    let any: Arc<dyn Handler<Order>> = shared;
    manager.consume("any", group("any"), any).unwrap();

    manager.add(&order("1")).unwrap();
    seen.wait_for(4);
    manager.shutdown();
    assert_eq!(seen.all(), ["1"; 4]);
}

#[test]
fn stats_show_length_unread_pending_and_dead_letters() {
    let shop = Shop::open();
    let manager = &shop.manager;
    manager
        .create_simple_producer("p", StreamConfig::new("other"))
        .unwrap();
    let seen = Seen::default();
    manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    shop.ask::<String>("XADD orders * amount nonsense");
    manager.add(&order("1")).unwrap();
    wait_until(DEADLINE, "one done and one dead", || {
        let done = manager.consumer("c").unwrap().stats();
        (done.completed, done.dead) == (1, 1)
    });

    let stats = manager.stats().unwrap();
    let names: Vec<_> = stats.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["orders", "other"]);
    let orders = &stats[0];
    assert_eq!((orders.length, orders.backup, orders.dead), (2, 0, 1));
    let group = &orders.groups[0];
    assert_eq!(group.name, "orders_group");
    assert_eq!(
        (group.unread, group.pending, group.waiting),
        (Some(0), 0, 0)
    );
    assert_eq!(group.consumers, 1);
    assert_eq!(stats[1].length, 0, "a stream that isn't there is empty");
    assert!(stats[1].groups.is_empty());
}

/// Redis 7.0 then takes what was read since the file was rewritten for unread.
#[test]
fn unread_is_right_after_a_restart_of_the_server() {
    let shop = Shop::with(Server::options().appendonly(Fsync::Always).start().unwrap());
    shop.add_by_hand("orders", 150);
    shop.ask::<String>("XGROUP CREATE orders g 0");
    shop.ask::<Vec<redis::Value>>("XREADGROUP GROUP g c COUNT 10 STREAMS orders >");
    shop.ask::<String>("BGREWRITEAOF");
    wait_until(DEADLINE, "the file to be rewritten", || {
        let info: String = shop.ask("INFO persistence");
        info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0")
    });
    for (read, unread) in [(130, 10), (10, 0)] {
        let read = format!("XREADGROUP GROUP g c COUNT {read} STREAMS orders >");
        shop.ask::<Vec<redis::Value>>(&read);
        shop.server.restart();
        let stats = shop.manager.stream_stats("orders").unwrap();
        assert_eq!(stats.groups[0].unread, Some(unread));
    }
}

#[test]
fn bad_configuration_names_its_field() {
    let shop = Shop::open();
    let manager = &shop.manager;
    let seen = Seen::default();
    let base = || ConsumerConfig::new("orders");
    let consumers = [
        (base().workers(0), "`workers`"),
        (base().read_count(0), "`read_count`"),
        (base().block_duration(Duration::ZERO), "`block_duration`"),
        (base().lease(Duration::from_millis(1)), "`lease`"),
        (base().group("~mine"), "`group`"),
        (ConsumerConfig::new("a{b"), "`a{b`"),
    ];
    for (config, field) in consumers {
        let error = manager.consume("c", config, noting(&seen)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains(field), "{error}");
    }
    let error = manager
        .create_simple_producer("p", StreamConfig::new("orders").batch_size(0))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`batch_size`"), "{error}");
    let error = manager
        .create_simple_producer("", StreamConfig::new("orders"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(manager.list_consumers().is_empty());
    assert!(manager.list_producers().is_empty());
}

#[test]
fn connecting_to_nobody_fails_at_once_and_lazily_later() {
    let server = Server::start().unwrap();
    server.stop();
    let error = StreamManager::connect(server.url()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());

    let config = ConnectionConfig::new(server.url()).unwrap();
    let manager = StreamManager::connect_lazy(config).unwrap();
    server.restart();
    manager.add(&order("1")).unwrap();
}

#[test]
fn name_of_any_characters_is_a_stream() {
    let shop = Shop::open();
    let name = "odd \0 name\n\u{1f4a1}";
    let seen = Seen::default();
    shop.manager
        .create_simple_producer("p", StreamConfig::new(name))
        .unwrap();
    shop.manager
        .consume("c", quick(name), noting(&seen))
        .unwrap();
    shop.manager.add_to("p", &order("1")).unwrap();
    seen.wait_for(1);
    assert_eq!(shop.manager.shutdown().still_running, 0);
    let dead = shop
        .server
        .command::<u64>(&["EXISTS", &format!("{{{name}}}:dead")]);
    assert_eq!(dead, 0);
}
