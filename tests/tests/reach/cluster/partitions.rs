//! A stream whose partitions are on all nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use stream_lib::{ConsumerConfig, RawMessage, StreamManager};
use stream_tests::{Cluster, poll, wait_until};

use super::support::{connect, number_of, other_than, quick};
use crate::DEADLINE;

const PARTITIONS: usize = 16;

fn name(partition: usize) -> String {
    format!("{{orders:{partition}}}")
}

/// Adds one message: to another node, where one has failed.
#[track_caller]
fn add(cluster: &Cluster, number: usize) {
    let stream = name(number % PARTITIONS);
    let number = number.to_string();
    let added = poll(DEADLINE, || {
        let node = cluster.node_of(&stream);
        let words = ["XADD", &stream, "*", "n", &number];
        node.try_command::<String>(&words).ok()
    });
    assert!(added.is_some(), "{number} was never added");
}

struct Group {
    handled: Arc<Mutex<BTreeMap<usize, usize>>>,
}

impl Group {
    #[track_caller]
    fn join(&self, manager: &StreamManager, config: ConsumerConfig) -> stream_lib::Consumer {
        let handled = Arc::clone(&self.handled);
        manager
            .consume_fn::<RawMessage>("c", config.group("orders_group"), move |delivery| {
                *handled.lock().entry(number_of(delivery)).or_default() += 1;
                Ok(())
            })
            .unwrap()
    }

    #[track_caller]
    fn wait_for(&self, numbers: std::ops::Range<usize>) {
        wait_until(DEADLINE, format!("all of {numbers:?}"), || {
            let handled = self.handled.lock();
            numbers.clone().all(|n| handled.contains_key(&n))
        });
    }
}

#[test]
fn partitions_spread_over_all_nodes_and_follow_failovers() {
    let cluster = Cluster::start().unwrap();
    let stem = cluster.node_of("{orders}:meta");
    let count = PARTITIONS.to_string();
    stem.command::<u64>(&["HSET", "{orders}:meta", "partitions", &count]);
    let managers = [connect(&cluster), connect(&cluster)];
    let group = Group {
        handled: Arc::default(),
    };
    let consumers: Vec<_> = managers
        .iter()
        .map(|manager| group.join(manager, quick("orders")))
        .collect();
    wait_until(DEADLINE, "half of the partitions for each", || {
        consumers
            .iter()
            .all(|c| c.partitions().is_some_and(|p| p.len() == PARTITIONS / 2))
    });
    (0..80).for_each(|n| add(&cluster, n));
    group.wait_for(0..80);
    let nodes: BTreeSet<_> = (0..PARTITIONS)
        .map(|n| cluster.node_of(&name(n)).port())
        .collect();
    assert_eq!(nodes.len(), 3);
    for master in cluster.masters() {
        assert!(master.calls("XREADGROUP") > 0, "{}", master.port());
    }

    // As planned: nothing is lost, and nobody stops.
    let old = cluster.node_of(&name(0));
    let slot = cluster.slot_of(&name(0));
    cluster.failover(old);
    cluster.wait_for_switch(slot, old);
    (80..160).for_each(|n| add(&cluster, n));
    group.wait_for(80..160);
    cluster.wait_until_whole();

    // And without a word: the node of some partitions, or of the signs of life.
    let stem = cluster.node_of("{orders}:meta");
    for victim in [other_than(&cluster, stem), stem] {
        let stream = (0..PARTITIONS)
            .map(name)
            .find(|stream| cluster.node_of(stream).port() == victim.port())
            .unwrap();
        let slot = cluster.slot_of(&stream);
        // What isn't replicated yet may be lost.
        victim.command::<u64>(&["WAIT", "1", "1000"]);
        victim.kill();
        cluster.wait_for_switch(slot, victim);
        let from = group.handled.lock().len();
        let next = from.max(160);
        (next..next + 80).for_each(|n| add(&cluster, n));
        group.wait_for(next..next + 80);
        victim.restart();
        cluster.wait_until_whole();
    }
    for consumer in &consumers {
        assert!(consumer.is_running(), "{:?}", consumer.failure());
    }
    wait_until(DEADLINE, "half of the partitions for each", || {
        consumers
            .iter()
            .all(|c| c.partitions().is_some_and(|p| p.len() == PARTITIONS / 2))
    });
    wait_until(DEADLINE, "nothing to be pending", || {
        (0..PARTITIONS).all(|n| {
            let stream = name(n);
            let node = cluster.node_of(&stream);
            let words = ["XPENDING", &stream, "orders_group", "-", "+", "10"];
            node.command::<Vec<redis::Value>>(&words).is_empty()
        })
    });
}
