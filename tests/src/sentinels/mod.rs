//! A master with two replicas, and three sentinels that watch over them.

mod ask;
mod options;

use std::time::Duration;

pub use self::options::SentinelsOptions;

use crate::address_map::AddressMap;
use crate::network::Network;
use crate::proxy::Proxy;
use crate::server::{Server, ServerError, percent_encoded};
use crate::switch_watch::SwitchWatch;
use crate::wait::{poll, wait_for};

/// The name of the master.
const NAME: &str = "mymaster";
/// More than a failover takes on a busy machine, with a vote that was split.
const SWITCH_DEADLINE: Duration = Duration::from_mins(1);
/// How long the start waits until all know each other.
const TOGETHER_DEADLINE: Duration = Duration::from_secs(30);

/// A master, two replicas and three sentinels, all on 127.0.0.1.
///
/// Each is a [`Server`], which can be killed, frozen, thawed and restarted by
/// itself. A restarted one keeps its port and what was written into its
/// configuration, so a replica stays one, and a sentinel knows the others. All are
/// taken down on drop, on a panic, and when the owning process is killed.
///
/// The roles change: [`master`](Self::master) and [`replicas`](Self::replicas) are
/// those of now, by the sentinels.
#[derive(Debug)]
pub struct Sentinels {
    // The sentinels go first: they would start a failover.
    watchers: Vec<Server>,
    servers: Vec<Server>,
    network: Option<Network>,
    password: Option<String>,
    tls: bool,
}

impl Sentinels {
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
    pub fn options() -> SentinelsOptions {
        SentinelsOptions::default()
    }

    /// The name of the master: `mymaster`.
    pub fn name(&self) -> &'static str {
        NAME
    }

    /// `redis-sentinel://127.0.0.1:P1,127.0.0.1:P2,127.0.0.1:P3/0?master=mymaster`,
    /// with the password of the servers if there is one; `rediss-sentinel://…` where
    /// they speak TLS.
    pub fn url(&self) -> String {
        let ports: Vec<_> = self.watchers.iter().map(Server::service_port).collect();
        self.url_at(&ports)
    }

    /// The URL by way of other ports of this machine, or of some sentinels only.
    pub fn url_at(&self, ports: &[u16]) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let addresses: Vec<_> = ports.iter().map(|p| format!("127.0.0.1:{p}")).collect();
        let password = self.password.as_ref();
        let password = password.map(|word| format!(":{}@", percent_encoded(word)));
        format!(
            "{scheme}-sentinel://{}{}/0?master={NAME}",
            password.unwrap_or_default(),
            addresses.join(",")
        )
    }

    /// The master and the replicas, the first master first.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The sentinels.
    pub fn sentinels(&self) -> &[Server] {
        &self.watchers
    }

    /// The master of now: the one that the sentinel with the newest configuration
    /// names. Those that don't answer are not asked.
    ///
    /// # Panics
    ///
    /// When no sentinel answers.
    #[track_caller]
    pub fn master(&self) -> &Server {
        match self.newest_master() {
            Some(master) => master,
            None => panic!("no sentinel names a master:\n{}", self.state()),
        }
    }

    /// All servers but the [`master`](Self::master).
    ///
    /// # Panics
    ///
    /// As [`master`](Self::master).
    #[track_caller]
    pub fn replicas(&self) -> Vec<&Server> {
        let master = self.master().port();
        let others = self.servers.iter().filter(|s| s.port() != master);
        others.collect()
    }

    /// Makes the sentinels promote a replica although nothing is wrong, with
    /// `SENTINEL FAILOVER`. Returns once one has agreed, which is before the failover is
    /// done.
    ///
    /// # Panics
    ///
    /// When none agrees within a minute.
    #[track_caller]
    pub fn failover(&self) {
        self.begin_failover(&[]);
    }

    /// As [`failover`](Self::failover), but the old master accepts no writes while the
    /// new one catches up: `SENTINEL FAILOVER … COORDINATED`. If the new one doesn't
    /// catch up in time, nothing changes.
    ///
    /// # Panics
    ///
    /// When none agrees within a minute, as where they [can't](Self::can_coordinate).
    #[track_caller]
    pub fn coordinated_failover(&self) {
        self.begin_failover(&["COORDINATED"]);
    }

    /// Whether the sentinels know the
    /// [coordinated failover](Self::coordinated_failover), as those of Valkey 9 do.
    pub fn can_coordinate(&self) -> bool {
        let major = |sentinel: &Server| {
            let facts: String = sentinel.try_command(&["INFO", "server"]).ok()?;
            let (_, version) = facts.split_once("valkey_version:")?;
            version.split('.').next()?.parse::<u32>().ok()
        };
        let awake = self.watchers.iter().find(|s| s.is_awake());
        awake.and_then(major).is_some_and(|major| major >= 9)
    }

    #[track_caller]
    fn begin_failover(&self, more: &[&str]) {
        let words = [&["SENTINEL", "FAILOVER", NAME], more].concat();
        // One may be under way already, or the replicas not be seen yet.
        wait_for(SWITCH_DEADLINE, "a sentinel to begin a failover", || {
            let mut sentinels = self.watchers.iter().filter(|s| s.is_awake());
            let agrees = |s: &Server| s.try_command::<()>(&words).is_ok();
            sentinels.any(agrees).then_some(())
        });
    }

    /// Waits until a sentinel names another master, and returns that.
    ///
    /// # Panics
    ///
    /// When that doesn't happen within a minute.
    #[track_caller]
    pub fn wait_for_switch(&self, from: &Server) -> &Server {
        let what = format!("another master than {}", from.port());
        wait_for(SWITCH_DEADLINE, what, || {
            self.newest_master().filter(|s| s.port() != from.port())
        })
    }

    /// Waits until all servers and sentinels run, name the same master and follow
    /// it.
    ///
    /// # Panics
    ///
    /// When that doesn't happen within a minute.
    #[track_caller]
    pub fn wait_until_whole(&self) {
        let whole = poll(SWITCH_DEADLINE, || self.is_whole().then_some(()));
        assert!(whole.is_some(), "not all are together:\n{}", self.state());
    }

    /// How often a replica has taken the place of its master, by the sentinel that saw
    /// most of it since it was last started. On a machine that is too busy a living
    /// master may look down, so that there may be more failovers than were made.
    pub fn failovers(&self) -> usize {
        let logs = self.watchers.iter().map(Server::log);
        let seen = logs.map(|log| log.matches("+switch-master").count());
        seen.max().unwrap_or(0)
    }

    /// Watches for the first sentinel that names another master than this.
    pub fn watch(&self, old: &Server) -> SwitchWatch {
        let old = self.announced_port(old);
        SwitchWatch::begin(&self.watchers, move |sentinel| {
            ask::named_port(sentinel).map(|port| port != old)
        })
    }

    /// The proxy by which the others, the sentinels, and clients without an
    /// [`address map`](Self::address_map) reach a server or sentinel; `None` without
    /// [`behind_proxies`](SentinelsOptions::behind_proxies).
    pub fn proxy_of(&self, member: &Server) -> Option<&Proxy> {
        self.network.as_ref()?.proxy_of(member)
    }

    /// The address that each server and sentinel tells of itself, and where it can
    /// be reached; they differ with
    /// [`behind_proxies`](SentinelsOptions::behind_proxies).
    pub fn address_map(&self) -> AddressMap {
        let members = self.servers.iter().chain(&self.watchers);
        members
            .map(|m| (self.announced_port(m), m.service_port()))
            .collect()
    }

    /// The port that a member announces.
    fn announced_port(&self, member: &Server) -> u16 {
        self.proxy_of(member)
            .map_or_else(|| member.service_port(), Proxy::port)
    }
}
