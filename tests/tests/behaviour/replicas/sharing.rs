//! Adds of many callers, which share a `WAIT` if they ask for the same.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use stream_lib::{Producer, RawMessage};
use stream_tests::wait_until;

use super::{Fleet, PATIENT, assert_main, lack, message, wanting};
use crate::support::DEADLINE;

#[test]
fn those_that_want_the_same_share_one() {
    const CALLERS: usize = 16;
    let fleet = Fleet::of(1);
    let manager = fleet.connect();
    let wait = Duration::from_secs(1);
    let producers: Vec<Producer<RawMessage>> = ["one", "two"]
        .iter()
        .map(|name| {
            let config = wanting(name, 1, wait);
            manager
                .create_simple_producer(name, config)
                .unwrap()
                .typed()
        })
        .collect();
    // Two leaders wait for replicas; all others come together then.
    fleet.freeze();
    let barrier = Barrier::new(CALLERS);
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (producer, barrier) = (&producers[caller % 2], &barrier);
            scope.spawn(move || {
                barrier.wait();
                lack(producer.add(&message(caller)));
            });
        }
    });
    let waits = fleet.master.calls("wait");
    // One for each producer asks whether it may.
    assert!(waits < 2 + CALLERS as u64, "{waits} for {CALLERS} adds");
    assert_eq!(fleet.length("one") + fleet.length("two"), CALLERS as u64);
}

#[test]
fn those_that_want_different_things_do_not_hear_of_each_other() {
    const CALLERS: usize = 18;
    let fleet = Fleet::of(2);
    let manager = fleet.connect();
    let producers: Vec<Producer<RawMessage>> = (0..3)
        .map(|wanted: u32| {
            let name = format!("want-{wanted}");
            let timeout = if wanted == 2 { PATIENT / 40 } else { PATIENT };
            let config = wanting(&name, wanted, timeout);
            manager
                .create_simple_producer(&name, config)
                .unwrap()
                .typed()
        })
        .collect();
    fleet.replicas[1].freeze();
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (producers, wanted) = (&producers, caller % 3);
            scope.spawn(move || {
                for n in 0..5 {
                    let added = producers[wanted].add(&message(n));
                    if wanted == 2 {
                        assert_eq!(lack(added).confirmed, Some(1));
                    } else {
                        assert_main(added);
                    }
                }
            });
        }
    });
    for wanted in 0..3 {
        assert_eq!(
            fleet.length(&format!("want-{wanted}")),
            5 * CALLERS as u64 / 3
        );
    }
}

#[test]
fn those_that_wait_for_nobody_go_past_those_that_wait() {
    let fleet = Fleet::of(1);
    let manager = fleet.connect();
    let waiting: Producer<RawMessage> = manager
        .create_simple_producer("waiting", wanting("waiting", 1, PATIENT))
        .unwrap()
        .typed();
    let plain: Producer<RawMessage> = manager
        .create_simple_producer("plain", wanting("plain", 0, Duration::ZERO))
        .unwrap()
        .typed();
    assert_main(waiting.add(&message(0)));
    fleet.freeze();
    thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|n| {
                scope.spawn({
                    let waiting = &waiting;
                    move || waiting.add(&message(n))
                })
            })
            .collect();
        // Two of them lead, and the others stand in line.
        wait_until(DEADLINE, "two adds", || fleet.length("waiting") >= 3);
        for n in 0..10 {
            assert_main(plain.add(&message(n)));
        }
        assert!(callers.iter().all(|caller| !caller.is_finished()));
        fleet.thaw();
        for caller in callers {
            assert_main(caller.join().unwrap());
        }
    });
}
