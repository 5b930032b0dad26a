//! The state that the threads of a running member share, from its start to its stop.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::acknowledging::Acknowledging;
use super::claiming::Claiming;
use super::common::Common;
use super::failure_log::FailureLog;
use super::health::{Health, Role};
use super::held_replies::HeldReplies;
use super::home::Home;
use super::link::{MemberLink, Way};
use super::links::MemberLinks;
use super::outputs::OutputStreams;
use super::settle::Settle;
use super::sign_of_life::{Giver, SignOfLife};
use crate::command::{Group, GroupHold, Look};
use crate::config::ConsumerConfig;
use crate::connection::{Link, Loans, Topology, Wire};
use crate::consumer::bells::Bells;
use crate::consumer::identity::Identity;
use crate::consumer::stats::Counters;
use crate::error::{Error, ErrorKind, Result};
use crate::partition::Partitions;
use crate::runtime::{Alarm, Portion, Shutdown};

/// The state that the threads of a running member share.
pub(crate) struct Member {
    pub(crate) topology: Arc<Topology>,
    pub(crate) config: ConsumerConfig,
    /// The group, in the partition if there are any.
    pub(crate) group: Group,
    /// The partition; `None` for a stream without partitions.
    pub(crate) partition: Option<u16>,
    /// The name in Redis, which all members of the consumer share.
    pub(crate) name: String,
    pub(crate) common: Arc<Common>,
    pub(crate) counters: Arc<Counters>,
    pub(super) home: Arc<Home>,
    pub(crate) replies: HeldReplies,
    /// How many entries one answer may bring, after larger ones were lost.
    pub(crate) portion: Portion,
    pub(crate) acknowledging: Acknowledging,
    pub(crate) claiming: Claiming,
    pub(crate) health: Arc<Health>,
    pub(crate) failure_log: FailureLog,
    /// The running time of successful handlers since the hooks were last told, in
    /// nanoseconds.
    pub(super) handler_nanos: AtomicU64,
    pub(crate) sign_of_life: SignOfLife,
    /// The streams to which outputs of deliveries go.
    pub(crate) outputs: OutputStreams,
    /// Rung if the stream has scheduled messages.
    pub(crate) alarm: Alarm,
    /// The threads' connections, to end their waits.
    pub(crate) links: MemberLinks,
    /// The bells of the threads that all consumers share.
    pub(crate) bells: Bells,
    /// Stops reading and starting.
    pub(crate) stop: Shutdown,
    /// When the stop began.
    pub(super) stop_began: OnceLock<Instant>,
    /// Gives up all unconfirmed entries: the grace is over.
    pub(crate) halt: Shutdown,
    /// Set if the stream has turned out to be partitioned: this member, which is for all
    /// of it, makes way for members of partitions.
    pub(super) divided: OnceLock<Partitions>,
}

/// The part of a stream that a member is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) group: &'a Group,
    pub(crate) partition: Option<u16>,
}

impl Member {
    pub(crate) fn new(
        identity: &Identity,
        common: &Arc<Common>,
        part: Part<'_>,
        settler: Sender<Settle>,
        bells: Bells,
    ) -> Self {
        let config = identity.config.clone();
        let stop = Shutdown::default();
        let keeper = &bells.keeper;
        let number = common.number();
        let home = Arc::new(Home::new(number, keeper, &common.buffer.bytes));
        let kin = part.partition.map(|n| common.kin.enter(n, number));
        Self {
            topology: Arc::clone(&identity.topology),
            group: part.group.clone(),
            partition: part.partition,
            counters: Arc::clone(&identity.counters),
            replies: HeldReplies::new(&home, kin),
            portion: Portion::new(config.read_count),
            acknowledging: Acknowledging::new(settler, config.lease, &bells),
            claiming: Claiming::new(keeper),
            health: Arc::new(Health::new(identity, common, number, &stop, keeper)),
            failure_log: FailureLog::new(part.group, &config.stream, &common.failures, keeper),
            sign_of_life: SignOfLife::new(config.lease),
            outputs: OutputStreams::new(
                &identity.topology,
                identity.book.clone(),
                part.group.stream(),
            ),
            alarm: identity.alarm.clone(),
            links: MemberLinks::default(),
            halt: Shutdown::default(),
            stop_began: OnceLock::new(),
            handler_nanos: AtomicU64::new(0),
            divided: OnceLock::new(),
            name: common.name.clone(),
            common: Arc::clone(common),
            config,
            home,
            bells,
            stop,
        }
    }

    /// The stream's name in the configuration, not that of a partition.
    pub(crate) fn declared_stream(&self) -> &str {
        &self.config.stream
    }

    /// Its number among the members of the consumer.
    pub(crate) fn number(&self) -> u32 {
        self.home.number()
    }

    /// The connections of one of the threads; `until` ends its waits.
    pub(crate) fn link(&self, role: Role, until: &Shutdown) -> MemberLink {
        let handle = self.links.of(role).clone();
        let (topology, key) = (Arc::clone(&self.topology), self.group.stream());
        let way = match role {
            Role::Reader => Way::Own(Box::new(Link::new(topology, key, handle))),
            _ => Way::Shared(Loans::new(topology, key, handle)),
        };
        let bell = match role {
            Role::Settler | Role::Burials | Role::Outputs => self.bells.settler.clone(),
            Role::Reader | Role::Keeper | Role::Claims => self.bells.keeper.clone(),
        };
        MemberLink::new(way, role, &self.health, until, bell).pausing_for(self.config.lease / 6)
    }

    /// Begins the stop of this member: nothing more is read or started, and no thread
    /// waits for an unreachable server. A second call does nothing.
    pub(crate) fn begin_stop(&self) {
        self.stop_by(Duration::ZERO);
        self.stop.set();
        self.links.hold_off();
        self.bells.keeper.ring();
    }

    /// Makes way for members of single partitions, into which the stream is divided.
    pub(crate) fn divide(&self, partitions: Partitions) {
        if self.partition.is_none() && self.divided.set(partitions).is_ok() {
            self.begin_stop();
        }
    }

    /// The partitions that it makes way for.
    pub(crate) fn divided(&self) -> Option<Partitions> {
        self.divided.get().copied()
    }

    /// A task of another thread for it has panicked: it stops, so that another member can
    /// take over its entries.
    pub(crate) fn broke(&self) {
        let text = "a task of the consumer panicked; this is a bug in stream-lib";
        self.health.fail(&Error::new(ErrorKind::System, text));
    }

    /// The end of a stop with this grace. If an error has begun it, the grace counts from
    /// the first call. The consumer's stop counts for all of its members.
    pub(crate) fn stop_by(&self, grace: Duration) -> Instant {
        if self.common.stop.is_set() {
            return self.common.stop_by(grace);
        }
        *self.stop_began.get_or_init(Instant::now) + grace
    }

    /// Gives up whatever Redis has not confirmed.
    pub(crate) fn give_up(&self) {
        self.halt.set();
        self.links.cut();
        self.bells.keeper.ring();
        self.bells.settler.ring();
    }

    /// Gives this member's sign of life, and looks at the group; see
    /// [`SignOfLife::give`]. The member of a partition only looks: the signs are kept at
    /// the stem.
    pub(crate) fn beat(&self, wire: &mut Wire, name_idle: bool) -> Result<Look> {
        let keep = self.config.consumer_expiry;
        if self.partition.is_none() {
            let facts = self.common.facts();
            let giver = Giver {
                group: &self.group,
                name: &self.name,
                keep,
                facts: &facts,
            };
            let look = self.sign_of_life.give(wire, &giver, name_idle)?;
            self.common.hold.notice(look.hold.clone(), look.server_ms);
            return Ok(look);
        }
        let keep = name_idle.then_some(keep);
        let mut look = self.sign_of_life.look(wire, &self.group, keep)?;
        match self.common.signs.recent(self.config.lease) {
            Some(signs) => look.signs = signs,
            // The living members are not known.
            None => look.holdings.retain(|h| h.consumer == self.name.as_bytes()),
        }
        Ok(look)
    }

    /// The time for which it has watched the signs of the others while the server's clock
    /// took no step; see [`SignOfLife::watched`].
    pub(crate) fn watched_signs(&self) -> Duration {
        match self.partition {
            None => self.sign_of_life.watched(),
            Some(_) => self.common.signs.watched(),
        }
    }

    /// Holds the group in this process, unless it is held for longer, before Redis is
    /// told.
    pub(crate) fn hold_here(&self, time: Duration, why: &str) {
        let now = self.sign_of_life.server_ms().unwrap_or(0);
        if self.common.hold.lengthen(time, why, now) {
            self.bells.keeper.ring();
        }
    }

    /// Notes a hold that an answer has brought.
    pub(crate) fn heed_hold(&self, hold: Option<&GroupHold>, server_ms: u64) {
        if hold.is_some() && self.common.hold.known().as_ref() != hold {
            self.common.hold.notice(hold.cloned(), server_ms);
            self.bells.keeper.ring();
        }
    }
}
