//! A cluster: masters that share the slots, each with a replica.

mod ask;
mod migrate;
mod options;
mod reshard;
mod slot;
mod view;

use std::fs;
use std::time::Duration;

use redis::Value;

pub use self::options::ClusterOptions;
pub use self::reshard::Resharding;

use crate::address_map::AddressMap;
use crate::network::Network;
use crate::proxy::Proxy;
use crate::server::{Server, ServerError, percent_encoded};
use crate::switch_watch::SwitchWatch;
use crate::wait::{poll, wait_for};

/// More than a failover takes on a busy machine, with a vote that was split.
const SWITCH_DEADLINE: Duration = Duration::from_mins(1);

/// Three masters that share the slots, each with a replica, all on 127.0.0.1.
///
/// Each is a [`Server`], which can be killed, frozen, thawed and restarted by
/// itself. A restarted one keeps its port and its place in the cluster; its data is
/// there again only with
/// [`appendonly`](crate::ServerOptions::appendonly). All are taken down on drop, on a
/// panic, and when the owning process is killed.
///
/// The roles change: [`masters`](Self::masters) and [`node_of`](Self::node_of) are
/// those of now.
#[derive(Debug)]
pub struct Cluster {
    servers: Vec<Server>,
    /// The ids of the servers, in their order.
    ids: Vec<String>,
    replicas: usize,
    network: Option<Network>,
    password: Option<String>,
    tls: bool,
}

impl Cluster {
    /// Starts all six with the default options.
    ///
    /// # Blocking
    ///
    /// Until all know each other, which takes two seconds or so.
    ///
    /// # Errors
    ///
    /// See [`ServerError`].
    pub fn start() -> Result<Self, ServerError> {
        Self::options().start()
    }

    /// Options for a set-up that is not like the default.
    pub fn options() -> ClusterOptions {
        ClusterOptions::default()
    }

    /// `redis-cluster://127.0.0.1:P1,127.0.0.1:P2,…` with all nodes, and with the
    /// password if there is one; `rediss-cluster://…` where they speak TLS.
    pub fn url(&self) -> String {
        let ports: Vec<_> = self.servers.iter().map(Server::service_port).collect();
        self.url_at(&ports)
    }

    /// The URL by way of other ports of this machine, or of some nodes only.
    pub fn url_at(&self, ports: &[u16]) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let addresses: Vec<_> = ports.iter().map(|p| format!("127.0.0.1:{p}")).collect();
        let password = self.password.as_ref();
        let password = password.map(|word| format!(":{}@", percent_encoded(word)));
        format!(
            "{scheme}-cluster://{}{}",
            password.unwrap_or_default(),
            addresses.join(",")
        )
    }

    /// All nodes: those that began as masters, then those that began as replicas.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The slot of a key.
    pub fn slot_of(&self, key: &str) -> u16 {
        slot::of(key.as_bytes())
    }

    /// The master of a key, by the nodes themselves: of those that claim its slot
    /// the one with the newest configuration. Those that don't answer are not asked.
    ///
    /// # Panics
    ///
    /// When none claims it.
    #[track_caller]
    pub fn node_of(&self, key: &str) -> &Server {
        let slot = self.slot_of(key);
        match self.owner_of(slot) {
            Some(node) => node,
            None => panic!("no node has slot {slot}:\n{}", self.state()),
        }
    }

    /// The masters of now that have slots, by the first of their slots.
    pub fn masters(&self) -> Vec<&Server> {
        self.owners()
    }

    /// A server that follows this one, by itself; `None` where none answers.
    pub fn replica_of(&self, master: &Server) -> Option<&Server> {
        let id = self.id_of(master);
        let mut awake = self.servers.iter().filter(|s| s.is_awake());
        awake.find(|s| view::myself(s).is_some_and(|me| me.follows.as_deref() == Some(id)))
    }

    /// A name, made of `stem` and a number, whose slot is on this node now.
    ///
    /// # Panics
    ///
    /// When the node has no slots.
    #[track_caller]
    pub fn name_on(&self, node: &Server, stem: &str) -> String {
        let slots = view::myself(node).map(|me| me.slots).unwrap_or_default();
        assert!(!slots.is_empty(), "the node has no slots");
        let mut names = (0_u32..).map(|number| format!("{stem}-{number}"));
        let lives_there = |name: &String| {
            let slot = self.slot_of(name);
            slots.iter().any(|&(a, b)| (a..=b).contains(&slot))
        };
        names.find(lives_there).unwrap_or_default()
    }

    /// Makes the replica of a master take its place although nothing is wrong, with
    /// `CLUSTER FAILOVER`, and returns the replica once that is done.
    ///
    /// # Panics
    ///
    /// When that doesn't happen within a minute.
    #[track_caller]
    pub fn failover(&self, master: &Server) -> &Server {
        wait_for(SWITCH_DEADLINE, "a planned failover", || {
            let replica = self.replica_of(master)?;
            // One may be under way already, or the master not be seen yet.
            let _ = replica.try_command::<Value>(&["CLUSTER", "FAILOVER"]);
            let is_master = || view::myself(replica).filter(|me| me.follows.is_none());
            poll(Duration::from_secs(5), is_master).map(|_| replica)
        })
    }

    /// Waits until a slot has another master, and returns that.
    ///
    /// # Panics
    ///
    /// When that doesn't happen within a minute.
    #[track_caller]
    pub fn wait_for_switch(&self, slot: u16, from: &Server) -> &Server {
        let what = format!("another master of slot {slot} than {}", from.port());
        wait_for(SWITCH_DEADLINE, what, || {
            self.owner_of(slot).filter(|s| s.port() != from.port())
        })
    }

    /// Watches for the first node whose map shows another master of a slot than this.
    pub fn watch(&self, slot: u16, old: &Server) -> SwitchWatch {
        let old = self.id_of(old).to_owned();
        SwitchWatch::begin(&self.servers, move |node| {
            let ranges = view::slots(node)?;
            let owner = view::owner_in(&ranges, slot);
            Some(owner.is_some_and(|id| id != old))
        })
    }

    /// Kills a node if it runs, and starts it again without its data, but with its
    /// place in the cluster.
    ///
    /// # Panics
    ///
    /// As [`Server::restart`].
    #[track_caller]
    pub fn restart_empty(&self, node: &Server) {
        node.kill();
        // It is there only where the node keeps its data.
        let _ = fs::remove_dir_all(node.dir().join("appendonlydir"));
        node.restart();
    }

    /// Waits until all nodes run, and all have the same map with all replicas.
    ///
    /// # Panics
    ///
    /// When that doesn't happen within a minute.
    #[track_caller]
    pub fn wait_until_whole(&self) {
        let whole = poll(SWITCH_DEADLINE, || self.is_whole().then_some(()));
        assert!(whole.is_some(), "not all are together:\n{}", self.state());
    }

    /// The proxy whose address a node announces; `None` without
    /// [`behind_proxies`](ClusterOptions::behind_proxies).
    pub fn proxy_of(&self, node: &Server) -> Option<&Proxy> {
        self.network.as_ref()?.proxy_of(node)
    }

    /// The ports that the nodes announce, and those that reach them, which differ with
    /// [`behind_proxies`](ClusterOptions::behind_proxies). It leads to 127.0.0.1,
    /// whatever name was announced.
    pub fn address_map(&self) -> AddressMap {
        let nodes = self.servers.iter();
        nodes
            .map(|node| (self.announced_port(node), node.service_port()))
            .collect()
    }

    fn announced_port(&self, node: &Server) -> u16 {
        self.proxy_of(node)
            .map_or_else(|| node.service_port(), Proxy::port)
    }

    /// The id of a node of this cluster.
    fn id_of(&self, node: &Server) -> &str {
        let mut nodes = self.servers.iter().zip(&self.ids);
        let found = nodes.find(|(other, _)| other.port() == node.port());
        found.map(|(_, id)| id.as_str()).unwrap_or_default()
    }
}
