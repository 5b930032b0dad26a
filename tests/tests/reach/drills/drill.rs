//! The drills, and the requirements of each.

use stream_tests::{Cluster, ClusterOptions, Fsync, Sentinels, SentinelsOptions};

use super::cluster_faults;
use super::faults::{self, Times};
use super::figures::Figures;
use super::producers::Kind;
use super::servers::Servers;
use super::stage::Stage;
use super::verdict;

/// A fault, and who is there when it strikes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drill {
    pub(super) name: &'static str,
    strike: fn(&Stage) -> Times,
    /// How many failovers it brings about.
    failovers: usize,
    /// Whether the servers are able to.
    can: fn(&Servers) -> bool,
    servers: fn() -> Servers,
    kinds: &'static [Kind],
    pub(super) demands: Demands,
}

/// What is demanded beyond what always is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demands {
    /// No add fails.
    pub(super) no_failure: bool,
    /// Nothing is lost.
    pub(super) no_loss: bool,
    /// All that was added before may be lost.
    pub(super) all_may_go: bool,
    /// How often somebody may be told to be held up.
    pub(super) outages: usize,
}

const USUAL: Demands = Demands {
    no_failure: false,
    no_loss: false,
    all_may_go: false,
    outages: 1,
};

/// What belongs to every change that is planned.
const SMOOTH: Demands = Demands {
    no_failure: true,
    no_loss: true,
    ..USUAL
};

/// A replica that is away is an outage too, of producers that want it.
const REPLICATED: Demands = Demands {
    no_loss: true,
    outages: 3,
    ..USUAL
};

const ALL_KINDS: &[Kind] = &[
    Kind::Simple,
    Kind::Keyed,
    Kind::Batches,
    Kind::Sent,
    Kind::Backup,
    Kind::Spooled,
];

const REPLICATED_KINDS: &[Kind] = &[
    Kind::Replicated,
    Kind::ReplicatedKeyed,
    Kind::ReplicatedSpooled,
];

/// Servers that keep what they have. Without a file, a master that is restarted at
/// once comes back empty, and its replicas with it; and one that is restarted later
/// is an empty replica, which the next failover may promote.
fn lasting() -> SentinelsOptions {
    Sentinels::options().servers(|server| server.appendonly(Fsync::Always))
}

fn behind_sentinels(options: SentinelsOptions) -> Servers {
    Servers::Sentinels(options.start().unwrap())
}

/// As [`lasting`].
fn lasting_cluster() -> ClusterOptions {
    Cluster::options().servers(|server| server.appendonly(Fsync::Always))
}

fn in_cluster(options: ClusterOptions) -> Servers {
    Servers::Cluster(options.start().unwrap())
}

fn can_coordinate(servers: &Servers) -> bool {
    matches!(servers, Servers::Sentinels(sentinels) if sentinels.can_coordinate())
}

/// All drills.
pub(super) const DRILLS: &[Drill] = &[
    Drill::new("kill", faults::kill),
    Drill::new("freeze", faults::freeze),
    Drill {
        failovers: 0,
        // It is gone, and then it loads.
        demands: Demands {
            outages: 2,
            ..USUAL
        },
        ..Drill::new("restart", faults::restart)
    },
    Drill {
        demands: Demands {
            no_failure: true,
            ..USUAL
        },
        ..Drill::new("planned", faults::planned)
    },
    Drill {
        can: can_coordinate,
        // Its clients are unblocked, then closed; what they have under way is not
        // answered.
        demands: Demands {
            no_loss: true,
            outages: 2,
            ..USUAL
        },
        ..Drill::new("coordinated", faults::coordinated)
    },
    Drill::new("lonely", faults::lonely),
    Drill::new("stale", faults::stale),
    Drill {
        servers: || behind_sentinels(lasting().behind_proxies()),
        ..Drill::new("minority", faults::minority)
    },
    Drill {
        servers: || behind_sentinels(lasting().unreachable()),
        ..Drill::new("unreachable", faults::kill)
    },
    Drill::new("forgetful", faults::forgetful),
    Drill {
        kinds: REPLICATED_KINDS,
        demands: REPLICATED,
        ..Drill::new("replicated", faults::freeze_and_follow)
    },
    Drill {
        kinds: REPLICATED_KINDS,
        demands: REPLICATED,
        ..Drill::new("planned-replicated", faults::planned_and_follow)
    },
    Drill {
        kinds: REPLICATED_KINDS,
        demands: REPLICATED,
        ..Drill::new("half-replicated", faults::half_replicated)
    },
    Drill::of_cluster("cluster-kill", cluster_faults::kill),
    Drill::of_cluster("cluster-freeze", cluster_faults::freeze),
    Drill {
        failovers: 0,
        // It is gone, and then it loads, and waits for the others.
        demands: Demands {
            outages: 3,
            ..USUAL
        },
        ..Drill::of_cluster("cluster-restart", cluster_faults::restart)
    },
    Drill {
        failovers: 0,
        servers: || in_cluster(Cluster::options()),
        demands: Demands {
            all_may_go: true,
            outages: 3,
            ..USUAL
        },
        ..Drill::of_cluster("cluster-empty", cluster_faults::restart)
    },
    Drill {
        demands: Demands {
            no_failure: true,
            ..USUAL
        },
        ..Drill::of_cluster("cluster-planned", cluster_faults::planned)
    },
    Drill {
        failovers: 0,
        demands: SMOOTH,
        ..Drill::of_cluster("cluster-reshard", cluster_faults::reshard)
    },
    Drill {
        failovers: 0,
        can: cluster_faults::can_migrate_atomically,
        demands: SMOOTH,
        ..Drill::of_cluster("cluster-atomic", cluster_faults::migrate_atomically)
    },
    Drill {
        kinds: REPLICATED_KINDS,
        demands: REPLICATED,
        ..Drill::of_cluster("cluster-replicated", cluster_faults::freeze_and_follow)
    },
];

impl Drill {
    const fn new(name: &'static str, strike: fn(&Stage) -> Times) -> Self {
        Self {
            name,
            strike,
            failovers: 1,
            can: |_| true,
            servers: || behind_sentinels(lasting()),
            kinds: ALL_KINDS,
            demands: USUAL,
        }
    }

    const fn of_cluster(name: &'static str, strike: fn(&Stage) -> Times) -> Self {
        Self {
            servers: || in_cluster(lasting_cluster()),
            ..Self::new(name, strike)
        }
    }

    pub(super) fn named(name: &str) -> &'static Self {
        let found = DRILLS.iter().find(|drill| drill.name == name);
        found.unwrap_or_else(|| panic!("there is no drill {name:?}"))
    }

    /// Runs it once, and prints its figures; `None` where the servers can't, or
    /// where something else happened meanwhile. The error tells all that is wrong.
    pub(super) fn run(&self, round: u32) -> Result<Option<Figures>, String> {
        let tag = format!("{}{round}", self.name);
        let mut stage = Stage::set(tag, (self.servers)(), self.kinds);
        if !(self.can)(&stage.servers) {
            println!("drill {} round {round} is not for this server", self.name);
            stage.finish();
            stage.close();
            return Ok(None);
        }
        let times = (self.strike)(&stage);
        stage.finish();
        let (figures, wrongs) = verdict::judge(&stage, self, times);
        let failovers = stage.servers.failovers();
        if failovers != self.failovers {
            // To a machine that is too busy, a master looks down that isn't.
            println!(
                "drill {} round {round} doesn't count: {failovers} failovers",
                self.name
            );
            stage.close();
            return Ok(None);
        }
        println!("drill {} round {round} {figures}", self.name);
        let told = verdict::told(&stage).join("\n");
        stage.close();
        if wrongs.is_empty() {
            return Ok(Some(figures));
        }
        let wrongs = wrongs.join("\n");
        Err(format!(
            "the drill {} in round {round}:\n{wrongs}\n{told}",
            self.name
        ))
    }
}
