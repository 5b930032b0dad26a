//! Runs of jobs that are asked for by processes that don't have the job.

use std::time::Duration;

use stream_lib::{Cron, CronState, Crons, ErrorKind, RunRequest, RunState, StreamManager};
use stream_tests::wait_until;

use super::fields;
use crate::support::{DEADLINE, Shop, order};

const LONG: Duration = Duration::from_mins(10);

fn yearly() -> Cron {
    Cron::parse("@yearly").unwrap()
}

#[track_caller]
fn wait_until_ran(request: &RunRequest) {
    wait_until(DEADLINE, "a process to run the job", || {
        request.look().unwrap() == RunState::Ran
    });
}

fn outside(shop: &Shop) -> (StreamManager, Crons) {
    let manager = StreamManager::connect(shop.server.url()).unwrap();
    let crons = manager.crons("orders").unwrap();
    (manager, crons)
}

#[test]
fn one_of_all_processes_runs_a_job_once_and_its_times_stay() {
    let shop = Shop::open();
    let other = StreamManager::connect(shop.server.url()).unwrap();
    for manager in [&shop.manager, &other] {
        manager.cron("job", yearly(), || order("1")).unwrap();
    }
    let (_manager, crons) = outside(&shop);
    let before = crons.list().unwrap()[0].clone();
    for run in 1..=2 {
        let request = crons.ask_to_run("job", LONG).unwrap();
        wait_until_ran(&request);
        assert_eq!(shop.ask::<u64>("XLEN orders"), run);
        // A run that is over is not taken back.
        if run == 1 {
            assert_eq!(request.withdraw().unwrap(), RunState::Ran);
        }
    }
    let after = crons.list().unwrap()[0].clone();
    assert_eq!((after.last, after.next), (before.last, before.next));
    assert_eq!(fields(&shop, "orders", "~cron"), ["job", "job"]);
}

#[test]
fn paused_job_is_run_and_stays_paused() {
    let shop = Shop::open();
    shop.manager
        .cron("job", Cron::parse("* * * * * *").unwrap(), || order("1"))
        .unwrap();
    let (_manager, crons) = outside(&shop);
    assert!(crons.pause("job").unwrap());
    let before = shop.ask::<u64>("XLEN orders");
    let request = crons.ask_to_run("job", LONG).unwrap();
    wait_until_ran(&request);
    // What was due meanwhile is left out: the process has seen that it is paused.
    let second = crons.ask_to_run("job", LONG).unwrap();
    wait_until_ran(&second);
    assert_eq!(shop.ask::<u64>("XLEN orders"), before + 2);
    assert_eq!(crons.list().unwrap()[0].state, CronState::Paused);
}

#[test]
fn request_that_no_process_takes_is_withdrawn_or_lapses() {
    let shop = Shop::open();
    let dead = StreamManager::connect(shop.server.url()).unwrap();
    dead.cron("job", yearly(), || order("1")).unwrap();
    drop(dead);
    let (_manager, crons) = outside(&shop);
    let request = crons.ask_to_run("job", LONG).unwrap();
    assert_eq!(request.look().unwrap(), RunState::Waiting);
    let kind = |name: &str| crons.ask_to_run(name, LONG).unwrap_err().kind();
    assert_eq!(kind("job"), ErrorKind::AlreadyExists);
    assert_eq!(kind("another"), ErrorKind::NotFound);
    assert_eq!(request.withdraw().unwrap(), RunState::Lapsed);
    let short = crons.ask_to_run("job", Duration::from_secs(1)).unwrap();
    wait_until(DEADLINE, "the request to lapse", || {
        short.look().unwrap() == RunState::Lapsed
    });
    // A process that comes now runs neither of them, but the next one.
    shop.manager.cron("job", yearly(), || order("2")).unwrap();
    let third = crons.ask_to_run("job", LONG).unwrap();
    wait_until_ran(&third);
    assert_eq!(shop.ask::<u64>("XLEN orders"), 1);
    assert!(crons.remove("job").unwrap());
    assert_eq!(kind("job"), ErrorKind::NotFound);
    let error = crons.ask_to_run("job", Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
}

#[test]
fn job_of_a_partition_is_reached() {
    let shop = Shop::open();
    shop.ask::<u8>("HSET {orders}:meta partitions 4");
    shop.manager.cron("job", yearly(), || order("1")).unwrap();
    let (_manager, crons) = outside(&shop);
    let request = crons.ask_to_run("job", LONG).unwrap();
    wait_until_ran(&request);
    let lengths: u64 = (0..4)
        .map(|part| shop.ask::<u64>(&format!("XLEN {{orders:{part}}}")))
        .sum();
    assert_eq!(lengths, 1);
}
