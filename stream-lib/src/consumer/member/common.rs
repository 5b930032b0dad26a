//! The state that all members of one consumer share.
//!
//! A consumer of a stream has one member; a consumer of a partitioned stream has one for
//! each owned partition. All of them have the consumer's name in Redis, and feed its
//! workers. The stop of the consumer stops all of its members; a member may stop earlier,
//! when its partition goes to another consumer.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use crate::command::Group;
use crate::consumer::identity::Identity;
use crate::consumer::member::buffer::Buffer;
use crate::consumer::member::chronicle::Chronicle;
use crate::consumer::member::failure_log::FailureLimits;
use crate::consumer::member::hold::MemberHold;
use crate::consumer::member::kin::AllKin;
use crate::consumer::member::rate::{GroupRate, KeyRates};
use crate::consumer::member::secrets::Secrets;
use crate::consumer::member::self_report::SelfReport;
use crate::consumer::member::signs::Signs;
use crate::runtime::{Bell, Shutdown, Trouble};

/// One life of a consumer.
#[derive(Debug)]
pub(crate) struct Common {
    /// The name in Redis: the label and random characters.
    pub(crate) name: String,
    pub(crate) buffer: Buffer,
    /// The group at the stem.
    pub(crate) stem: Group,
    /// The hold of the whole group.
    pub(crate) hold: MemberHold,
    /// The rate at which handlers may begin, if it is limited.
    pub(crate) rate: Option<GroupRate>,
    /// The rate for each value of a field, if it is limited.
    pub(crate) key_rates: Option<KeyRates>,
    /// The signs of life of the group's members, for a partitioned stream.
    pub(crate) signs: Signs,
    /// The members for each partition.
    pub(super) kin: AllKin,
    /// Stops reading and starting, in all members.
    pub(crate) stop: Shutdown,
    /// When the stop began.
    stop_began: OnceLock<Instant>,
    /// Dropped when the workers are to end.
    workers: Mutex<Option<Sender<()>>>,
    pub(crate) workers_stop: Receiver<()>,
    /// Rings the task that owns the partitions, if there is one.
    pub(crate) alarm: Bell,
    /// The failures of all members: each outage of the consumer is logged once.
    pub(crate) trouble: Trouble,
    pub(crate) failures: Arc<FailureLimits>,
    pub(crate) chronicle: Chronicle,
    pub(crate) report: SelfReport,
    /// Whether Redis was reached once, and the hooks are told or about to be.
    pub(crate) reached: AtomicBool,
    next_number: AtomicU32,
    /// The sensitive fields of the message type, if any.
    pub(crate) secrets: Option<Secrets>,
}

impl Common {
    pub(crate) fn new(
        identity: &Identity,
        name: String,
        (batch_size, secrets): (usize, Option<Secrets>),
        alarm: Bell,
    ) -> Self {
        let Identity {
            topology,
            group,
            config,
            ..
        } = identity;
        let (workers, workers_stop) = bounded(0);
        let rate = config.rate.as_ref();
        Self {
            chronicle: Chronicle::new(group.keys(), group.name(), &name),
            report: SelfReport::new(identity, secrets.is_some()),
            name,
            buffer: Buffer::new(config, batch_size),
            stem: group.clone(),
            hold: MemberHold::default(),
            rate: GroupRate::new(topology, group, rate),
            key_rates: KeyRates::new(topology, group, rate),
            signs: Signs::default(),
            kin: AllKin::default(),
            stop: Shutdown::default(),
            stop_began: OnceLock::new(),
            workers: Mutex::new(Some(workers)),
            workers_stop,
            alarm,
            trouble: Trouble::default(),
            failures: Arc::default(),
            reached: AtomicBool::new(false),
            next_number: AtomicU32::new(0),
            secrets,
        }
    }

    /// Begins the stop: nothing more is started. The members have to be told separately.
    /// A second call does nothing.
    pub(crate) fn begin_stop(&self) {
        self.stop_by(Duration::ZERO);
        self.stop.set();
        self.workers.lock().take();
        self.alarm.ring();
    }

    /// The end of a stop with this grace. If an error has begun it, the grace counts from
    /// the first call.
    pub(crate) fn stop_by(&self, grace: Duration) -> Instant {
        *self.stop_began.get_or_init(Instant::now) + grace
    }

    /// The number of turns that the workers could use in `portion` of time, at most
    /// `most`.
    pub(crate) fn wanted_turns(&self, most: u32, portion: Duration) -> u32 {
        let Buffer {
            pause,
            room,
            handler_time,
            ..
        } = &self.buffer;
        let workers = room.workers();
        let free = workers.saturating_sub(pause.running()).max(1);
        let each = handler_time.estimate().map_or(u128::MAX, |time| {
            portion.as_nanos() / time.as_nanos().max(1)
        });
        let by_workers = each
            .saturating_mul(workers as u128)
            .saturating_add(free as u128);
        let there = room.buffered().max(1) as u128;
        u32::try_from(there.min(by_workers))
            .unwrap_or(most)
            .min(most)
    }

    /// The facts that the consumer reports of itself, as JSON.
    pub(crate) fn facts(&self) -> String {
        self.report.facts(&self.buffer)
    }

    /// The number of the next member.
    pub(crate) fn number(&self) -> u32 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }
}
