//! Recurring jobs on a cluster: each tick is one message, wherever their slot is.

use std::collections::BTreeSet;
use std::time::Duration;

use stream_lib::{Cron, CronState, RunRequest, RunState, StreamConfig, StreamManager};
use stream_tests::{Cluster, wait_until};

use super::support::{connect, message, other_than};
use crate::DEADLINE;

const LONG: Duration = Duration::from_mins(10);

fn every_second() -> Cron {
    Cron::parse("* * * * * *").unwrap()
}

/// The ticks of all messages in a stream or partition, with their jobs.
fn ticks(cluster: &Cluster, stream: &str) -> Vec<(String, u64)> {
    let node = cluster.node_of(stream);
    let entries: Vec<(String, Vec<String>)> = node.command(&["XRANGE", stream, "-", "+"]);
    let value = |fields: &[String], name: &str| {
        let mut behind = fields.iter().skip_while(|field| *field != name);
        behind.nth(1).unwrap().clone()
    };
    let tick = |fields: &[String]| value(fields, "~tick").parse().unwrap();
    let ticks = entries.iter();
    ticks
        .map(|(_, fields)| (value(fields, "~cron"), tick(fields)))
        .collect()
}

#[track_caller]
fn wait_for_more(cluster: &Cluster, stream: &str) {
    let known = ticks(cluster, stream).len();
    wait_until(DEADLINE, "more ticks", || {
        ticks(cluster, stream).len() >= known + 2
    });
}

#[test]
fn each_tick_is_one_message_while_its_slot_moves_and_fails_over() {
    let cluster = Cluster::start().unwrap();
    let managers: Vec<StreamManager> = (0..3).map(|_| connect(&cluster)).collect();
    for manager in &managers {
        manager
            .cron_to("orders", "job", every_second(), || message(1))
            .unwrap();
    }
    wait_for_more(&cluster, "orders");
    let (slot, from) = (cluster.slot_of("orders"), cluster.node_of("orders"));
    let moving = cluster.reshard(slot, other_than(&cluster, from));
    moving.move_rest();
    moving.finish();
    wait_for_more(&cluster, "orders");
    let old = cluster.node_of("orders");
    cluster.failover(old);
    cluster.wait_for_switch(slot, old);
    wait_for_more(&cluster, "orders");
    let ticks: Vec<u64> = ticks(&cluster, "orders").iter().map(|t| t.1).collect();
    // After a gap several missed ticks are made up for by one.
    assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]), "{ticks:?}");
    assert!(ticks.iter().all(|tick| tick % 1_000 == 0), "{ticks:?}");
}

#[test]
fn jobs_of_partitions_are_reached_on_all_masters() {
    const PARTITIONS: u16 = 8;
    let cluster = Cluster::start().unwrap();
    let managers = [connect(&cluster), connect(&cluster)];
    let config = StreamConfig::new("orders").partitions(PARTITIONS);
    managers[0].create_simple_producer("p", config).unwrap();
    let name = |number: u16| format!("{{orders:{number}}}");
    let jobs: Vec<String> = (0..12).map(|number| format!("job-{number:02}")).collect();
    for manager in &managers {
        for job in &jobs {
            let yearly = Cron::parse("@yearly").unwrap();
            manager
                .cron_to("orders", job, yearly, || message(1))
                .unwrap();
        }
    }
    let outside = connect(&cluster);
    let crons = outside.crons("orders").unwrap();
    let names: Vec<String> = crons.list().unwrap().into_iter().map(|j| j.name).collect();
    assert_eq!(names, jobs);
    // Each is known in one partition, and all masters have some.
    let known = |number: u16| -> Vec<String> {
        let key = format!("{}:cron", name(number));
        cluster.node_of(&key).command(&["HKEYS", &key])
    };
    let mut seen: Vec<String> = (0..PARTITIONS).flat_map(known).collect();
    seen.sort();
    assert_eq!(seen, jobs);
    let busy = (0..PARTITIONS).filter(|number| !known(*number).is_empty());
    let nodes: BTreeSet<u16> = busy.map(|n| cluster.node_of(&name(n)).port()).collect();
    assert!(nodes.len() > 1, "{nodes:?}");

    let state = |job: &str| {
        let all = crons.list().unwrap();
        all.into_iter().find(|j| j.name == job).unwrap().state
    };
    for job in &jobs {
        assert!(crons.pause(job).unwrap());
        assert_eq!(state(job), CronState::Paused);
    }
    let ask = |job: &String| crons.ask_to_run(job, LONG).unwrap();
    let requests: Vec<RunRequest> = jobs.iter().map(ask).collect();
    for request in &requests {
        wait_until(DEADLINE, "a run that was asked for", || {
            request.look().unwrap() == RunState::Ran
        });
    }
    for job in &jobs {
        let home = (0..PARTITIONS).find(|n| known(*n).contains(job)).unwrap();
        let runs = ticks(&cluster, &name(home));
        assert_eq!(runs.iter().filter(|(of, _)| of == job).count(), 1, "{job}");
    }
    let all = (0..PARTITIONS).map(|number| ticks(&cluster, &name(number)).len());
    assert_eq!(all.sum::<usize>(), jobs.len());
    assert!(crons.resume(&jobs[0]).unwrap());
    assert_eq!(state(&jobs[0]), CronState::On);
    assert!(crons.remove(&jobs[11]).unwrap());
    assert_eq!(state(&jobs[11]), CronState::Removed);
}
