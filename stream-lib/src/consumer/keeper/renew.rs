//! The renewal of leases.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::capped::Capped;
use crate::command::{self, Found};
use crate::config::event::LeaseLost;
use crate::consumer::member::Member;
use crate::consumer::member::held::Held;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::stage::Stage;
use crate::error::Result;
use crate::runtime::counted;

/// Most ids in one request.
const CHUNK: usize = 500;

/// Renews entries that were last confirmed more than a third of a lease ago.
pub(super) struct Renewal {
    member: Arc<Member>,
    at: Instant,
    pub(super) capped: Capped,
}

impl Renewal {
    pub(super) fn new(member: &Arc<Member>) -> Self {
        Self {
            member: Arc::clone(member),
            at: Instant::now() + member.config.lease / 6,
            capped: Capped::new(member),
        }
    }

    pub(super) fn at(&self) -> Instant {
        self.at
    }

    /// Makes the next renewal come at once.
    pub(super) fn hasten(&mut self) {
        self.at = Instant::now();
    }

    /// Renews what is due, for all replies together, since the other consumers of the
    /// manager wait meanwhile.
    pub(super) fn renew(&mut self, link: &mut MemberLink) {
        let lease = self.member.config.lease;
        self.at = Instant::now() + lease / 6;
        let (mut longest, mut running) = (Duration::ZERO, 0);
        let mut due = Vec::new();
        for held in self.member.replies.all() {
            for time in held.running() {
                longest = longest.max(time);
                running += 1;
            }
            if held.since_confirmed() >= lease / 3 {
                due.push(held);
            }
        }
        if self.renew_all(link, &due).is_err() {
            self.hasten();
        }
        self.capped.park(link);
        self.member.observe_longest(longest, running);
    }

    fn renew_all(&mut self, link: &mut MemberLink, due: &[Arc<Held>]) -> Result<()> {
        let member = Arc::clone(&self.member);
        let (mut kept, mut lost, mut doubtful) = (Vec::new(), Vec::new(), Vec::new());
        for held in due {
            for index in 0..held.len() {
                if self.keeps(held, index) {
                    kept.push((held, index));
                }
            }
        }
        let asked = Instant::now();
        let mut renewed_all = Ok(());
        let mut left = &*kept;
        while let Some((chunk, rest)) = left.split_at_checked(left.len().min(CHUNK))
            && !chunk.is_empty()
        {
            let ids: Vec<_> = chunk.iter().map(|(held, index)| held.id(*index)).collect();
            match link.run(|wire| command::renew(wire, &member.group, &member.name, &ids)) {
                Ok(renewed) => {
                    for (((held, index), id), found) in chunk.iter().zip(ids).zip(renewed) {
                        if found == Found::NotOurs && self.lose(held, *index) {
                            lost.push(id);
                        }
                        if found == Found::NotOurs && held.stage(*index) == Stage::Settling {
                            doubtful.push(Arc::clone(held));
                        }
                    }
                    left = rest;
                }
                Err(e) => {
                    renewed_all = Err(e);
                    break;
                }
            }
        }
        if let [id, others @ ..] = &*lost {
            let others = match others.len() {
                0 => String::new(),
                count => format!(" (and {})", counted(count, "other", "others")),
            };
            log::warn!(
                "the lease of entry {id}{others} of `{}` was lost while its handler runs",
                member.group.stream()
            );
        }
        for held in due {
            let is_left = left.iter().any(|(other, _)| Arc::ptr_eq(other, held));
            if !is_left {
                // Set before the reply counts as confirmed, so that nothing is
                // acknowledged meanwhile.
                held.doubt(doubtful.iter().any(|other| Arc::ptr_eq(other, held)));
                held.confirm(asked);
            }
        }
        renewed_all
    }

    /// Whether an entry's lease is to be renewed. An entry that has waited in the buffer
    /// for a lease is given back instead, and an entry whose handler has run for too long
    /// is given to other consumers.
    fn keeps(&mut self, held: &Arc<Held>, index: usize) -> bool {
        match held.stage(index) {
            Stage::Buffered if held.age() >= self.member.config.lease => {
                if held.advance(index, Stage::Buffered, Stage::Settling) {
                    self.member.give_back(held, index);
                }
                false
            }
            Stage::Running if held.running_for(index) >= self.member.config.lease_cap => {
                if held.advance(index, Stage::Running, Stage::Lost) {
                    self.capped.add(held, index);
                    if held.report_cap() {
                        log::warn!(
                            "a handler of `{}` has run for {:?} and more with entry {}: other \
                             consumers may have it now",
                            self.member.group.stream(),
                            self.member.config.lease_cap,
                            held.id(index)
                        );
                    }
                }
                false
            }
            Stage::Buffered | Stage::Running | Stage::Done | Stage::Settling => true,
            Stage::Lost | Stage::Gone => false,
        }
    }

    /// Another consumer has the entry. Returns whether its handler runs here.
    fn lose(&self, held: &Arc<Held>, index: usize) -> bool {
        let member = &self.member;
        if held.advance(index, Stage::Running, Stage::Lost) {
            member.config.events.tell(|e| {
                e.lease_lost(&LeaseLost {
                    stream: member.declared_stream(),
                    group: member.group.name(),
                    consumer: &member.name,
                    id: held.id(index),
                    attempt: held.attempt(index),
                });
            });
            return true;
        }
        if held.advance(index, Stage::Buffered, Stage::Gone) {
            member.common.buffer.room.left();
            member.counters.lost.fetch_add(1, Ordering::Relaxed);
        } else if held.advance(index, Stage::Done, Stage::Gone) {
            // Its acknowledgement was never requested, and won't be.
            member.counters.lost.fetch_add(1, Ordering::Relaxed);
        }
        false
    }
}
