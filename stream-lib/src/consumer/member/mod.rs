//! One life of a consumer: the parts that its threads share.
//!
//! Entries come in as the [`Held`] entries of one reply, known to
//! [`HeldReplies`] from then on. They wait in the [`Buffer`]; when their
//! delivery has ended, [`Acknowledging`] carries them to the thread that has
//! Redis confirm it. [`Claiming`] orders the claims of returning entries.
//! [`SignOfLife`] keeps the member in its group. [`Health`] tells of its
//! connections, each of which is a [`MemberLink`], and [`FailureLog`] of
//! deliveries that failed.

pub(crate) mod acknowledging;
mod buffer;
pub(crate) mod claiming;
pub(crate) mod done;
pub(crate) mod failure_log;
mod handler_time;
pub(crate) mod health;
pub(crate) mod held;
mod held_replies;
pub(crate) mod hold;
pub(crate) mod link;
mod links;
pub(crate) mod outputs;
mod pause;
mod queue;
pub(crate) mod rate;
mod read_ahead;
mod room;
pub(crate) mod settle;
pub(crate) mod sign_of_life;
pub(crate) mod stage;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

pub(crate) use self::buffer::Buffer;

use self::acknowledging::Acknowledging;
use self::claiming::{Claim, Claiming};
use self::done::Done;
use self::failure_log::{FailureLog, Fate};
use self::health::{Health, Role};
use self::held::Held;
use self::held_replies::HeldReplies;
use self::hold::MemberHold;
use self::link::{MemberLink, Way};
use self::links::MemberLinks;
use self::outputs::OutputStreams;
use self::rate::{GroupRate, KeyRates};
use self::settle::{Action, Settle, Unsettled};
use self::sign_of_life::SignOfLife;
use self::stage::Company;
use crate::command::{Claimed, Entries, Group, GroupHold, Look};
use crate::config::ConsumerConfig;
use crate::config::event::Completed;
use crate::connection::{Link, Loans, Topology, Wire};
use crate::consumer::bells::Bells;
use crate::consumer::identity::Identity;
use crate::consumer::stats::Counters;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Shutdown;

/// The state that the threads of a running consumer share.
pub(crate) struct Member {
    pub(crate) topology: Arc<Topology>,
    pub(crate) config: ConsumerConfig,
    pub(crate) group: Group,
    /// The name in Redis: the label and random characters.
    pub(crate) name: String,
    pub(crate) counters: Arc<Counters>,
    pub(crate) replies: HeldReplies,
    pub(crate) buffer: Buffer,
    pub(crate) acknowledging: Acknowledging,
    pub(crate) claiming: Claiming,
    pub(crate) health: Arc<Health>,
    pub(crate) failure_log: FailureLog,
    /// How long handlers ran that have succeeded since the hooks were last told,
    /// in nanoseconds.
    handler_nanos: AtomicU64,
    pub(crate) sign_of_life: SignOfLife,
    /// Of the whole group.
    pub(crate) group_hold: MemberHold,
    /// How many handlers may begin, where that is limited.
    pub(crate) rate: Option<GroupRate>,
    /// The same for each value of a field.
    pub(crate) key_rates: Option<KeyRates>,
    /// Where outputs of deliveries go.
    pub(crate) outputs: OutputStreams,
    /// The threads' connections, to end their waits.
    pub(crate) links: MemberLinks,
    /// Of the threads that all consumers share.
    pub(crate) bells: Bells,
    /// Stop reading and starting.
    pub(crate) stop: Shutdown,
    /// Dropped when the workers are to end.
    workers: Mutex<Option<Sender<()>>>,
    pub(crate) workers_stop: Receiver<()>,
    /// When that began.
    stop_began: OnceLock<Instant>,
    /// Give up all unconfirmed entries: the grace is over.
    pub(crate) halt: Shutdown,
}

impl Member {
    pub(crate) fn new(
        identity: &Identity,
        name: String,
        settler: Sender<Settle>,
        bells: Bells,
        batch_size: usize,
    ) -> Self {
        let config = identity.config.clone();
        let stop = Shutdown::default();
        let keeper = &bells.keeper;
        let (workers, workers_stop) = bounded(0);
        Self {
            topology: Arc::clone(&identity.topology),
            group: identity.group.clone(),
            counters: Arc::clone(&identity.counters),
            replies: HeldReplies::default(),
            buffer: Buffer::new(&config, batch_size, &stop, keeper),
            acknowledging: Acknowledging::new(settler, config.lease, &bells),
            claiming: Claiming::new(keeper),
            health: Arc::new(Health::new(identity, &name, &stop, keeper)),
            failure_log: FailureLog::new(&identity.group, keeper),
            sign_of_life: SignOfLife::new(config.lease),
            group_hold: MemberHold::default(),
            rate: GroupRate::new(&identity.topology, &identity.group, config.rate.as_ref()),
            key_rates: KeyRates::new(&identity.topology, &identity.group, config.rate.as_ref()),
            outputs: OutputStreams::new(&identity.topology, identity.group.stream()),
            links: MemberLinks::default(),
            halt: Shutdown::default(),
            stop_began: OnceLock::new(),
            handler_nanos: AtomicU64::new(0),
            name,
            config,
            bells,
            stop,
            workers: Mutex::new(Some(workers)),
            workers_stop,
        }
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

    /// Begins the stop: nothing more is read or started, and no thread waits for a
    /// server that can't be reached. Called again it does nothing.
    pub(crate) fn begin_stop(&self) {
        self.stop_by(Duration::ZERO);
        self.stop.set();
        self.links.hold_off();
        self.workers.lock().take();
        self.bells.keeper.ring();
    }

    /// A task that others do for it has panicked: it stops, so that another member can
    /// take over what it holds.
    pub(crate) fn broke(&self) {
        let text = "a task of the consumer panicked; this is a bug in stream-lib";
        self.health.fail(&Error::new(ErrorKind::System, text));
    }

    /// When a stop with this grace is over. One that an error has begun counts from
    /// the first time that this is asked.
    pub(crate) fn stop_by(&self, grace: Duration) -> Instant {
        *self.stop_began.get_or_init(Instant::now) + grace
    }

    /// Gives up whatever Redis has not confirmed.
    pub(crate) fn give_up(&self) {
        self.halt.set();
        self.links.cut();
        self.bells.keeper.ring();
        self.bells.settler.ring();
    }

    /// Gives this member's sign of life; see [`SignOfLife::give`].
    pub(crate) fn beat(&self, wire: &mut Wire, name_idle: bool) -> Result<Look> {
        let keep = self.config.consumer_expiry;
        let look = self
            .sign_of_life
            .give(wire, &self.group, &self.name, keep, name_idle)?;
        self.group_hold.notice(look.hold.clone(), look.server_ms);
        Ok(look)
    }

    /// Makes entries known as held, before a worker can start them.
    pub(crate) fn hold(&self, entries: Entries, company: Company, asked: Instant) -> Arc<Held> {
        let delivered = entries.len() as u64;
        self.counters
            .delivered
            .fetch_add(delivered, Ordering::Relaxed);
        self.replies.hold(entries, company, asked)
    }

    /// Hands new entries to the workers, or gives them back if the consumer
    /// stops before. `before_waiting` is called where there is no place for them
    /// yet.
    pub(crate) fn enqueue(&self, held: &Arc<Held>, before_waiting: impl FnOnce()) {
        if self.turns_back(held) || !self.buffer.push(held, before_waiting) {
            self.give_back_rest(held);
        }
    }

    /// Whether entries that have just come in go back at once, since the group is held by
    /// now: they count as buffered until then.
    fn turns_back(&self, held: &Held) -> bool {
        let is_held = self.group_hold.lasts();
        if is_held {
            self.buffer.room.expect(held);
        }
        is_held
    }

    /// Makes claimed entries known and hands them to the workers, after which others
    /// may claim again.
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
            if self.turns_back(&held) || !self.buffer.push_returning(&held) {
                self.give_back_rest(&held);
            }
        }
        // Until now there was room for them, and no other claim could take it.
        drop(claim);
    }

    /// Withdraws the entries that no worker has started, and has them given
    /// back.
    pub(crate) fn give_back_rest(&self, held: &Arc<Held>) {
        while let Some(index) = held.withdraw_next() {
            self.give_back(held, index);
        }
    }

    /// Has an entry given back that was withdrawn from the buffer.
    pub(crate) fn give_back(&self, held: &Arc<Held>, index: usize) {
        self.buffer.room.left();
        self.settle(held, index, Action::GiveBack);
    }

    /// Notes how long a handler ran that has succeeded, for the hooks. This comes
    /// before the entry is done, so that the time is told with it.
    pub(crate) fn handled(&self, time: Duration) {
        if self.config.events.are_set() {
            let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            self.handler_nanos.fetch_add(nanos, Ordering::Relaxed);
        }
    }

    /// Redis has confirmed that these are acknowledged.
    pub(crate) fn confirm_completed(&self, done: &Done) {
        self.acknowledging.confirmed(done, &self.counters.completed);
        self.tell_completed(done.len());
    }

    /// Tells the hooks of so many entries that are acknowledged.
    pub(crate) fn tell_completed(&self, entries: usize) {
        if entries > 0 && self.config.events.are_set() {
            let nanos = self.handler_nanos.swap(0, Ordering::Relaxed);
            self.config.events.tell(|e| {
                e.completed(&Completed {
                    stream: self.group.stream(),
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

    /// Tells the log of an entry that was to be buried, and of its last delivery.
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
        // A burial is told in any case, another end where the log has nothing yet.
        if is_told.replace(true) && fate != Fate::Buried {
            return;
        }
        let (id, attempt) = (entry.held.id(entry.index), entry.held.attempt(entry.index));
        self.failure_log.ended(id, attempt, *reason, fate, text);
    }

    /// How many entries the reader may ask for, with up to `landing` about to
    /// be buffered.
    pub(crate) fn room(&self, landing: usize) -> usize {
        if self.group_hold.lasts() {
            return 0;
        }
        let room = self.buffer.room_for_new(landing, self.replies.bytes());
        let Some(rate) = &self.rate else {
            return room;
        };
        // Those that wait long for their turn are better read by others, and later.
        let ahead = self.buffer.room.buffered() + landing;
        room.min(rate.room().saturating_sub(ahead))
    }

    /// How many turns the workers could use in `portion` of time, `most` at most.
    pub(crate) fn wanted_turns(&self, most: u32, portion: Duration) -> u32 {
        let workers = self.config.workers;
        let free = workers.saturating_sub(self.buffer.pause.running()).max(1);
        let each = self
            .buffer
            .handler_time
            .estimate()
            .map_or(u128::MAX, |time| {
                portion.as_nanos() / time.as_nanos().max(1)
            });
        let by_workers = each
            .saturating_mul(workers as u128)
            .saturating_add(free as u128);
        let there = self.buffer.room.buffered().max(1) as u128;
        u32::try_from(there.min(by_workers))
            .unwrap_or(most)
            .min(most)
    }

    /// Holds the group as far as this process goes, unless it is held for longer: before
    /// Redis has been told.
    pub(crate) fn hold_here(&self, time: Duration, why: &str) {
        let ends = self.group_hold.ends_at();
        if ends.is_some_and(|ends| ends >= Instant::now() + time) {
            return;
        }
        let now = self.sign_of_life.server_ms().unwrap_or(0);
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let hold = GroupHold {
            until_ms: now.saturating_add(millis),
            why: why.to_owned(),
        };
        self.group_hold.notice(Some(hold), now);
        self.bells.keeper.ring();
    }

    /// Notes a hold that an answer has told of.
    pub(crate) fn heed_hold(&self, hold: Option<&GroupHold>, server_ms: u64) {
        if hold.is_some() && self.group_hold.known().as_ref() != hold {
            self.group_hold.notice(hold.cloned(), server_ms);
            self.bells.keeper.ring();
        }
    }
}
