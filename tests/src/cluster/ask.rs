//! The answers of all nodes together.

use std::fmt::Write;

use redis::Value;

use super::{Cluster, slot, view};
use crate::server::Server;

impl Cluster {
    /// The master of a slot: of those that claim it the one with the newest
    /// configuration.
    pub(super) fn owner_of(&self, slot: u16) -> Option<&Server> {
        newest_claim(&self.claims(), slot)
    }

    /// The masters that have slots, by the first of their slots.
    pub(super) fn owners(&self) -> Vec<&Server> {
        let claims = self.claims();
        let mut owners: Vec<(u16, &Server)> = Vec::new();
        for (server, me) in &claims {
            let mut firsts = me.slots.iter().map(|(first, _)| *first);
            let is_theirs = |first: &u16| {
                newest_claim(&claims, *first).is_some_and(|s| s.port() == server.port())
            };
            owners.extend(firsts.find(is_theirs).map(|first| (first, *server)));
        }
        owners.sort_by_key(|(first, _)| *first);
        owners.into_iter().map(|(_, server)| server).collect()
    }

    /// The nodes that consider themselves masters, with their own descriptions.
    fn claims(&self) -> Vec<Claim<'_>> {
        let servers = self.servers.iter();
        let claim = |server| {
            let me = view::myself(server).filter(|me| me.follows.is_none())?;
            Some((server, me))
        };
        servers.filter_map(claim).collect()
    }

    /// Whether all run, agree on the slots, and have their replicas.
    pub(super) fn is_whole(&self) -> bool {
        let mut maps = self.servers.iter().map(map_of);
        let Some(Some(map)) = maps.next() else {
            return false;
        };
        let slots: usize = map.iter().map(|(first, last, _)| last - first + 1).sum();
        let with_replicas = |(_, _, ids): &Row| ids.len() == 1 + self.replicas;
        slots == usize::from(slot::COUNT)
            && map.iter().all(with_replicas)
            && maps.all(|other| other.as_ref() == Some(&map))
            && self.servers.iter().all(is_ready)
    }

    /// Everything that explains why the cluster isn't whole.
    pub(super) fn state(&self) -> String {
        let mut text = String::new();
        for server in &self.servers {
            let nodes = server.is_awake();
            let nodes = nodes.then(|| server.try_command::<String>(&["CLUSTER", "NODES"]));
            // Writing to a string can't fail.
            let _ = match nodes {
                Some(Ok(nodes)) => writeln!(text, "node {}:\n{nodes}", server.port()),
                other => writeln!(text, "node {}: {other:?}", server.port()),
            };
        }
        text
    }
}

type Claim<'a> = (&'a Server, view::Myself);

fn newest_claim<'a>(claims: &[Claim<'a>], slot: u16) -> Option<&'a Server> {
    let has = |(_, me): &&Claim<'_>| me.slots.iter().any(|(a, b)| (*a..=*b).contains(&slot));
    let claims = claims.iter().filter(has);
    let newest = claims.max_by_key(|(_, me)| me.epoch);
    newest.map(|(server, _)| *server)
}

/// First and last slot, and the ids of its nodes, sorted behind the master's.
type Row = (usize, usize, Vec<String>);

fn map_of(server: &Server) -> Option<Vec<Row>> {
    if !server.is_awake() {
        return None;
    }
    let ranges = view::slots(&mut server.connect().ok()?)?;
    let row = |mut range: view::Range| {
        if let Some((_, replicas)) = range.ids.split_first_mut() {
            replicas.sort();
        }
        (range.first.into(), range.last.into(), range.ids)
    };
    Some(ranges.into_iter().map(row).collect())
}

/// Whether a node serves, and a replica has its master's data.
fn is_ready(server: &Server) -> bool {
    let says = |words: &[&str], line: &str| {
        let text = server.try_command::<String>(words);
        text.is_ok_and(|text| text.lines().any(|l| l.trim_end() == line))
    };
    let is_master = matches!(
        server.try_command::<Vec<Value>>(&["ROLE"]).as_deref(),
        Ok([Value::BulkString(role), ..]) if role == b"master"
    );
    says(&["CLUSTER", "INFO"], "cluster_state:ok")
        && (is_master || says(&["INFO", "replication"], "master_link_status:up"))
}
