//! The servers of a run: one, a master with replicas and sentinels, or a cluster.

use clap::ValueEnum;
use stream_tests::{Cluster, Fsync, Proxy, Sentinels, Server};

use super::args::Args;
use super::clock::Clock;
use super::{Outcome, STREAM};

/// The values of `--topology`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Topology {
    /// One server.
    One,
    /// A master with two replicas and three sentinels.
    Sentinel,
    /// Three masters, each with a replica.
    Cluster,
}

/// The servers of a run.
pub(super) enum Redis {
    One(Box<One>),
    Sentinels(Box<Sentinels>),
    Cluster(Box<Cluster>),
}

/// One server, and what may be done to it.
pub(super) struct One {
    pub(super) server: Server,
    /// Takes over from the server while that is demoted.
    pub(super) standby: Server,
    /// Sets the server's clock; `None` where it can't be set.
    pub(super) clock: Option<Clock>,
    /// In front of the server for the workers, and for the producers.
    pub(super) workers: Proxy,
    pub(super) producers: Proxy,
}

impl Redis {
    pub(super) fn start(args: &Args) -> Outcome<Self> {
        match args.topology {
            Topology::One => One::start(args).map(|one| Self::One(Box::new(one))),
            Topology::Sentinel => {
                let options = Sentinels::options()
                    .behind_proxies()
                    .servers(|server| server.appendonly(Fsync::Always));
                Ok(Self::Sentinels(Box::new(options.start()?)))
            }
            Topology::Cluster => {
                let options = Cluster::options().servers(|server| server.appendonly(Fsync::Always));
                Ok(Self::Cluster(Box::new(options.start()?)))
            }
        }
    }

    /// The server that has the stream now.
    pub(super) fn master(&self) -> &Server {
        match self {
            Self::One(one) => &one.server,
            Self::Sentinels(sentinels) => sentinels.master(),
            Self::Cluster(cluster) => cluster.node_of(STREAM),
        }
    }

    /// How many replicas an order is to be on. Where there are any, that is all of them:
    /// else a failover loses some.
    pub(super) fn replicas(&self) -> u32 {
        match self {
            Self::One(_) => 0,
            Self::Sentinels(_) => 2,
            Self::Cluster(_) => 1,
        }
    }

    /// Past all faults of the network.
    pub(super) fn url(&self) -> String {
        match self {
            Self::One(one) => one.server.url(),
            Self::Sentinels(sentinels) => sentinels.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }

    pub(super) fn url_for_workers(&self) -> String {
        match self {
            Self::One(one) => one.server.url_at(one.workers.port()),
            Self::Sentinels(sentinels) => sentinels.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }

    pub(super) fn url_for_producers(&self) -> String {
        match self {
            Self::One(one) => one.server.url_at(one.producers.port()),
            Self::Sentinels(sentinels) => sentinels.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }
}

impl One {
    fn start(args: &Args) -> Outcome<Self> {
        let clock = if args.steady_clock {
            None
        } else {
            Clock::new()?
        };
        let mut server = Server::options()
            .appendonly(Fsync::Always)
            // Rewritten often, so that a restart doesn't load for seconds.
            .config("auto-aof-rewrite-min-size", "16mb");
        for (name, value) in clock.iter().flat_map(Clock::environment) {
            server = server.env(name, value);
        }
        let server = server.start()?;
        Ok(Self {
            standby: Server::start()?,
            clock,
            workers: Proxy::in_front_of(&server),
            producers: Proxy::in_front_of(&server),
            server,
        })
    }
}
