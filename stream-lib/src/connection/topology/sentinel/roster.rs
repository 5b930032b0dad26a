//! The known sentinels.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::answer::Answer;
use super::choice::Announced;
use crate::config::{Address, AddressMap};
use crate::connection::endpoint::{Blueprint, Endpoint};
use crate::connection::wire::Wire;
use crate::error::Result;
use crate::runtime::Interrupt;

/// How long a sentinel may take to answer.
pub(super) const ANSWER: Duration = Duration::from_secs(1);

/// The most sentinels that are known, however many they name.
const MOST: usize = 32;

/// One sentinel, with the interrupts of its calls.
pub(super) struct Member {
    pub(super) endpoint: Arc<Endpoint>,
    is_seed: bool,
    /// Ended when the sentinel is no longer asked. There is one for each use, since an
    /// interrupt ends one connection.
    pub(super) asking: Interrupt,
    pub(super) watching: Interrupt,
    /// A question to it is under way.
    pub(super) is_asked: AtomicBool,
    /// It has not answered the last question.
    pub(super) is_silent: AtomicBool,
    /// The connection between two questions.
    pub(super) rested: Mutex<Option<Wire>>,
    /// The id that it has for itself.
    id: Mutex<Option<String>>,
}

/// The sentinels in the order in which they became known, the seeds first. Seeds stay for
/// ever, and a sentinel isn't dropped only because it doesn't answer. Two kinds are
/// dropped: a seed's double under another address, and a sentinel that doesn't answer
/// while another one names a new address for it.
#[derive(Debug)]
pub(super) struct Roster {
    blueprint: Blueprint,
    map: Option<AddressMap>,
    members: Vec<Arc<Member>>,
}

impl Roster {
    /// # Errors
    ///
    /// `Config` if a host is no name for TLS.
    pub(super) fn new(
        blueprint: Blueprint,
        map: Option<AddressMap>,
        seeds: &[Announced],
    ) -> Result<Self> {
        let mut roster = Self {
            blueprint,
            map,
            members: Vec::new(),
        };
        let mut known = BTreeSet::new();
        for (host, port) in seeds {
            if known.insert((host, port)) {
                let member = roster.member(host, *port, true, None)?;
                roster.members.push(Arc::new(member));
            }
        }
        Ok(roster)
    }

    pub(super) fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    /// Records what a sentinel has said about itself and others.
    pub(super) fn learn(&mut self, from: &Member, answer: &Answer) {
        from.id.lock().clone_from(&answer.id);
        for (id, (host, port)) in &answer.others {
            let (host, port) = match &self.map {
                Some(map) => map.map(host, *port),
                None => (host.clone(), *port),
            };
            let is_known = |member: &Arc<Member>| {
                member.is_at(&host, port) || member.is_called(id) && !member.has_moved()
            };
            if self.members.iter().any(is_known) {
                continue;
            }
            self.drop_moved(id);
            if self.members.len() >= MOST {
                continue;
            }
            let id = Some(id.clone()).filter(|id| !id.is_empty());
            match self.member(&host, port, false, id) {
                Ok(member) => {
                    log::debug!("a further sentinel is at {}", member.endpoint.address());
                    self.members.push(Arc::new(member));
                }
                Err(e) => log::debug!("a sentinel can't be used: {e}"),
            }
        }
        self.drop_doubles();
    }

    /// Drops the sentinel of this id if it has moved to another address.
    fn drop_moved(&mut self, id: &str) {
        self.members.retain(|member| {
            let goes = member.is_called(id) && member.has_moved();
            if goes {
                log::debug!("the sentinel at {} has moved", member.endpoint.address());
                member.end();
            }
            !goes
        });
    }

    /// Drops the doubles of seeds.
    fn drop_doubles(&mut self) {
        let seeds = self.members.iter().filter(|member| member.is_seed);
        let seeds: BTreeSet<_> = seeds.filter_map(|seed| seed.id.lock().clone()).collect();
        self.members.retain(|member| {
            let id = member.id.lock().clone();
            let stays = member.is_seed || id.is_none_or(|id| !seeds.contains(&id));
            if !stays {
                member.end();
            }
            stays
        });
    }

    fn member(&self, host: &str, port: u16, is_seed: bool, id: Option<String>) -> Result<Member> {
        let endpoint = self.blueprint.endpoint(&Address::tcp(host, port, false))?;
        Ok(Member {
            endpoint: Arc::new(endpoint),
            is_seed,
            asking: Interrupt::new(),
            watching: Interrupt::new(),
            is_asked: AtomicBool::new(false),
            is_silent: AtomicBool::new(false),
            rested: Mutex::default(),
            id: Mutex::new(id),
        })
    }
}

impl Member {
    /// Ends all calls of this sentinel, now and later.
    pub(super) fn end(&self) {
        self.asking.end();
        self.watching.end();
    }

    fn is_called(&self, id: &str) -> bool {
        !id.is_empty() && self.id.lock().as_deref() == Some(id)
    }

    /// Whether to believe an address that others have for this sentinel. A seed's address
    /// is the user's own, and the address of a sentinel that answers is good, however old
    /// the others' is.
    fn has_moved(&self) -> bool {
        !self.is_seed && self.is_silent.load(Ordering::SeqCst)
    }

    fn is_at(&self, host: &str, port: u16) -> bool {
        match self.endpoint.address() {
            Address::Tcp {
                host: own,
                port: own_port,
                ..
            } => own == host && *own_port == port,
            Address::Unix(_) => false,
        }
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
