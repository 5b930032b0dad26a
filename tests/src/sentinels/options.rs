//! Options of servers and sentinels, and their start.

use std::time::Duration;

use super::{NAME, Sentinels, TOGETHER_DEADLINE};
use crate::network::{MEMBERS, Network, start_member};
use crate::server::{ServerError, ServerOptions};
use crate::wait::poll;

const REPLICAS: usize = 2;
const SENTINELS: usize = 3;
const QUORUM: usize = 2;

/// Options of [`Sentinels`]; [`start`](Self::start) ends the chain.
#[derive(Debug, Clone)]
#[must_use]
pub struct SentinelsOptions {
    servers: ServerOptions,
    sentinels: ServerOptions,
    down_after: Duration,
    proxies: Option<Proxies>,
    hostnames: bool,
}

/// The connections that the proxies let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proxies {
    All,
    MembersOnly,
}

impl Default for SentinelsOptions {
    fn default() -> Self {
        Self {
            servers: ServerOptions::default(),
            sentinels: ServerOptions::default(),
            down_after: Duration::from_secs(1),
            proxies: None,
            hostnames: false,
        }
    }
}

impl SentinelsOptions {
    /// Changes the options of the servers, the same for all three. The replicas and the
    /// sentinels get a password and TLS without further options.
    pub fn servers(mut self, change: impl FnOnce(ServerOptions) -> ServerOptions) -> Self {
        self.servers = change(self.servers);
        self
    }

    /// Changes the options of the sentinels, the same for all three. The other sentinels
    /// get a password without further options. TLS belongs to the servers and the
    /// sentinels alike: Redis has one switch for both.
    pub fn sentinels(mut self, change: impl FnOnce(ServerOptions) -> ServerOptions) -> Self {
        self.sentinels = change(self.sentinels);
        self
    }

    /// How long a server is silent before a sentinel considers it down. Defaults to 1 s.
    pub fn down_after(mut self, time: Duration) -> Self {
        self.down_after = time;
        self
    }

    /// Puts a [`Proxy`](crate::Proxy) in front of each server and sentinel, whose address
    /// they announce: see [`Sentinels::proxy_of`]. Defaults to none.
    pub fn behind_proxies(mut self) -> Self {
        self.proxies = Some(Proxies::All);
        self
    }

    /// As [`behind_proxies`](Self::behind_proxies), and clients don't get through:
    /// they need [`Sentinels::address_map`]. Needs 127.0.0.2, which Linux has.
    pub fn unreachable(mut self) -> Self {
        self.proxies = Some(Proxies::MembersOnly);
        self
    }

    /// Makes the sentinels announce names instead of addresses: `localhost`. Defaults to
    /// addresses.
    pub fn hostnames(mut self) -> Self {
        self.hostnames = true;
        self
    }

    /// Starts the servers and the sentinels.
    ///
    /// # Blocking
    ///
    /// Until all know each other, which takes two seconds or so.
    ///
    /// # Errors
    ///
    /// See [`ServerError`].
    pub fn start(self) -> Result<Sentinels, ServerError> {
        let closed = self.proxies == Some(Proxies::MembersOnly);
        let mut started = Sentinels {
            watchers: Vec::new(),
            servers: Vec::new(),
            network: self.proxies.map(|_| Network::new(closed)),
            password: self.servers.password.clone(),
            tls: self.servers.tls.is_some(),
        };
        for _ in 0..=REPLICAS {
            let master = started.servers.first().map(|m| started.announced_port(m));
            let options = self.server(master);
            let server = start_member(&mut started.network, options, |options, host, port| {
                options
                    .config("replica-announce-ip", host)
                    .config("replica-announce-port", &port.to_string())
            })?;
            started.servers.push(server);
        }
        let master = started.servers.first().map(|m| started.announced_port(m));
        for _ in 0..SENTINELS {
            let options = self.sentinel(master.unwrap_or_default());
            let sentinel = start_member(&mut started.network, options, |options, host, port| {
                options
                    .line(format!("sentinel announce-ip {host}"))
                    .line(format!("sentinel announce-port {port}"))
            })?;
            started.watchers.push(sentinel);
        }
        match poll(TOGETHER_DEADLINE, || started.is_whole().then_some(())) {
            Some(()) => Ok(started),
            None => Err(ServerError::NotTogether {
                state: started.state(),
            }),
        }
    }

    /// The first server, which is the master, or one that follows it.
    fn server(&self, master: Option<u16>) -> ServerOptions {
        let mut options = self
            .servers
            .clone()
            // The default is to wait 5 s for more replicas.
            .config("repl-diskless-sync-delay", "0")
            .config("repl-ping-replica-period", "1");
        if let Some(port) = master {
            options = options.line(format!("replicaof {} {port}", self.host()));
        }
        if self.hostnames && self.proxies.is_none() {
            options = options.config("replica-announce-ip", self.host());
        }
        if let Some(password) = self.servers.password.clone() {
            options = options.config("masterauth", &password);
        }
        self.as_member(options)
    }

    fn sentinel(&self, master: u16) -> ServerOptions {
        let on_off = if self.hostnames { "yes" } else { "no" };
        let mut options = self
            .sentinels
            .clone()
            .sentinel()
            .line(format!("sentinel resolve-hostnames {on_off}"))
            .line(format!("sentinel announce-hostnames {on_off}"));
        options = options.line(format!(
            "sentinel monitor {NAME} {} {master} {QUORUM}",
            self.host()
        ));
        for (name, value) in [
            ("down-after-milliseconds", self.down_after.as_millis()),
            // A vote that was split is held again after twice this time.
            ("failover-timeout", 3_000),
            ("parallel-syncs", 2),
        ] {
            options = options.line(format!("sentinel {name} {NAME} {value}"));
        }
        if let Some(password) = &self.servers.password {
            options = options.line(format!("sentinel auth-pass {NAME} {password}"));
        }
        if let Some(password) = self.sentinels.password.clone() {
            options = options.line(format!("sentinel sentinel-pass {password}"));
        }
        if let Some(files) = self.servers.tls.clone() {
            options = options.tls(files);
        }
        // The quickest that works: a shorter INFO period breaks failovers.
        let quick = ["INFO-PERIOD", "500", "PUBLISH-PERIOD", "1000"];
        let words = [&["SENTINEL", "DEBUG"][..], &quick].concat();
        self.as_member(options.first_command(&words))
    }

    /// The common options of servers and sentinels.
    fn as_member(&self, mut options: ServerOptions) -> ServerOptions {
        if self.servers.tls.is_some() {
            options = options.config("tls-replication", "yes");
        }
        if self.proxies == Some(Proxies::MembersOnly) {
            options = options.config("bind-source-addr", &MEMBERS.to_string());
        }
        options
    }

    fn host(&self) -> &'static str {
        if self.hostnames {
            "localhost"
        } else {
            "127.0.0.1"
        }
    }
}
