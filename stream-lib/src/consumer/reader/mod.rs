//! The thread that reads new entries.

mod flight;

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::command::{self, MakeGroup};
use crate::config::{ConsumerEvents, OnGroupLost, StartFrom};
use crate::connection::Wire;
use crate::consumer::member::Member;
use crate::consumer::member::held::Company;
use crate::consumer::member::link::{MemberLink, Role};
use crate::consumer::reader::flight::{Flight, room};
use crate::error::{ErrorKind, Result};
use crate::runtime::Backoff;

/// Reads until the consumer stops.
pub(crate) fn run(member: &Member) {
    let mut link = MemberLink::new(member, Role::Reader, &member.stop);
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
                // The read behind it fails the same way, unless somebody makes
                // the group again in between.
                link.drop_wire();
                member.recovery_wanted.store(true, Ordering::SeqCst);
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

/// Makes the vanished group again, or stops, as the configuration says.
fn heal(member: &Member, link: &mut MemberLink<'_>) {
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
        let held: HashSet<_> = member.replies.ids().into_iter().collect();
        let unseen: Vec<_> = pending
            .into_iter()
            .filter(|id| !held.contains(id))
            .collect();
        let mut replies = Vec::new();
        for ids in unseen.chunks(member.config.read_count) {
            let entries = command::recover(wire, &member.group, &member.name, ids)?;
            if !entries.is_empty() {
                replies.push(member.hold(entries, Company::Any, asked));
            }
        }
        drop(claiming);
        for held in replies {
            log::info!(
                "fetched {} entries of `{}` whose delivery was lost with a connection",
                held.len(),
                member.group.stream()
            );
            if !member.queue.push(&held, &member.stop, || {}) {
                member.give_back_rest(&held);
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
