//! Consumers of the first version that are dead, or only idle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stream_lib::{ConsumerConfig, Delivery, RawMessage, StreamManager};
use stream_tests::wait_until;

use crate::field::Version::Old;
use crate::field::{DEADLINE, Field, is_labelled, names, tell};

#[test]
#[ignore = "builds the first version: make upgrade"]
fn consumers_of_the_first_version_are_removed_once_they_hold_nothing_and_are_gone() {
    const HELD: usize = 4;
    let Some(field) = Field::open() else { return };
    let lease = Duration::from_secs(6);
    let options = format!("--lease-ms {} --handler-ms 600000", lease.as_millis());
    let idle = field.work(Old, "idle", &options);
    idle.kill();
    field.produce(Old, &format!("--count {HELD}"));
    let holder = field.work(Old, "holder", &format!("{options} --workers 4"));
    let holds = || field.pending() == HELD as u64;
    wait_until(DEADLINE, "all to be held", holds);
    // One that lives, and has nothing to do.
    let quiet = field.work(Old, "quiet", &format!("--lease-ms {}", lease.as_millis()));
    let stands = |label: &str| {
        let consumers = field.consumers();
        consumers.iter().any(|name| is_labelled(name, label))
    };

    let manager = StreamManager::connect(field.server.url()).unwrap();
    let handled = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&handled);
    let config = ConsumerConfig::new("orders")
        .consumer("new")
        .lease(lease)
        .consumer_expiry(lease);
    manager
        .consume("new", config, move |_: &Delivery<RawMessage>| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .unwrap();
    wait_until(DEADLINE, "the dead one that holds nothing to go", || {
        !stands("idle")
    });
    assert!(stands("holder") && holds(), "it lives, and renews");
    assert_eq!(handled.load(Ordering::SeqCst), 0);
    holder.kill();
    wait_until(DEADLINE, "the other to go", || !stands("holder"));
    field.wait_until_settled();
    // Either of the two that live may have taken them over.
    let by_new = handled.load(Ordering::SeqCst);
    tell(format_args!(
        "{HELD} orders of a killed old member: {by_new} by the new, {} by the old, {} pending; {} of 4 \
         consumers left",
        field.done().len(),
        field.pending(),
        field.consumers().len()
    ));
    assert_eq!(by_new + field.done().len(), HELD);

    manager.shutdown();
    // It may have been removed, too: Redis 7.0 shows a reader that finds nothing as
    // idle. It held nothing, and goes on.
    field.produce(Old, "--count 2 --prefix L");
    field.wait_until_done(&names("L", 2).collect());
    Field::stop(&quiet);
}
