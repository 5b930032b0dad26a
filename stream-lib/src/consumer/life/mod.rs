//! One life of a consumer: how its threads begin and end.
//!
//! *Prepare* makes the group and checks the permissions, before there is any
//! thread, save where the manager connects lazily. At the end the reader conducts
//! the *stop* of the others.

mod prepare;
mod stop;

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use self::prepare::{default_label, prepare};
use self::stop::Ends;
use crate::consumer::brief::{POLL, Unblocking};
use crate::consumer::identity::Identity;
use crate::consumer::keeper::Keeper;
use crate::consumer::member::Member;
use crate::consumer::reader;
use crate::consumer::settler::Settler;
use crate::consumer::staff::Staff;
use crate::consumer::worker::{Crew, Work};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Desk, Thread, counted, on_library_thread, random_suffix};

/// The time beyond the grace in which the last steps of a stop are done.
const SETTLE: Duration = Duration::from_secs(3);

/// The threads of a running consumer. Dropped, they are told to stop and left
/// to themselves.
pub(crate) struct Life {
    member: Arc<Member>,
    staff: Arc<Staff>,
    settler: Option<Arc<Desk<Settler>>>,
    /// The reader, which conducts the stop, is the last one.
    threads: Vec<Thread>,
    /// Disconnects when the reader begins to conduct the stop.
    conducted: Receiver<()>,
}

impl Life {
    pub(crate) fn begin(identity: &Identity, handler: &Arc<dyn Work>) -> Result<Self> {
        let until_ended = identity.until_ended.upgrade().ok_or_else(|| {
            let text = "the consumer can't start: its manager was shut down";
            Error::new(ErrorKind::Closed, text)
        })?;
        let config = &identity.config;
        let label = config.consumer.clone().unwrap_or_else(default_label);
        // Each entry is settled once, so this never fills while Redis answers.
        let (settle, inbox) = bounded(4 * config.read_count + 4 * config.workers);
        let name = format!("{label}-{}", random_suffix());
        let bells = identity.staff.bells();
        let member = Member::new(identity, name, settle, bells, handler.batch_size());
        let member = Arc::new(member);
        // A lazy manager waits for nothing: the reader makes the group.
        if !identity.is_lazy {
            prepare(&member)?;
        }
        let (conducts, conducted) = bounded(0);
        let mut life = Self {
            member: Arc::clone(&member),
            staff: Arc::clone(&identity.staff),
            settler: None,
            threads: Vec::new(),
            conducted,
        };
        let settler = Settler::new(&member, inbox);
        if let Err(e) = life.start_threads(handler, settler, conducts, until_ended) {
            life.abandon();
            return Err(e);
        }
        // A consumer of the wrong stream has no other sign of it.
        log::info!(
            "the consumer `{}` of `{}` in the group `{}` has started, with {}",
            member.name,
            identity.group.stream(),
            identity.group.name(),
            counted(config.workers, "worker", "workers")
        );
        Ok(life)
    }

    /// Starts the threads. Nothing is read before all of them are there.
    fn start_threads(
        &mut self,
        handler: &Arc<dyn Work>,
        settler: Settler,
        conducted: Sender<()>,
        until_ended: Arc<dyn Any + Send + Sync>,
    ) -> Result<()> {
        let member = Arc::clone(&self.member);
        let (workers_live, workers_ended) = bounded(0);
        let (all_there, begins) = bounded(1);
        let stream = member.group.stream().to_owned();
        let settler = self.staff.settler.add(settler, &member.bells.settler)?;
        self.settler = Some(Arc::clone(&settler));
        let crew = Arc::new(Crew::new(&member, member.workers_stop.clone()));
        for number in 1..=member.config.workers {
            let handler = Arc::clone(handler);
            let (crew, lives) = (Arc::clone(&crew), workers_live.clone());
            self.spawn(format!("{stream} worker {number}"), move |_| {
                handler.work(&crew);
                drop(lives);
            })?;
        }
        drop(workers_live);
        self.spawn(format!("{stream} reader"), move |member| {
            if let Ok(ends) = begins.recv() {
                reader::run(member);
                stop::conduct(member, ends);
            }
            drop(until_ended);
        })?;
        // The last one: it claims entries at once.
        let keeper = Keeper::new(&member);
        let keeper = self.staff.keeper.add(keeper, &member.bells.keeper)?;
        // There is room for it.
        let _ = all_there.send(Ends {
            conducted,
            workers: workers_ended,
            keeper,
            settler,
        });
        Ok(())
    }

    fn spawn(&mut self, name: String, body: impl FnOnce(&Member) + Send + 'static) -> Result<()> {
        let member = Arc::clone(&self.member);
        let thread = Thread::spawn(name, move || body(&member))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Ends a half-made life, where the system had no thread left: nothing was read,
    /// and nothing stays in the group.
    fn abandon(mut self) {
        self.member.begin_stop();
        self.member.give_up();
        let soon = Instant::now() + SETTLE;
        for thread in self.threads.drain(..) {
            thread.join_by(soon);
        }
        // Nothing has come to it.
        drop(self.settler.take().map(|settler| settler.take(soon)));
        self.staff.join_idle(soon);
        if self.is_prepared() {
            stop::leave(&self.member);
        }
    }

    pub(crate) fn member(&self) -> Arc<Member> {
        Arc::clone(&self.member)
    }

    pub(crate) fn name(&self) -> &str {
        &self.member.name
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.member.stop.is_set()
    }

    /// Whether the group was made and checked at the start.
    pub(crate) fn is_prepared(&self) -> bool {
        self.member.health.group_stood()
    }

    pub(crate) fn held_up_by(&self) -> Option<Error> {
        self.member.health.held_up_by()
    }

    /// Until when the group is held, in milliseconds since 1970 by the server's clock.
    pub(crate) fn held_until_ms(&self) -> Option<u64> {
        self.member.group_hold.known().map(|hold| hold.until_ms)
    }

    pub(crate) fn buffered(&self) -> usize {
        self.member.buffer.room.buffered()
    }

    pub(crate) fn running(&self) -> usize {
        self.member.buffer.pause.running()
    }

    /// How many entries have ended here, but not in Redis.
    pub(crate) fn settling(&self) -> usize {
        let replies = self.member.replies.all();
        replies.iter().map(|held| held.settling()).sum()
    }

    pub(crate) fn signal_stop(&self) {
        self.member.begin_stop();
    }

    /// Stops and joins the threads, within the grace and a little; those that
    /// are still in a handler then are detached. Returns how many handlers
    /// still ran. From one of the library's own threads it only signals.
    pub(crate) fn end(mut self, grace: Duration) -> usize {
        self.signal_stop();
        if on_library_thread() {
            return self.running();
        }
        let deadline = self.member.stop_by(grace) + SETTLE;
        // The keeper does this, too, when it comes round.
        let mut unblocking = Unblocking::default();
        while stop::waits(&self.conducted, Duration::ZERO) && Instant::now() < deadline {
            unblocking.step(&self.member);
            stop::waits(&self.conducted, POLL);
        }
        // The last one conducts the stop of the others.
        if let Some(reader) = self.threads.pop() {
            reader.join_by(deadline);
        }
        // A thread that has not ended by now gives up, instead of waiting for
        // Redis for ever.
        self.member.give_up();
        let soon = Instant::now() + SETTLE / 30;
        while let Some(thread) = self.threads.pop() {
            thread.join_by(soon);
        }
        self.staff.join_idle(Instant::now() + SETTLE);
        self.running()
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.member.begin_stop();
    }
}
