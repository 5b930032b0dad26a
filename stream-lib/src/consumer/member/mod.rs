//! One member of a group for one stream: the parts that its threads share.
//!
//! A consumer is one member, or, for a partitioned stream, one for each owned partition.
//! Its members share one name in Redis, one sign of life and one [`Buffer`], which are
//! part of their [`Common`].
//!
//! Entries come in as the [`Held`] entries of one reply, which [`HeldReplies`] knows from
//! then on. They wait in the [`Buffer`]; when their delivery has ended, [`Acknowledging`]
//! carries them to the thread that has Redis confirm it. [`Claiming`] orders the claims
//! of returning entries. [`SignOfLife`] keeps the member in its group. [`Health`] reports
//! on its connections, each of which is a [`MemberLink`], and [`FailureLog`] on failed
//! deliveries. [`Chronicle`](chronicle::Chronicle) has the events that people may look up
//! later.

pub(crate) mod acknowledging;
mod buffer;
pub(crate) mod chronicle;
pub(crate) mod claiming;
mod coming;
pub(crate) mod common;
pub(crate) mod done;
pub(crate) mod failure_log;
mod handler_time;
pub(crate) mod health;
pub(crate) mod held;
mod held_replies;
pub(crate) mod hold;
mod home;
mod kin;
pub(crate) mod link;
mod links;
pub(crate) mod outputs;
mod pause;
mod queue;
pub(crate) mod rate;
mod read_ahead;
mod reader_line;
mod room;
pub(crate) mod secrets;
mod self_report;
pub(crate) mod settle;
pub(crate) mod sign_of_life;
mod signs;
pub(crate) mod stage;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

pub(crate) use self::buffer::Buffer;
pub(crate) use self::coming::TakenRoom;

use self::acknowledging::Acknowledging;
use self::chronicle::Chronicle;
use self::claiming::{Claim, Claiming};
use self::common::Common;
use self::done::Done;
use self::failure_log::{FailureLog, Fate};
use self::health::{Health, Role};
use self::held::Held;
use self::held_replies::HeldReplies;
use self::home::Home;
use self::link::{MemberLink, Way};
use self::links::MemberLinks;
use self::outputs::OutputStreams;
use self::settle::{Action, Settle, Unsettled};
use self::sign_of_life::{Giver, SignOfLife};
use self::stage::Company;
use crate::command::{Claimed, Entries, Group, GroupHold, Look, StreamEventKind};
use crate::config::ConsumerConfig;
use crate::config::event::Completed;
use crate::connection::{Link, Loans, Topology, Wire};
use crate::consumer::bells::Bells;
use crate::consumer::identity::Identity;
use crate::consumer::stats::Counters;
use crate::error::{Error, ErrorKind, Result};
use crate::partition::Partitions;
use crate::runtime::{Alarm, Portion, Shutdown, nanos};

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
    home: Arc<Home>,
    pub(crate) replies: HeldReplies,
    /// How many entries one answer may bring, after larger ones were lost.
    pub(crate) portion: Portion,
    pub(crate) acknowledging: Acknowledging,
    pub(crate) claiming: Claiming,
    pub(crate) health: Arc<Health>,
    pub(crate) failure_log: FailureLog,
    /// The running time of successful handlers since the hooks were last told, in
    /// nanoseconds.
    handler_nanos: AtomicU64,
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
    stop_began: OnceLock<Instant>,
    /// Gives up all unconfirmed entries: the grace is over.
    pub(crate) halt: Shutdown,
    /// Set if the stream has turned out to be partitioned: this member, which is for all
    /// of it, makes way for members of partitions.
    divided: OnceLock<Partitions>,
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

    /// Registers entries as held, before a worker can start them.
    pub(crate) fn hold(&self, entries: Entries, company: Company, asked: Instant) -> Arc<Held> {
        let delivered = entries.len() as u64;
        self.counters
            .delivered
            .fetch_add(delivered, Ordering::Relaxed);
        self.replies.hold(entries, company, asked)
    }

    /// Hands new entries to the workers, or gives them back if the consumer stops before.
    /// `before_waiting` is called if there is no place for them yet.
    pub(crate) fn enqueue(&self, held: &Arc<Held>, before_waiting: impl FnOnce()) {
        if self.turns_back(held) || !self.common.buffer.push(held, &self.stop, before_waiting) {
            self.give_back_rest(held);
        }
    }

    /// Whether new entries are given back at once, since the group is held by now: they
    /// count as buffered until then.
    fn turns_back(&self, held: &Held) -> bool {
        let is_held = self.common.hold.lasts();
        if is_held {
            self.common.buffer.room.expect(held);
        }
        is_held
    }

    /// Registers claimed entries and hands them to the workers, after which others may
    /// claim again.
    pub(crate) fn accept(
        &self,
        claimed: Claimed,
        company: Company,
        asked: Instant,
        claim: Claim<'_>,
    ) {
        let deleted = claimed.deleted;
        self.counters.deleted.fetch_add(deleted, Ordering::Relaxed);
        if !claimed.entries.is_empty() {
            let held = self.hold(claimed.entries, company, asked);
            held.set_marks(claimed.marks);
            if self.turns_back(&held) || !self.common.buffer.push_returning(&held, &self.stop) {
                self.give_back_rest(&held);
            }
        }
        // Until now there was room for them, and no other claim could take it.
        drop(claim);
    }

    /// Withdraws the entries that no worker has started, and gives them back.
    pub(crate) fn give_back_rest(&self, held: &Arc<Held>) {
        while let Some(index) = held.withdraw_next() {
            self.give_back(held, index);
        }
    }

    /// Gives back an entry that was withdrawn from the buffer.
    pub(crate) fn give_back(&self, held: &Arc<Held>, index: usize) {
        self.common.buffer.room.left();
        self.settle(held, index, Action::GiveBack);
    }

    /// Notes the running time of a successful handler, for the hooks. It is noted before
    /// the entry is done, so that it is told with the entry.
    pub(crate) fn handled(&self, time: Duration) {
        if self.config.events.are_set() {
            self.handler_nanos.fetch_add(nanos(time), Ordering::Relaxed);
        }
    }

    /// Redis has confirmed the acknowledgement of these entries.
    pub(crate) fn confirm_completed(&self, done: &Done) {
        self.acknowledging.confirmed(done, &self.counters.completed);
        self.tell_completed(done.len());
    }

    /// Tells the hooks how many entries were acknowledged.
    pub(crate) fn tell_completed(&self, entries: usize) {
        if entries > 0 && self.config.events.are_set() {
            let nanos = self.handler_nanos.swap(0, Ordering::Relaxed);
            self.config.events.tell(|e| {
                e.completed(&Completed {
                    stream: self.declared_stream(),
                    group: self.group.name(),
                    consumer: &self.name,
                    entries,
                    handler_time: Duration::from_nanos(nanos),
                });
            });
        }
    }

    /// Queues a request for an entry whose delivery has ended.
    pub(crate) fn settle(&self, held: &Arc<Held>, index: usize, action: Action) {
        let settle = Settle::new(held, index, action);
        if let Err(Settle::Entry(entry)) = self.acknowledging.try_send(settle) {
            self.tell_end(&entry, Fate::Abandoned);
        }
    }

    /// The events that this member is to write: those of a partitioned stream are written
    /// at the stem.
    pub(crate) fn own_chronicle(&self) -> Option<&Chronicle> {
        self.partition.is_none().then_some(&self.common.chronicle)
    }

    /// Notes something that happened, for the event stream.
    pub(crate) fn note(&self, kind: StreamEventKind, count: u64, text: &str) {
        self.note_about(None, kind, count, text);
    }

    /// As [`note`](Self::note), about another consumer if one is named.
    pub(crate) fn note_about(
        &self,
        consumer: Option<&str>,
        kind: StreamEventKind,
        count: u64,
        text: &str,
    ) {
        if self.common.chronicle.note(kind, count, text, consumer) {
            self.common.alarm.ring();
            self.bells.keeper.ring();
        }
    }

    /// Logs an entry that was to be buried, and its last delivery.
    pub(crate) fn tell_end(&self, entry: &Unsettled, fate: Fate) {
        let Action::Bury {
            reason,
            text,
            is_told,
            ..
        } = &entry.action
        else {
            return;
        };
        // A burial is told in any case, another end only if the failure isn't logged yet.
        if is_told.replace(true) && fate != Fate::Buried {
            return;
        }
        let (id, attempt) = (entry.held.id(entry.index), entry.held.attempt(entry.index));
        self.failure_log.ended(id, attempt, *reason, fate, text);
    }

    /// How many entries the reader may ask for now, by a read that waits for entries or
    /// one that doesn't.
    pub(crate) fn room(&self, waits: bool) -> usize {
        let buffer = &self.common.buffer;
        if self.common.hold.lasts() {
            return 0;
        }
        let load = buffer.load(self.replies.bytes());
        let room = if waits {
            buffer.room.for_waiting(&load)
        } else {
            buffer.room.for_new(&load)
        };
        let room = room.min(self.portion.size());
        let Some(rate) = &self.common.rate else {
            return room;
        };
        // Entries that would wait long for their turn are better read by others, or
        // later.
        room.min(rate.room().saturating_sub(buffer.room.buffered()))
    }

    /// How many returning entries to claim: none while some still wait.
    pub(crate) fn room_for_returning(&self) -> usize {
        if self.home.has_returning() {
            0
        } else {
            let room = self.common.buffer.room.for_returning();
            room.min(self.portion.size())
        }
    }

    /// How many entries of `~waiting` to claim.
    pub(crate) fn room_for_due(&self) -> usize {
        let buffer = &self.common.buffer;
        let batches = buffer.room.for_batches(&buffer.load(0));
        let most = self.portion.size();
        self.room_for_returning().max(batches).min(most)
    }

    /// Notes the time of its longest-running handler, and how many entries all of its
    /// handlers hold.
    pub(crate) fn observe_longest(&self, longest: Duration, entries: usize) {
        let buffer = &self.common.buffer;
        let handlers = buffer.pause.running();
        buffer
            .handler_time
            .observe_longest(self.number(), longest, entries, handlers);
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
