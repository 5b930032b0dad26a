//! The servers of a drill: a master with sentinels, or a cluster.

use stream_lib::{ConnectionConfig, StreamManager};
use stream_tests::{Cluster, Sentinels, Server};

/// What strikes hits one of these.
pub(super) enum Servers {
    Sentinels(Sentinels),
    Cluster(Cluster),
}

impl Servers {
    /// The master that has a stream now.
    pub(super) fn master_of(&self, stream: &str) -> &Server {
        match self {
            Self::Sentinels(sentinels) => sentinels.master(),
            Self::Cluster(cluster) => cluster.node_of(stream),
        }
    }

    /// What the names of all streams begin with. In a cluster they share a slot, so
    /// that what strikes one strikes all.
    pub(super) fn prefix(&self, tag: &str) -> String {
        match self {
            Self::Sentinels(_) => format!("{tag}-"),
            Self::Cluster(cluster) => {
                let masters = cluster.masters();
                let node = masters.first().expect("a cluster has masters");
                format!("{{{}}}:of-", cluster.name_on(node, tag))
            }
        }
    }

    /// How many replicas a master has.
    pub(super) fn replicas(&self) -> u32 {
        match self {
            Self::Sentinels(_) => 2,
            Self::Cluster(_) => 1,
        }
    }

    /// How often a replica has taken the place of its master.
    pub(super) fn failovers(&self) -> usize {
        match self {
            Self::Sentinels(sentinels) => sentinels.failovers(),
            Self::Cluster(cluster) => {
                let logs = cluster.servers().iter().map(Server::log);
                let won = logs.map(|log| log.matches("Failover election won").count());
                won.sum()
            }
        }
    }

    /// A manager of its own, as that of a process.
    pub(super) fn manager(&self) -> StreamManager {
        StreamManager::connect_with(self.config()).unwrap()
    }

    /// With the addresses mapped where that has a meaning.
    fn config(&self) -> ConnectionConfig {
        let (url, map) = match self {
            Self::Sentinels(sentinels) => (sentinels.url(), sentinels.address_map()),
            Self::Cluster(cluster) => (cluster.url(), cluster.address_map()),
        };
        let config = ConnectionConfig::new(url).unwrap();
        config.map_address(move |host, port| map.reachable(host, port))
    }
}
