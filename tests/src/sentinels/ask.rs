//! The answers of sentinels and servers.

use std::collections::BTreeMap;
use std::fmt::Write;

use redis::{Connection, RedisResult};

use super::{NAME, Sentinels};
use crate::server::Server;

type Facts = BTreeMap<String, String>;

impl Sentinels {
    /// The master that the sentinel with the newest configuration names.
    pub(super) fn newest_master(&self) -> Option<&Server> {
        let named = self.watchers.iter().filter_map(|sentinel| {
            let facts = master_facts(sentinel)?;
            let epoch: u64 = facts.get("config-epoch")?.parse().ok()?;
            Some((epoch, self.named_by(sentinel)?))
        });
        named.max_by_key(|(epoch, _)| *epoch).map(|(_, s)| s)
    }

    /// The master that one sentinel names; `None` where it is dead or frozen.
    pub fn named_by(&self, sentinel: &Server) -> Option<&Server> {
        if !sentinel.is_awake() {
            return None;
        }
        let words = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME];
        let named: Option<(String, u16)> = sentinel.try_command(&words).ok()?;
        let (_, port) = named?;
        let mut servers = self.servers.iter();
        servers.find(|server| self.announced_port(server) == port)
    }

    /// Whether all run, name the same master, and follow it.
    pub(super) fn is_whole(&self) -> bool {
        let others = self.watchers.len().saturating_sub(1).to_string();
        let replicas = self.servers.len().saturating_sub(1);
        let mut named = self.watchers.iter().map(|s| self.named_by(s));
        let Some(Some(master)) = named.next() else {
            return false;
        };
        let agree = named.all(|other| other.is_some_and(|o| o.port() == master.port()));
        let see = |sentinel: &Server| {
            master_facts(sentinel).is_some_and(|facts| {
                facts.get("flags").is_some_and(|f| f == "master")
                    && facts.get("num-other-sentinels") == Some(&others)
                    && follow(sentinel) == Some(replicas)
            })
        };
        agree && has_role(master, "master") && self.watchers.iter().all(see)
    }

    /// Everything that explains why the set-up isn't whole.
    pub(super) fn state(&self) -> String {
        let mut text = String::new();
        for sentinel in &self.watchers {
            let facts = master_facts(sentinel).unwrap_or_default();
            let wanted = ["ip", "port", "flags", "num-slaves", "num-other-sentinels"];
            let facts: Vec<_> = wanted.iter().filter_map(|name| facts.get(*name)).collect();
            // Writing to a string can't fail.
            let _ = writeln!(text, "sentinel {}: {facts:?}", sentinel.port());
            let _ = writeln!(text, "{}", sentinel.log());
        }
        for server in &self.servers {
            let role = server.is_awake();
            let role = role.then(|| server.try_command::<redis::Value>(&["ROLE"]));
            let _ = writeln!(text, "server {}: {role:?}", server.port());
        }
        text
    }
}

fn master_facts(sentinel: &Server) -> Option<Facts> {
    if !sentinel.is_awake() {
        return None;
    }
    sentinel.try_command(&["SENTINEL", "MASTER", NAME]).ok()
}

/// How many replicas follow the master, by a sentinel.
fn follow(sentinel: &Server) -> Option<usize> {
    let words = ["SENTINEL", "REPLICAS", NAME];
    let replicas: Vec<Facts> = sentinel.try_command(&words).ok()?;
    let follows = |facts: &&Facts| {
        let is = |name: &str, value: &str| facts.get(name).is_some_and(|v| v == value);
        is("flags", "slave") && is("master-link-status", "ok")
    };
    Some(replicas.iter().filter(follows).count())
}

fn has_role(server: &Server, role: &str) -> bool {
    if !server.is_awake() {
        return false;
    }
    let facts: RedisResult<String> = server.try_command(&["INFO", "replication"]);
    facts.is_ok_and(|facts| facts.contains(&format!("role:{role}\r\n")))
}

/// The port of the master that a sentinel names.
pub(super) fn named_port(sentinel: &mut Connection) -> Option<u16> {
    let mut command = redis::cmd("SENTINEL");
    command.arg("GET-MASTER-ADDR-BY-NAME").arg(NAME);
    let named: Option<(String, u16)> = command.query(sentinel).ok()?;
    named.map(|(_, port)| port)
}
