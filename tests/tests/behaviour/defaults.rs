//! Default producers, and handles of created ones.

use stream_lib::{
    Added, BackupStreamConfig, ErrorKind, Producer, RawMessage, StreamConfig, StreamMessage,
};
use stream_tests::LogCapture;

use crate::support::{Order, Shop, order};

/// Of a stream that no other test logs about.
#[derive(StreamMessage)]
#[stream(name = "untold")]
struct Untold {
    n: u8,
}

#[test]
fn default_producer_is_told_once_and_listed() {
    let shop = Shop::open();
    let manager = &shop.manager;
    let log = LogCapture::start();
    manager.add(&Untold { n: 1 }).unwrap();
    manager.send(&Untold { n: 2 }).unwrap().wait().unwrap();
    let told = || log.containing("no producer was created for `untold`").len();
    assert_eq!(told(), 1);
    assert_eq!(manager.list_producers(), ["untold (default)"]);
    let listed = &manager.producers()[0];
    assert_eq!((listed.name(), listed.stream()), (None, "untold"));
    assert!(listed.is_default() && !listed.is_backup());

    manager
        .create_backup_producer("shop", BackupStreamConfig::new("untold"))
        .unwrap();
    manager.add(&Untold { n: 3 }).unwrap();
    assert_eq!(manager.list_producers(), ["shop"]);
    assert!(manager.producers()[0].is_backup());
    assert_eq!(told(), 1);
}

#[test]
fn manager_that_requires_producers_makes_none() {
    let shop = Shop::open();
    let manager = &shop.manager;
    manager.add(&order("before")).unwrap();
    manager.require_producers(true);
    manager
        .create_backup_producer("payments", BackupStreamConfig::new("payments"))
        .unwrap();
    let errors = [
        manager.add(&order("1")).unwrap_err(),
        manager.add_all(&[order("1")]).unwrap_err(),
        manager.send(&order("1")).unwrap_err(),
        manager
            .with(&order("1"))
            .header("a", "1")
            .add()
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        for word in ["`orders`", "`payments`", "create_simple_producer"] {
            assert!(error.to_string().contains(word), "{error}");
        }
    }
    manager
        .create_simple_producer("orders", StreamConfig::new("orders"))
        .unwrap();
    manager.add(&order("1")).unwrap();
    assert_eq!(shop.ask::<u64>("XLEN orders"), 2);
    manager.remove_producer("orders").unwrap();
    manager.require_producers(false);
    manager.add(&order("2")).unwrap();
}

#[test]
fn creating_a_producer_gives_its_handle() {
    let shop = Shop::open();
    let manager = &shop.manager;
    let config = StreamConfig::new("orders");
    let simple = manager.create_simple_producer("s", config).unwrap();
    assert_eq!((simple.name(), simple.stream()), (Some("s"), "orders"));
    assert!(!simple.is_backup() && !simple.is_default());
    let orders: Producer<Order> = simple.typed();
    assert!(matches!(orders.add(&order("1")), Ok(Added::Main(_))));
    let config = BackupStreamConfig::new("others");
    let backup = manager.create_backup_producer("b", config).unwrap();
    assert!(backup.is_backup());
    let others = backup.typed::<RawMessage>();
    others.add(&RawMessage::new().with("a", "1")).unwrap();
    manager.remove_producer("s").unwrap();
    assert_eq!(
        orders.add(&order("2")).unwrap_err().kind(),
        ErrorKind::Closed
    );
    let name = |n: usize| manager.producers()[n].to_string();
    assert_eq!((manager.producers().len(), name(0)), (1, "b".to_owned()));
}
