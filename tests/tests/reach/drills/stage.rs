//! All parts of a drill.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stream_lib::StreamManager;
use stream_tests::{Cluster, LogCapture, Sentinels, wait_until};
use tempfile::TempDir;

use super::bell::{Bell, let_work};
use super::consumers::Group;
use super::ledger::Fate;
use super::producers::{Kind, Plan, Work};
use super::servers::Servers;
use super::verdict;
use crate::DEADLINE;

/// How many orders each producer has added before anything happens.
const WARM: usize = 50;

/// Servers, producers, consumers.
pub(super) struct Stage {
    pub(super) producers: Vec<Work>,
    pub(super) groups: Vec<Group>,
    pub(super) log: LogCapture,
    /// What the names of the streams begin with.
    pub(super) tag: String,
    enough: Arc<Bell>,
    /// Those of the consumers, then that of the producers.
    managers: Vec<Arc<StreamManager>>,
    _spools: TempDir,
    // Last, so that what needs them has ended.
    pub(super) servers: Servers,
}

impl Stage {
    /// Starts everything, and waits until all have something to do.
    pub(super) fn set(tag: String, servers: Servers, kinds: &[Kind]) -> Self {
        let log = LogCapture::start();
        let managers: Vec<_> = (0..3).map(|_| Arc::new(servers.manager())).collect();
        let [first, second, producing] = managers.as_slice() else {
            unreachable!("three were made")
        };
        let (spools, enough) = (TempDir::new().unwrap(), Arc::new(Bell::default()));
        let prefix = servers.prefix(&tag);
        let producers: Vec<_> = kinds
            .iter()
            .map(|&kind| {
                let stream = format!("{prefix}{}", kind.name());
                let plan = Plan {
                    kind,
                    stream,
                    replicas: servers.replicas(),
                };
                Work::begin(producing, plan, &spools, &enough)
            })
            .collect();
        let mut groups = Vec::new();
        for (n, work) in producers.iter().enumerate() {
            // One stream has two members and a second group.
            if n == 0 {
                groups.push(Group::begin(
                    &[first, second],
                    &work.stream,
                    work.kind.name(),
                ));
                groups.push(Group::in_batches(second, &work.stream, work.kind.name()));
            } else {
                groups.push(Group::begin(&[first], &work.stream, work.kind.name()));
            }
        }
        let stage = Self {
            producers,
            groups,
            log,
            tag,
            enough,
            managers,
            _spools: spools,
            servers,
        };
        wait_until(DEADLINE, "all to be at work", || {
            let added = |work: &Work| work.calls.count() >= WARM;
            let handled = |group: &Group| group.handled.all().len() >= WARM;
            stage.producers.iter().all(added) && stage.groups.iter().all(handled)
        });
        stage
    }

    pub(super) fn sentinels(&self) -> &Sentinels {
        match &self.servers {
            Servers::Sentinels(sentinels) => sentinels,
            Servers::Cluster(_) => panic!("the servers are a cluster"),
        }
    }

    pub(super) fn cluster(&self) -> &Cluster {
        match &self.servers {
            Servers::Cluster(cluster) => cluster,
            Servers::Sentinels(_) => panic!("the servers are no cluster"),
        }
    }

    /// A stream; in a cluster all are where this one is.
    pub(super) fn any_stream(&self) -> &str {
        let work = self.producers.first().expect("there are producers");
        &work.stream
    }

    /// Waits until each producer and each group has worked on what is newer than
    /// this.
    pub(super) fn wait_until_back(&self, since: Instant) {
        wait_until(DEADLINE, "all to be back at work", || {
            // What is spooled says nothing of Redis.
            let added = |work: &Work| {
                let mut calls = work.calls.all().into_iter();
                calls.any(|call| call.began > since && call.fate == Fate::Confirmed)
            };
            let handled = |group: &Group| group.handled.all().iter().any(|run| run.at > since);
            self.producers.iter().all(added) && self.groups.iter().all(handled)
        });
    }

    /// Ends the producers after a while, and waits until all is handled.
    pub(super) fn finish(&mut self) {
        let_work(Duration::from_secs(1));
        self.enough.ring();
        for work in &mut self.producers {
            work.join();
        }
        let what = format!("nothing to be left of {}", self.tag);
        wait_until(DEADLINE, what, || {
            let streams = self.producers.iter();
            streams.filter(|work| !self.is_settled(work)).count() == 0
        });
        let what = format!("all of {} to be told to work again", self.tag);
        wait_until(DEADLINE, what, || verdict::is_calm(self));
    }

    fn is_settled(&self, work: &Work) -> bool {
        let Some(manager) = self.managers.first() else {
            return false;
        };
        let Ok(stats) = manager.stream_stats(&work.stream) else {
            return false;
        };
        let groups = stats.groups.iter();
        work.spooled() == 0
            && stats.backup == 0
            && groups.clone().count() > 0
            && groups
                .clone()
                .all(|g| g.pending == 0 && g.unread == Some(0))
    }

    /// Stops everything in order.
    pub(super) fn close(&mut self) {
        for manager in &self.managers {
            let report = manager.shutdown();
            assert_eq!((report.still_running, report.spooled), (0, 0));
        }
    }
}
