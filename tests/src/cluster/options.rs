//! Options of the nodes, and their start.

use std::time::Duration;

use redis::Value;

use super::{Cluster, slot};
use crate::network::{MEMBERS, Network, start_member};
use crate::server::{Server, ServerError, ServerOptions};
use crate::wait::poll;

/// How long the start waits until all know each other.
const TOGETHER_DEADLINE: Duration = Duration::from_mins(1);

/// Options of [`Cluster`]; [`start`](Self::start) ends the chain.
#[derive(Debug, Clone)]
#[must_use]
pub struct ClusterOptions {
    servers: ServerOptions,
    masters: usize,
    replicas: usize,
    node_timeout: Duration,
    proxies: Option<Proxies>,
    endpoint: Endpoint,
}

/// The connections that the proxies let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proxies {
    All,
    MembersOnly,
}

/// The addresses that the nodes announce to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Address,
    Hostname(Option<&'static str>),
    Unknown,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        let servers = ServerOptions::default()
            // The default is to wait 5 s for more replicas.
            .config("repl-diskless-sync-delay", "0")
            // Replicas stand in the map only once they have heard of writes.
            .config("repl-ping-replica-period", "1")
            .config("cluster-allow-replica-migration", "no")
            .config("cluster-require-full-coverage", "no");
        Self {
            servers,
            masters: 3,
            replicas: 1,
            node_timeout: Duration::from_secs(1),
            proxies: None,
            endpoint: Endpoint::Address,
        }
    }
}

impl ClusterOptions {
    /// Changes the options of the servers, the same for all. The replicas get a password
    /// and TLS without further options.
    pub fn servers(mut self, change: impl FnOnce(ServerOptions) -> ServerOptions) -> Self {
        self.servers = change(self.servers);
        self
    }

    /// How many masters there are, and how many replicas each has. Defaults to 3
    /// and 1. Below three masters, none is replaced when it fails.
    pub fn nodes(mut self, masters: usize, replicas: usize) -> Self {
        (self.masters, self.replicas) = (masters.max(1), replicas);
        self
    }

    /// How long a node is silent before the others consider it down. Defaults to 1 s.
    pub fn node_timeout(mut self, time: Duration) -> Self {
        self.node_timeout = time;
        self
    }

    /// Puts a [`Proxy`](crate::Proxy) in front of each node, whose port it announces to
    /// clients: see [`Cluster::proxy_of`]. The nodes speak to each other past them, but
    /// replicas follow through them. Defaults to none.
    pub fn behind_proxies(mut self) -> Self {
        self.proxies = Some(Proxies::All);
        self
    }

    /// As [`behind_proxies`](Self::behind_proxies), and clients don't get through:
    /// they need [`Cluster::address_map`]. Needs 127.0.0.2, which Linux has.
    pub fn unreachable(mut self) -> Self {
        self.proxies = Some(Proxies::MembersOnly);
        self
    }

    /// Makes the nodes announce a host name to clients. A name that leads nowhere, such
    /// as `node.invalid`, needs [`Cluster::address_map`]. Defaults to addresses.
    pub fn hostname(mut self, name: &'static str) -> Self {
        self.endpoint = Endpoint::Hostname(Some(name));
        self
    }

    /// Makes the nodes announce host names to clients, but gives them none: they announce
    /// `?`.
    pub fn without_hostname(mut self) -> Self {
        self.endpoint = Endpoint::Hostname(None);
        self
    }

    /// Makes the nodes announce only their ports to clients.
    pub fn unknown_endpoint(mut self) -> Self {
        self.endpoint = Endpoint::Unknown;
        self
    }

    /// Starts the nodes, and shares the slots out.
    ///
    /// # Blocking
    ///
    /// Until all know each other, which takes two seconds or so.
    ///
    /// # Errors
    ///
    /// See [`ServerError`].
    pub fn start(self) -> Result<Cluster, ServerError> {
        let closed = self.proxies == Some(Proxies::MembersOnly);
        let mut started = Cluster {
            servers: Vec::new(),
            ids: Vec::new(),
            replicas: self.replicas,
            network: self.proxies.map(|_| Network::new(closed)),
            password: self.servers.password.clone(),
            tls: self.servers.tls.is_some(),
        };
        for _ in 0..self.masters * (1 + self.replicas) {
            let tls = started.tls;
            let announce = move |options: ServerOptions, host: &str, port: u16| {
                let which = if tls { "tls-port" } else { "port" };
                let directive = format!("cluster-announce-{which}");
                options
                    .config("cluster-announce-ip", host)
                    .config(&directive, &port.to_string())
            };
            let server = start_member(&mut started.network, self.node(), announce)?;
            started.servers.push(server);
        }
        let joined = started.join(self.masters);
        let together = || started.is_whole().then_some(());
        match joined.and_then(|()| poll(TOGETHER_DEADLINE, together)) {
            Some(()) => Ok(started),
            None => Err(ServerError::NotTogether {
                state: started.state(),
            }),
        }
    }

    fn node(&self) -> ServerOptions {
        let timeout = self.node_timeout.as_millis().to_string();
        let mut options = self
            .servers
            .clone()
            .cluster()
            .config("cluster-node-timeout", &timeout);
        if let Some(password) = self.servers.password.clone() {
            options = options.config("masterauth", &password);
        }
        if self.servers.tls.is_some() {
            options = options.config("tls-replication", "yes");
            options = options.config("tls-cluster", "yes");
        }
        if self.proxies == Some(Proxies::MembersOnly) {
            options = options.config("bind-source-addr", &MEMBERS.to_string());
        }
        let kind = match self.endpoint {
            Endpoint::Address => return options,
            Endpoint::Hostname(_) => "hostname",
            Endpoint::Unknown => "unknown-endpoint",
        };
        if let Endpoint::Hostname(Some(name)) = self.endpoint {
            options = options.config("cluster-announce-hostname", name);
        }
        options.config("cluster-preferred-endpoint-type", kind)
    }
}

impl Cluster {
    /// Makes one cluster of the nodes. `None` where one refuses.
    fn join(&mut self, masters: usize) -> Option<()> {
        for (server, epoch) in self.servers.iter().zip(1_u32..) {
            self.ids
                .push(server.try_command(&["CLUSTER", "MYID"]).ok()?);
            let epoch = epoch.to_string();
            run(server, &["CLUSTER", "SET-CONFIG-EPOCH", &epoch])?;
        }
        let share = |index: usize| usize::from(slot::COUNT) * index / masters;
        for (index, server) in self.servers.iter().enumerate().take(masters) {
            let (first, next) = (share(index).to_string(), share(index + 1));
            let last = (next - 1).to_string();
            run(server, &["CLUSTER", "ADDSLOTSRANGE", &first, &last])?;
        }
        let (first, others) = self.servers.split_first()?;
        for server in others {
            let (port, bus) = (server.service_port(), server.bus_port()?);
            let (port, bus) = (port.to_string(), bus.to_string());
            run(first, &["CLUSTER", "MEET", "127.0.0.1", &port, &bus])?;
        }
        for (index, replica) in self.servers.iter().enumerate().skip(masters) {
            let master = self.ids.get(index % masters)?;
            // It must have heard of its master.
            poll(TOGETHER_DEADLINE, || {
                run(replica, &["CLUSTER", "REPLICATE", master])
            })?;
        }
        Some(())
    }
}

fn run(server: &Server, words: &[&str]) -> Option<()> {
    server.try_command::<Value>(words).ok().map(drop)
}
