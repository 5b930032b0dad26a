//! Consumers that wait for replicas of their outputs.

use stream_lib::{ConsumerConfig, RawMessage};
use stream_tests::{LogCapture, wait_until};

use super::{Fleet, PATIENT, SHORT};
use crate::support::{DEADLINE, ask};

#[test]
fn outputs_are_waited_for_and_too_few_replicas_are_told_once() {
    let fleet = Fleet::of(1);
    let manager = fleet.connect();
    let log = LogCapture::start();
    for (stream, timeout) in [("copied", PATIENT / 2), ("uncopied", SHORT)] {
        if stream == "uncopied" {
            fleet.freeze();
        }
        for number in 0..30 {
            ask::<String>(&fleet.master, &format!("XADD {stream} * n {number}"));
        }
        let config = ConsumerConfig::new(stream).replicas(1, timeout);
        let consumer = manager
            .consume_fn::<RawMessage>(stream, config, |message| {
                message.produce_to("out", message.message())?;
                Ok(())
            })
            .unwrap();
        wait_until(DEADLINE, "all to be completed", || {
            consumer.stats().completed == 30
        });
        consumer.stop();
    }
    fleet.thaw();
    assert_eq!(ask::<u64>(&fleet.master, "XLEN out"), 60);
    assert!(fleet.master.calls("wait") >= 2);
    let told = |stream: &str| {
        let text = format!("outputs of `{stream}` and their acknowledgements may be lost");
        log.containing(&text).len()
    };
    assert_eq!((told("copied"), told("uncopied")), (0, 1));
}
