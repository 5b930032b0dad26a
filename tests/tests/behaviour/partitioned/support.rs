//! A stream `orders` with partitions, as another program would make and fill it.

use std::collections::BTreeMap;
use std::time::Duration;

use stream_lib::{Consumer, ConsumerConfig};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Shop, quick};

/// Short, so that what others leave behind is taken soon, and long enough for a busy
/// machine.
pub(super) const LEASE: Duration = Duration::from_millis(1_500);

/// A stream with so many partitions.
pub(super) struct Parts {
    pub(super) shop: Shop,
    pub(super) count: usize,
}

impl Parts {
    #[track_caller]
    pub(super) fn open(count: usize) -> Self {
        let parts = Self {
            shop: Shop::open(),
            count,
        };
        parts.declare();
        parts
    }

    #[track_caller]
    pub(super) fn declare(&self) {
        let set = format!("HSET {{orders}}:meta partitions {}", self.count);
        self.shop.ask::<u64>(&set);
    }

    /// Adds orders, each to the partition with its number, from the first on again
    /// behind the last.
    #[track_caller]
    pub(super) fn add(&self, orders: impl Iterator<Item = usize>) {
        let mut connection = self.shop.server.connect().unwrap();
        let mut pipe = redis::pipe();
        for number in orders {
            pipe.cmd("XADD").arg(name(number % self.count)).arg("*");
            pipe.arg("order_id").arg(number).arg("amount").arg("9.5");
        }
        let _: Vec<String> = pipe.query(&mut connection).unwrap();
    }

    /// Who owns how many partitions.
    #[track_caller]
    pub(super) fn shares(&self) -> BTreeMap<String, usize> {
        let mut shares = BTreeMap::new();
        for owner in self.owners().into_iter().flatten() {
            *shares.entry(owner).or_default() += 1;
        }
        shares
    }

    /// The owner of each partition.
    #[track_caller]
    pub(super) fn owners(&self) -> Vec<Option<String>> {
        let owner = |n| self.shop.ask(&format!("GET {}", lock(n)));
        (0..self.count).map(owner).collect()
    }

    /// Waits until each of the consumers owns so many partitions, all of them together.
    #[track_caller]
    pub(super) fn wait_for_shares(&self, consumers: &[&Consumer]) {
        let each = self.count / consumers.len();
        let fair = each..=each + usize::from(!self.count.is_multiple_of(consumers.len()));
        wait_until(DEADLINE, "a fair share for each", || {
            let owned = consumers
                .iter()
                .map(|consumer| consumer.partitions().map_or(0, |p| p.len()));
            let owned: Vec<_> = owned.collect();
            let locks: usize = self.shares().values().sum();
            owned.iter().all(|n| fair.contains(n))
                && owned.iter().sum::<usize>() == self.count
                && locks == self.count
        });
    }

    /// What the group has pending, in all partitions.
    #[track_caller]
    pub(super) fn pending(&self) -> usize {
        let pending = |n| {
            let command = ["XPENDING", &name(n), "orders_group", "-", "+", "100000"];
            let rows = self.shop.server.try_command::<Vec<redis::Value>>(&command);
            rows.map_or(0, |rows| rows.len())
        };
        (0..self.count).map(pending).sum()
    }

    #[track_caller]
    pub(super) fn wait_until_settled(&self) {
        wait_until(DEADLINE, "nothing to be pending", || self.pending() == 0);
    }

    /// The consumers of the group in one partition, without those of the library.
    #[track_caller]
    pub(super) fn consumers(&self, partition: usize) -> Vec<String> {
        let command = format!("XINFO CONSUMERS {} orders_group", name(partition));
        let consumers: Vec<Vec<redis::Value>> = self.shop.ask(&command);
        let names = consumers
            .iter()
            .map(|fields| redis::from_redis_value_ref::<String>(&fields[1]).unwrap());
        names.filter(|name| !name.starts_with('~')).collect()
    }
}

/// The stream of one partition.
pub(super) fn name(partition: usize) -> String {
    format!("{{orders:{partition}}}")
}

/// The lock of its owner.
pub(super) fn lock(partition: usize) -> String {
    format!("{}:lock:owner:orders_group", name(partition))
}

/// A consumer that is quick in everything a test waits for.
pub(super) fn eager() -> ConsumerConfig {
    quick("orders").lease(LEASE)
}
