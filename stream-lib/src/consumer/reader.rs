//! The thread that reads new entries.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use super::batch::Company;
use super::done::{self, Done};
use super::link::{Link, Role};
use super::member::Member;
use crate::command::{self, MakeGroup, Read};
use crate::config::{ConsumerEvents, OnGroupLost, StartFrom};
use crate::connection::Wire;
use crate::error::{ErrorKind, Result};
use crate::runtime::Backoff;

/// Reads until the consumer stops.
pub(super) fn run(member: &Member) {
    let mut link = Link::new(member, Role::Reader, &member.stop);
    let mut recovery = Recovery::new(member);
    let mut regroup = Backoff::for_connections();
    let mut flight = Flight::default();
    while !(member.stop.is_set() && flight.is_empty()) {
        if flight.is_empty() && !wait_for_room(member) {
            continue;
        }
        let outcome = link.run(|wire| {
            if recovery.is_due() && flight.is_empty() {
                recover(member, wire)?;
                recovery.done();
            }
            let more = !recovery.is_due();
            if more {
                flight.take_off(member, wire, 0)?;
            }
            flight.land(member, wire, more)
        });
        match outcome {
            Ok(()) => regroup.reset(),
            Err(e) if e.kind() == ErrorKind::NoGroup => {
                flight.lost(member);
                // The read behind it fails the same way.
                link.drop_wire();
                heal(member, &mut link);
                member.stop.sleep(regroup.next());
            }
            Err(_) => {
                flight.lost(member);
                // The answer may have been on its way.
                member.recovery_wanted.store(true, Ordering::SeqCst);
            }
        }
    }
}

/// Waits until entries may be asked for. Returns false if the consumer stops,
/// or nothing has changed for a while.
fn wait_for_room(member: &Member) -> bool {
    let soon = Instant::now() + member.config.block_duration;
    member
        .queue
        .wait_for_room(&member.stop, soon, || room(member, 0))
        && !member.stop.is_set()
}

/// How many entries a read may ask for, with up to `landing` about to be
/// buffered.
fn room(member: &Member, landing: usize) -> usize {
    let held_bytes = member.held_bytes.load(Ordering::Relaxed);
    member.queue.room(landing, held_bytes)
}

/// The reads on the wire: one that waits for entries; or two that don't wait,
/// where answers come back full. Redis works on one of them while another's
/// answer is decoded here.
///
/// What is done meanwhile is acknowledged with the next read that doesn't wait:
/// one request, one answer, and no thread to wake for it.
#[derive(Default)]
struct Flight<'a> {
    asked: VecDeque<Asked<'a>>,
    /// The last answer was full: there is more where it came from.
    full: bool,
}

impl<'a> Flight<'a> {
    fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Nothing will be answered any more.
    fn lost(&mut self, member: &Member) {
        *self = Self::default();
        done::leave_to_ack(member);
    }

    /// Sends reads, where there is room for their answers.
    fn take_off(&mut self, member: &'a Member, wire: &mut Wire, landing: usize) -> Result<()> {
        // Of all that may be buffered, a third is with the workers, another is
        // being answered, and the last one Redis works on.
        let (reads, most) = if self.full {
            (2, (2 * member.config.read_count).div_ceil(3))
        } else {
            (1, member.config.read_count)
        };
        while self.asked.len() < reads && !member.stop.is_set() {
            let coming: usize = self.asked.iter().map(|asked| asked.count).sum();
            let count = room(member, landing + coming).min(most);
            if count == 0 {
                break;
            }
            let asked = Asked {
                member,
                count,
                done: self.full.then(|| Done::collect(member)),
            };
            let read = asked.read();
            let ids = asked.done.as_ref().map(Done::ids).unwrap_or_default();
            self.asked.push_back(asked);
            read.send(wire, &ids)?;
        }
        Ok(())
    }

    /// Receives the answer. Where answers come back full and `more` may be read,
    /// the next read goes out as soon as Redis is through with this one, before
    /// anybody looks at the answer.
    fn land(&mut self, member: &'a Member, wire: &mut Wire, more: bool) -> Result<()> {
        let Some(mut asked) = self.asked.pop_front() else {
            return Ok(());
        };
        let read = asked.read();
        read.await_answer(wire)?;
        let next = if self.full && more {
            self.take_off(member, wire, asked.count)
        } else {
            Ok(())
        };
        if self.is_empty() {
            done::leave_to_ack(member);
        }
        asked.receive_acked(&read, wire);
        let entries = read.receive(wire)?;
        self.full = entries.len() == asked.count;
        if entries.is_empty() {
            return next;
        }
        // A read may have waited long before the entries were delivered, so the
        // lease is counted from the answer. One that lay in the socket while
        // this process stood still is found out by the renewal, which asks for
        // owners.
        let batch = member.hold(entries, Company::Any, Instant::now());
        if !member.queue.push(&batch, &member.stop) {
            member.give_back_rest(&batch);
        }
        if !self.full && member.queue.idle() > 0 {
            // The worker that was woken often waits for this very core. With
            // nothing more to read, it goes first.
            thread::yield_now();
        }
        next
    }
}

/// One read, and what it acknowledges. Dropped before that is confirmed, it
/// leaves it to the thread that settles.
struct Asked<'a> {
    member: &'a Member,
    /// How many entries it asks for.
    count: usize,
    /// What goes along; `None` for a read that waits for entries, which would
    /// hold it up.
    done: Option<Done>,
}

impl<'a> Asked<'a> {
    fn read(&self) -> Read<'a> {
        let member = self.member;
        let block = member.config.block_duration;
        Read {
            group: &member.group,
            consumer: &member.name,
            count: self.count,
            block: self.done.is_none().then_some(block),
        }
    }

    /// Receives the answer to what went along. A failure is left to the thread
    /// that settles, which meets it again.
    fn receive_acked(&mut self, read: &Read<'_>, wire: &mut Wire) {
        let Some(done) = self.done.take_if(|done| !done.is_empty()) else {
            return;
        };
        match read.receive_acked(wire) {
            Ok(()) => done.settled(self.member, &self.member.counters.completed),
            Err(_) => done.hand_over(self.member),
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            done.hand_over(self.member);
        }
    }
}

/// Makes the vanished group again, or stops, as the configuration says.
fn heal(member: &Member, link: &mut Link<'_>) {
    let group = &member.group;
    let stood = member.prepared.load(Ordering::SeqCst);
    if stood && member.config.on_group_lost == OnGroupLost::Stop {
        member.fail(&command::group_lost(group));
        return;
    }
    let from = if stood {
        StartFrom::Beginning
    } else {
        member.config.start_from
    };
    let made = link.run(|wire| {
        let made = group.make(wire, from)?;
        group.join(wire, &member.name)?;
        Ok(made)
    });
    if made.is_ok() {
        member.prepared.store(true, Ordering::SeqCst);
    }
    if stood && matches!(made, Ok(MakeGroup::Made)) {
        log::warn!(
            "the group `{}` of `{}` had vanished and was made again, at the beginning",
            group.name(),
            group.stream()
        );
        member.config.events.tell(ConsumerEvents::group_recreated);
    }
}

/// Fetches what Redis has as delivered to us and nobody here knows: answers
/// that got lost on the way. No read is under way meanwhile.
fn recover(member: &Member, wire: &mut Wire) -> Result<()> {
    let mut after = None;
    loop {
        let claiming = member.claiming.lock();
        let asked = Instant::now();
        let pending = command::pending_of(wire, &member.group, &member.name, after)?;
        let Some(&last) = pending.last() else {
            return Ok(());
        };
        after = Some(last);
        // Asked after Redis was: what has come in since is already known.
        let held: HashSet<_> = member.registry.ids().into_iter().collect();
        let unseen: Vec<_> = pending
            .into_iter()
            .filter(|id| !held.contains(id))
            .collect();
        let mut batches = Vec::new();
        for ids in unseen.chunks(member.config.read_count) {
            let entries = command::recover(wire, &member.group, &member.name, ids)?;
            if !entries.is_empty() {
                batches.push(member.hold(entries, Company::Any, asked));
            }
        }
        drop(claiming);
        for batch in batches {
            log::info!(
                "fetched {} entries of `{}` whose delivery was lost with a connection",
                batch.len(),
                member.group.stream()
            );
            if !member.queue.push(&batch, &member.stop) {
                member.give_back_rest(&batch);
            }
        }
    }
}

/// When to look for unseen deliveries: after a failure of this thread's or
/// another's, and for a lease after that, since a stalled server may run a
/// read after its connection was closed.
struct Recovery<'a> {
    member: &'a Member,
    next: Option<Instant>,
    until: Instant,
}

impl<'a> Recovery<'a> {
    fn new(member: &'a Member) -> Self {
        Self {
            member,
            next: None,
            until: Instant::now(),
        }
    }

    fn is_due(&mut self) -> bool {
        let now = Instant::now();
        if self.member.recovery_wanted.swap(false, Ordering::SeqCst) {
            self.next = Some(now);
            self.until = now + self.member.config.lease * 4 / 3;
        }
        self.next.is_some_and(|at| at <= now)
    }

    fn done(&mut self) {
        let next = Instant::now() + self.member.config.lease / 3;
        self.next = (next < self.until).then_some(next);
    }
}
