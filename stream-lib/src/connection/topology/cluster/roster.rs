//! The nodes that can be asked for their maps.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::Value;

use super::map::Map;
use crate::config::{Address, AddressMap};
use crate::connection::cold::to_value;
use crate::connection::credentials::command;
use crate::connection::deadline::Deadline;
use crate::connection::endpoint::{Blueprint, Endpoint};
use crate::connection::server_error::from_redis;
use crate::connection::wire::Wire;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Interrupt;

/// How long a node may take to answer.
pub(super) const ANSWER: Duration = Duration::from_secs(1);

/// A node that can be asked.
pub(super) struct Member {
    pub(super) endpoint: Arc<Endpoint>,
    is_seed: bool,
    /// Ended when the node is no longer asked.
    asking: Interrupt,
    /// A request is under way.
    is_busy: AtomicBool,
    /// The connection between two requests.
    rested: Mutex<Option<Wire>>,
}

/// The seeds, which stay for ever, and the nodes that have slots.
#[derive(Debug)]
pub(super) struct Roster {
    blueprint: Blueprint,
    pub(super) map: Option<AddressMap>,
    members: Vec<Arc<Member>>,
    /// The index of the next node to ask.
    turn: usize,
}

impl Roster {
    /// # Errors
    ///
    /// `Config` if a host is no name for TLS.
    pub(super) fn new(
        blueprint: Blueprint,
        map: Option<AddressMap>,
        seeds: &[(String, u16)],
    ) -> Result<Self> {
        let mut roster = Self {
            blueprint,
            map,
            members: Vec::new(),
            turn: 0,
        };
        let seeds: BTreeSet<_> = seeds.iter().collect();
        for (host, port) in seeds {
            let member = roster.member(&Address::tcp(host, *port, false), true)?;
            roster.members.push(Arc::new(member));
        }
        Ok(roster)
    }

    pub(super) fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    /// The next `most` members that are not being asked, in turn.
    pub(super) fn choose(&mut self, most: usize) -> Vec<Arc<Member>> {
        let count = self.members.len();
        let turn = self.turn.checked_rem(count).unwrap_or_default();
        let members = self.members.iter().cycle().skip(turn).take(count);
        let free = members.filter(|member| !member.is_busy());
        let chosen: Vec<_> = free.take(most).map(Arc::clone).collect();
        self.turn = turn + chosen.len().max(1);
        chosen
    }

    /// Keeps the seeds and the nodes at these addresses.
    pub(super) fn keep(&mut self, addresses: &BTreeSet<String>) {
        self.members.retain(|member| {
            let stays = member.is_seed || addresses.contains(&member.name());
            if !stays {
                member.end();
            }
            stays
        });
    }

    /// Adds an unknown node.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub(super) fn add(&mut self, address: &Address) -> Result<()> {
        let name = address.to_string();
        if !self.members.iter().any(|member| member.name() == name) {
            let member = self.member(address, false)?;
            self.members.push(Arc::new(member));
        }
        Ok(())
    }

    fn member(&self, address: &Address, is_seed: bool) -> Result<Member> {
        Ok(Member {
            endpoint: Arc::new(self.blueprint.endpoint(address)?),
            is_seed,
            asking: Interrupt::new(),
            is_busy: AtomicBool::new(false),
            rested: Mutex::default(),
        })
    }
}

impl Member {
    /// Asks for the node's map in one round trip, on the connection of the last request
    /// or on a new one.
    ///
    /// # Blocking
    ///
    /// At most [`ANSWER`], for both.
    ///
    /// # Errors
    ///
    /// The problem of the node or its answer.
    pub(super) fn ask(&self, map: Option<&AddressMap>) -> Result<Map> {
        self.is_busy.store(true, Ordering::Relaxed);
        let answer = self.exchange(map);
        self.is_busy.store(false, Ordering::Relaxed);
        answer
    }

    /// Ends all calls of this node, now and later.
    pub(super) fn end(&self) {
        self.asking.end();
    }

    pub(super) fn is_busy(&self) -> bool {
        self.is_busy.load(Ordering::Relaxed)
    }

    fn name(&self) -> String {
        self.endpoint.address().to_string()
    }

    fn exchange(&self, map: Option<&AddressMap>) -> Result<Map> {
        let mut deadline = Deadline::of(ANSWER).unless(&self.asking);
        let rested = self.rested.lock().take();
        let rested = rested.filter(|wire| !wire.is_broken() && !wire.is_stale());
        let mut wire = match rested {
            Some(wire) => wire,
            None => Wire::connect_by(&self.endpoint, &mut deadline)?,
        };
        let mut packed = command(&["CLUSTER", "SLOTS"]).get_packed_command();
        packed.extend(command(&["CLUSTER", "INFO"]).get_packed_command());
        let unanswered = |e: Error| match e.kind() {
            ErrorKind::OutcomeUnknown => e.of_kind(ErrorKind::Unavailable),
            _ => e,
        };
        let sent = wire.send_within(&packed, 2, &mut deadline);
        sent.map_err(unanswered)?;
        let mut next = || -> Result<Value> {
            let reply = wire.receive_within(&mut deadline).map_err(unanswered)?;
            to_value(reply)
                .map_err(from_redis)?
                .extract_error()
                .map_err(from_redis)
        };
        let (slots, info) = (next(), next());
        *self.rested.lock() = Some(wire);
        // A user may have permission for only one of them.
        let info = info
            .ok()
            .and_then(|info| redis::from_redis_value(info).ok());
        let info: String = info.unwrap_or_default();
        Map::read(slots?, &info, self.endpoint.address(), map)
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("endpoint", &self.endpoint)
            .field("is_seed", &self.is_seed)
            .finish_non_exhaustive()
    }
}
