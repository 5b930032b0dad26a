//! Asked runs of jobs, while another process, a withdrawal or a removal comes between.

use std::time::Duration;

use stream_lib::{Cron, Crons, ErrorKind, RunRequest, RunState, StreamManager};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Gate, Seen, Shop, order};

const LONG: Duration = Duration::from_mins(10);

const REQUEST: &str = "{orders}:lock:run:job";

fn yearly() -> Cron {
    Cron::parse("@yearly").unwrap()
}

/// Declares the job. Its messages are noted, and made once the gate is open.
fn declare(manager: &StreamManager, gate: &Gate, made: &Seen<()>) {
    let (doorway, noted) = (gate.doorway(), made.clone());
    manager
        .cron("job", yearly(), move || {
            noted.push(());
            doorway.pass();
            order("1")
        })
        .unwrap();
}

fn outside(shop: &Shop) -> (StreamManager, Crons) {
    let manager = StreamManager::connect(shop.server.url()).unwrap();
    let crons = manager.crons("orders").unwrap();
    (manager, crons)
}

#[track_caller]
fn wait_for(request: &RunRequest, state: RunState) {
    wait_until(DEADLINE, "the request", || request.look().unwrap() == state);
}

#[test]
fn two_processes_that_see_a_request_run_it_once() {
    let shop = Shop::open();
    let other = StreamManager::connect(shop.server.url()).unwrap();
    let (gate, made) = (Gate::default(), Seen::default());
    declare(&shop.manager, &gate, &made);
    declare(&other, &gate, &made);
    let (_manager, crons) = outside(&shop);
    let request = crons.ask_to_run("job", LONG).unwrap();
    // Both have seen it, and make the message.
    made.wait_for(2);
    gate.open();
    wait_for(&request, RunState::Ran);
    // The run shows for as long as the request would have stood.
    let left: i64 = shop.ask(&format!("PTTL {REQUEST}"));
    assert!((1..=600_000).contains(&left), "{left}");
    // The second one has tried by then.
    let next = crons.ask_to_run("job", LONG).unwrap();
    wait_for(&next, RunState::Ran);
    assert_eq!(shop.ask::<u64>("XLEN orders"), 2);
}

#[test]
fn a_request_that_is_withdrawn_while_its_message_is_made_adds_nothing() {
    let shop = Shop::open();
    let (gate, made) = (Gate::default(), Seen::default());
    declare(&shop.manager, &gate, &made);
    let (_manager, crons) = outside(&shop);
    let request = crons.ask_to_run("job", LONG).unwrap();
    made.wait_for(1);
    assert_eq!(request.withdraw().unwrap(), RunState::Lapsed);
    gate.open();
    let next = crons.ask_to_run("job", LONG).unwrap();
    wait_for(&next, RunState::Ran);
    assert_eq!(shop.ask::<u64>("XLEN orders"), 1);
}

#[test]
fn a_job_that_is_removed_while_its_message_is_made_adds_nothing() {
    let shop = Shop::open();
    let (gate, made) = (Gate::default(), Seen::default());
    declare(&shop.manager, &gate, &made);
    let (_manager, crons) = outside(&shop);
    let request = crons.ask_to_run("job", LONG).unwrap();
    made.wait_for(1);
    assert!(crons.remove("job").unwrap());
    gate.open();
    // The process makes the message again, so its first try has failed.
    made.wait_for(2);
    assert_eq!(request.look().unwrap(), RunState::Waiting);
    assert_eq!(shop.ask::<u64>("XLEN orders"), 0);
    assert_eq!(request.withdraw().unwrap(), RunState::Lapsed);
}

#[test]
fn requests_that_have_lapsed_leave_the_next_one_alone() {
    let shop = Shop::open();
    let dead = StreamManager::connect(shop.server.url()).unwrap();
    dead.cron("job", yearly(), || order("1")).unwrap();
    drop(dead);
    let (_manager, crons) = outside(&shop);
    let lapsed = || {
        let request = crons.ask_to_run("job", Duration::from_secs(1)).unwrap();
        wait_for(&request, RunState::Lapsed);
        request
    };
    let (first, second) = (lapsed(), lapsed());
    let next = crons.ask_to_run("job", LONG).unwrap();
    assert_eq!(first.look().unwrap(), RunState::Lapsed);
    assert_eq!(second.withdraw().unwrap(), RunState::Lapsed);
    assert_eq!(next.look().unwrap(), RunState::Waiting);
    let error = crons.ask_to_run("job", LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    shop.manager.cron("job", yearly(), || order("1")).unwrap();
    wait_for(&next, RunState::Ran);
    assert_eq!(first.look().unwrap(), RunState::Lapsed);
    assert_eq!(first.withdraw().unwrap(), RunState::Lapsed);
    assert_eq!(next.look().unwrap(), RunState::Ran);
    assert_eq!(shop.ask::<u64>("XLEN orders"), 1);
}
