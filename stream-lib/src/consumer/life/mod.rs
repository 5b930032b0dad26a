//! One life of a consumer: the start and the end of its threads.
//!
//! *Prepare* makes the group and checks the permissions before any thread starts, unless
//! the manager connects lazily. A consumer of a stream is one *running* member; a
//! consumer of a partitioned stream has a task, its *ownership*, which decides on the
//! partitions to own, and a member for each of them. The *estate* knows the members; all
//! of them feed the same workers. At the end of a member its reader conducts the *stop*
//! of its other threads, gives back *unseen* deliveries, and *hands over* the partition.

mod estate;
mod hand_over;
mod ownership;
mod prepare;
mod running;
mod stop;
mod unseen;

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use parking_lot::Mutex;

use self::estate::Estate;
use self::ownership::Ownership;
use self::prepare::{Prepared, default_label, prepare, take_back_sign};
use crate::consumer::brief::{POLL, Unblocking};
use crate::consumer::identity::Identity;
use crate::consumer::member::common::Common;
use crate::consumer::member::health::Health;
use crate::consumer::member::secrets::Secrets;
use crate::consumer::member::{Member, Part};
use crate::consumer::worker::{Crew, Work};
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::partition::Partitions;
use crate::runtime::{Desk, Thread, counted, on_library_thread, random_suffix};

/// The time beyond the grace for the last steps of a stop.
const SETTLE: Duration = Duration::from_secs(3);

/// The threads of a running consumer. On drop they are told to stop and detached.
pub(crate) struct Life {
    estate: Arc<Estate>,
    ownership: OwnershipPlace,
    workers: Vec<Thread>,
    /// The health of the first member, or of the ownership.
    health: Arc<Health>,
    /// Whether the group was made and checked at the start.
    is_prepared: bool,
}

/// The task that owns partitions, for a partitioned stream: from the start, or once
/// partitions are found.
type OwnershipPlace = Arc<Mutex<Option<Arc<Desk<Ownership>>>>>;

impl Life {
    pub(crate) fn begin(identity: &Arc<Identity>, handler: &Arc<dyn Work>) -> Result<Self> {
        let until_ended = identity.until_ended.upgrade().ok_or_else(|| {
            let text = "the consumer can't start: its manager was shut down";
            Error::new(ErrorKind::Closed, text)
        })?;
        let config = &identity.config;
        let label = config.consumer.clone().unwrap_or_else(default_label);
        let name = format!("{label}-{}", random_suffix());
        let alarm = identity.staff.keeper.bell();
        let work = (handler.batch_size(), Secrets::of(handler.schema()));
        let common = Arc::new(Common::new(identity, name, work, alarm));
        let crew = Arc::new(Crew::new(&common, &identity.counters));
        let (lives, ended) = bounded(0);
        let estate = Arc::new(Estate::new(identity, &common, &crew, ended));
        let whole = Part {
            group: &identity.group,
            partition: None,
        };
        let (member, inbox) = estate.member(whole);
        // A lazy manager doesn't wait: the reader makes the group.
        let prepared = if identity.is_lazy {
            Prepared::Nothing
        } else {
            prepare(identity, &common, &member)?
        };
        let mut life = Self {
            estate: Arc::clone(&estate),
            ownership: OwnershipPlace::default(),
            workers: Vec::new(),
            health: Arc::clone(&member.health),
            is_prepared: prepared != Prepared::Nothing,
        };
        let begun = life.spawn_workers(handler, lives).and_then(|()| {
            if let Prepared::Parts(partitions) = prepared {
                let place = &life.ownership;
                life.health = own(&estate, partitions, true, until_ended, place)?;
                return Ok(());
            }
            let place = Arc::clone(&life.ownership);
            let then_estate = Arc::clone(&estate);
            let then = move |member: &Member| divide(&then_estate, member, until_ended, &place);
            estate.begin(Arc::clone(&member), inbox, then).map(drop)
        });
        if let Err(e) = begun {
            life.abandon(&member, prepared);
            return Err(e);
        }
        life.tell_start(prepared);
        Ok(life)
    }

    /// Logs the start: a consumer of a wrong stream shows no other sign of it.
    fn tell_start(&self, prepared: Prepared) {
        let Identity { group, config, .. } = &*self.estate.identity;
        let parts = match prepared {
            Prepared::Parts(partitions) => format!(
                ", for its share of {}",
                counted(partitions.count(), "partition", "partitions")
            ),
            Prepared::Whole | Prepared::Nothing => String::new(),
        };
        log::info!(
            "the consumer `{}` of `{}` in the group `{}` has started, with {}{parts}",
            self.name(),
            group.stream(),
            group.name(),
            counted(config.workers, "worker", "workers")
        );
    }

    fn spawn_workers(&mut self, handler: &Arc<dyn Work>, lives: Sender<()>) -> Result<()> {
        let Estate { identity, crew, .. } = &*self.estate;
        for number in 1..=identity.config.workers {
            let name = format!("{} worker {number}", identity.group.stream());
            let (handler, crew, lives) = (Arc::clone(handler), Arc::clone(crew), lives.clone());
            let thread = Thread::spawn(name, move || {
                handler.work(&crew);
                drop(lives);
            })?;
            self.workers.push(thread);
        }
        drop(lives);
        Ok(())
    }

    /// Ends a half-made life when the system has no thread left: nothing was read, and
    /// nothing stays in the group.
    fn abandon(mut self, member: &Member, prepared: Prepared) {
        member.begin_stop();
        member.give_up();
        self.end_threads(Instant::now() + SETTLE);
        match prepared {
            Prepared::Whole => stop::leave(member),
            Prepared::Parts(_) => take_back_sign(&self.estate.identity, &self.estate.common),
            Prepared::Nothing => {}
        }
    }

    /// The health whose first success is that of the consumer.
    pub(crate) fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }

    pub(crate) fn name(&self) -> &str {
        &self.estate.common.name
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.estate.common.stop.is_set()
    }

    /// Whether the group was made and checked at the start.
    pub(crate) fn is_prepared(&self) -> bool {
        self.is_prepared
    }

    pub(crate) fn held_up_by(&self) -> Option<Error> {
        self.estate.common.trouble.latest()
    }

    /// The end of the group's hold, in milliseconds since 1970 by the server's clock.
    pub(crate) fn held_until_ms(&self) -> Option<u64> {
        self.estate.common.hold.known().map(|hold| hold.until_ms)
    }

    pub(crate) fn buffered(&self) -> usize {
        self.estate.common.buffer.room.buffered()
    }

    pub(crate) fn running(&self) -> usize {
        self.estate.common.buffer.pause.running()
    }

    /// The number of entries whose end Redis has not confirmed.
    pub(crate) fn settling(&self) -> usize {
        self.estate.settling()
    }

    /// The partitions that it reads; `None` if the stream has none, as far as known.
    pub(crate) fn partitions(&self) -> Option<Vec<u16>> {
        let has_any = self.ownership.lock().is_some();
        has_any.then(|| self.estate.partitions())
    }

    pub(crate) fn signal_stop(&self) {
        self.estate.begin_stop();
    }

    /// Stops and joins the threads, within the grace and a little; threads that are still
    /// in a handler then are detached. Returns the number of handlers still running. From
    /// one of the library's own threads it only signals.
    pub(crate) fn end(mut self, grace: Duration) -> usize {
        self.signal_stop();
        if on_library_thread() {
            return self.running();
        }
        let deadline = self.estate.common.stop_by(grace) + SETTLE;
        self.unblock_readers(deadline);
        // Each reader conducts the stop of the other threads of its member.
        for running in self.estate.all() {
            running.join_by(deadline);
        }
        self.end_threads(Instant::now() + SETTLE / 30);
        self.running()
    }

    /// Ends the readers' waits until they read no more.
    fn unblock_readers(&self, deadline: Instant) {
        let members = self.estate.all();
        let mut reading: Vec<_> = members
            .iter()
            .map(|running| (running, Unblocking::default()))
            .collect();
        while Instant::now() < deadline {
            reading.retain(|(running, _)| running.reads(Duration::ZERO));
            let Some((first, _)) = reading.first() else {
                return;
            };
            let first = *first;
            // The keeper does this, too, in its next round.
            for (running, unblocking) in &mut reading {
                unblocking.step(&running.member);
            }
            first.reads(POLL);
        }
    }

    /// Ends the remaining threads. A thread that has not ended by now gives up, rather
    /// than wait for Redis for ever.
    fn end_threads(&mut self, soon: Instant) {
        self.estate.common.begin_stop();
        for running in self.estate.all() {
            running.member.give_up();
        }
        for running in self.estate.all() {
            running.join_by(soon);
        }
        for thread in self.workers.drain(..) {
            thread.join_by(soon);
        }
        let staff = &self.estate.identity.staff;
        let ownership = self.ownership.lock().take();
        if let Some(ownership) = ownership.and_then(|desk| desk.take(Instant::now() + SETTLE / 3)) {
            ownership.finish();
        }
        staff.join_idle(Instant::now() + SETTLE);
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.estate.begin_stop();
    }
}

/// At the end of a whole stream's member: if the stream has turned out to be partitioned,
/// its partitions are owned instead.
fn divide(
    estate: &Arc<Estate>,
    member: &Member,
    until_ended: Arc<dyn Any + Send + Sync>,
    place: &OwnershipPlace,
) {
    let Some(partitions) = member.divided() else {
        return;
    };
    if estate.common.stop.is_set() {
        return;
    }
    log::info!(
        "`{}` has {} partitions: the consumer `{}` takes its share of them",
        member.declared_stream(),
        partitions.count(),
        member.name
    );
    if let Err(e) = own(estate, partitions, false, until_ended, place) {
        log::error!(
            "the partitions of `{}` can't be read: {}",
            member.declared_stream(),
            with_causes(&e)
        );
        member.health.fail(&e);
    }
}

/// Starts the task that owns the partitions.
fn own(
    estate: &Arc<Estate>,
    partitions: Partitions,
    is_prepared: bool,
    until_ended: Arc<dyn Any + Send + Sync>,
    place: &OwnershipPlace,
) -> Result<Arc<Health>> {
    let ownership = Ownership::new(estate, partitions, is_prepared, until_ended);
    let health = Arc::clone(ownership.health());
    if is_prepared {
        health.reached_at_start();
    }
    let mut place = place.lock();
    let Estate {
        identity, common, ..
    } = &**estate;
    *place = Some(identity.staff.keeper.add(ownership, &common.alarm)?);
    Ok(health)
}
