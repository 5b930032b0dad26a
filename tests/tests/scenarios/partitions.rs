//! Scenario 13: sixteen partitions, and about three processes, some of which join, leave,
//! die and freeze.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use stream_tests::{Process, wait_until};

use crate::store::{DEADLINE, Store, is_labelled};

const PARTITIONS: usize = 16;
/// How often something happens to the processes.
const EVENTS: usize = 8;
/// Orders before, between and after these.
const EACH: usize = 400;

/// The workers that live, and the ones that are to come.
struct Workers<'s> {
    store: &'s Store,
    live: Vec<(String, Process)>,
    started: usize,
    random: u64,
}

impl Workers<'_> {
    fn begin(&mut self) {
        self.started += 1;
        let label = format!("w{}", self.started);
        let options = "--workers 2 --handler-ms 2 --lease-ms 600 --backoff-ms 10 --max-deliveries 8 \
                       --fail-every 9 --fail-on P-7 --fail-on P-1500 --fail-on P-2222";
        let worker = self.store.work(&label, options);
        self.live.push((label, worker));
    }

    /// A number below `limit`.
    fn random(&mut self, limit: usize) -> usize {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.random >> 33).unwrap() % limit
    }

    fn any(&mut self) -> (String, Process) {
        let victim = self.random(self.live.len());
        self.live.remove(victim)
    }

    /// One of the things that may happen, to any of them; three are left.
    fn strike(&mut self) {
        match self.random(4) {
            0 => {
                let (label, victim) = self.any();
                eprintln!("kill {label}");
                victim.kill();
                self.begin();
            }
            1 => {
                let (label, victim) = self.any();
                eprintln!("stop {label}");
                Store::stop(&victim);
                self.begin();
            }
            2 => {
                let (label, victim) = self.any();
                eprintln!("freeze {label}");
                victim.freeze();
                // The others have its partitions by now.
                self.wait_for_shares();
                victim.thaw();
                self.live.push((label, victim));
            }
            _ => {
                eprintln!("one more, and one less");
                self.begin();
                self.wait_for_shares();
                let (_, victim) = self.any();
                Store::stop(&victim);
            }
        }
        assert_eq!(self.live.len(), 3);
    }

    /// Waits until those that live share all partitions fairly: with three members each
    /// has between a fifth and a half of them.
    fn wait_for_shares(&self) {
        let (fewest, most) = (
            PARTITIONS / self.live.len(),
            PARTITIONS.div_ceil(self.live.len()),
        );
        wait_until(DEADLINE, "fair shares", || {
            let shares = shares(self.store);
            let of = |label: &String| {
                let owned = shares.iter().filter(|(name, _)| is_labelled(name, label));
                owned.map(|(_, count)| *count).sum::<usize>()
            };
            let owned: Vec<_> = self.live.iter().map(|(label, _)| of(label)).collect();
            owned.iter().sum::<usize>() == PARTITIONS
                && owned.iter().all(|n| (fewest..=most).contains(n))
        });
        if self.live.len() == 3 {
            assert!(fewest * 5 >= PARTITIONS && most * 2 <= PARTITIONS);
        }
    }
}

/// How many partitions each consumer owns.
fn shares(store: &Store) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for partition in 0..PARTITIONS {
        let lock = format!("GET {{orders:{partition}}}:lock:owner:orders_group");
        if let Some(owner) = store.ask::<Option<String>>(&lock) {
            *shares.entry(owner).or_default() += 1;
        }
    }
    shares
}

fn add(store: &Store, orders: impl Iterator<Item = usize>) {
    let mut connection = store.server.connect().unwrap();
    let mut pipe = redis::pipe();
    for number in orders {
        let stream = format!("{{orders:{}}}", number % PARTITIONS);
        pipe.cmd("XADD").arg(stream).arg("*");
        pipe.arg("order_id").arg(format!("P-{number}"));
        pipe.arg("user_id").arg(number).arg("amount").arg("9.5");
        pipe.arg("status").arg("pending");
    }
    let _: Vec<String> = pipe.query(&mut connection).unwrap();
}

fn sum(store: &Store, command: &str, rest: &[&str]) -> usize {
    let rows = |partition: usize| {
        let key = format!("{{orders:{partition}}}");
        let words: Vec<_> = [command, &key]
            .into_iter()
            .chain(rest.iter().copied())
            .collect();
        store.server.command::<Vec<redis::Value>>(&words).len()
    };
    (0..PARTITIONS).map(rows).sum()
}

#[test]
fn partitions_survive_whatever_happens_to_their_owners() {
    let store = Store::open();
    let declare = format!("HSET {{orders}}:meta partitions {PARTITIONS}");
    store.ask::<u8>(&declare);
    let mut workers = Workers {
        store: &store,
        live: Vec::new(),
        started: 0,
        random: u64::from(std::process::id()),
    };
    eprintln!("the random numbers begin with {}", workers.random);
    for _ in 0..3 {
        workers.begin();
    }
    add(&store, 0..EACH);
    workers.wait_for_shares();
    for event in 1..=EVENTS {
        thread::scope(|scope| {
            scope.spawn(|| add(&store, EACH * event..EACH * (event + 1)));
            workers.strike();
        });
        workers.wait_for_shares();
    }
    let bad: BTreeSet<_> = ["P-7", "P-1500", "P-2222"].map(str::to_owned).into();
    let all = (0..EACH * (EVENTS + 1)).map(|n| format!("P-{n}"));
    let good: BTreeSet<_> = all.filter(|order| !bad.contains(order)).collect();
    store.wait_until_done(&good);
    let dead = || dead_orders(&store);
    wait_until(DEADLINE, "the dead letters", || dead().len() == bad.len());
    wait_until(DEADLINE, "nothing to be pending", || {
        sum(&store, "XPENDING", &["orders_group", "-", "+", "10000"]) == 0
    });
    workers.wait_for_shares();
    assert_eq!(store.done_orders(), good);
    // Each of them once.
    let letters: BTreeSet<_> = dead().into_iter().collect();
    assert_eq!(letters, bad);
    assert_eq!(dead().len(), bad.len());
    for (_, worker) in &workers.live {
        Store::stop(worker);
    }
    assert_eq!(shares(&store), BTreeMap::new());
    assert_eq!(
        store.ask::<u8>("EXISTS orders"),
        0,
        "nothing in the stream itself"
    );
}

/// The orders in the dead letters of all partitions.
fn dead_orders(store: &Store) -> Vec<String> {
    let of = |partition: usize| {
        let range = format!("XRANGE {{orders:{partition}}}:dead - +");
        let letters: Vec<(String, Vec<(String, String)>)> = store.ask(&range);
        letters.into_iter().filter_map(|(_, fields)| {
            let order = fields.into_iter().find(|(name, _)| name == "order_id")?;
            Some(order.1)
        })
    };
    (0..PARTITIONS).flat_map(of).collect()
}
