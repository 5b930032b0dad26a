//! The reads on the wire.

use std::collections::VecDeque;
use std::thread;
use std::time::Instant;

use super::overrun::await_answer;
use crate::command::{Entries, Read};
use crate::connection::Wire;
use crate::consumer::member::Member;
use crate::consumer::member::done::Done;
use crate::consumer::member::stage::Company;
use crate::error::Result;
use crate::runtime::Portion;

/// The reads on the wire: one that waits for entries; or two that don't wait,
/// where answers come back full. Redis works on one of them while another's
/// answer is decoded here.
///
/// Entries that are done meanwhile are acknowledged with the next read that
/// doesn't wait: one request, one answer, and no thread to wake for it.
#[derive(Default)]
pub(crate) struct Flight<'a> {
    asked: VecDeque<Asked<'a>>,
    /// The last answer was full: there is more where it came from.
    full: bool,
}

impl<'a> Flight<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Nothing will be answered any more.
    pub(crate) fn lost(&mut self, member: &Member) {
        *self = Self::default();
        member.acknowledging.leave_to_settler();
    }

    /// Sends reads, where there is room for their answers.
    pub(crate) fn take_off(
        &mut self,
        member: &'a Member,
        wire: &mut Wire,
        landing: usize,
    ) -> Result<()> {
        // Of all that may be buffered, a third is with the workers, another is
        // being answered, and the last one Redis works on.
        let (reads, most) = if self.full {
            (2, (2 * member.config.read_count).div_ceil(3))
        } else {
            (1, member.config.read_count)
        };
        while self.asked.len() < reads && !member.stop.is_set() {
            let coming: usize = self.asked.iter().map(|asked| asked.count).sum();
            let count = member.room(landing + coming).min(most);
            if count == 0 {
                break;
            }
            let asked = Asked {
                member,
                count,
                done: self.full.then(|| member.acknowledging.collect()),
                sent: Instant::now(),
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
    pub(crate) fn land(&mut self, member: &'a Member, wire: &mut Wire, more: bool) -> Result<()> {
        let Some(mut asked) = self.asked.pop_front() else {
            return Ok(());
        };
        let read = asked.read();
        if !await_answer(member, &read, wire)? {
            // The entries of an answer that still comes are fetched again.
            wire.abandon("a read was not answered, though the server lives");
            self.lost(member);
            member.claiming.lost_answer();
            return Ok(());
        }
        let next = if self.full && more {
            self.take_off(member, wire, asked.count)
        } else {
            Ok(())
        };
        if self.is_empty() {
            member.acknowledging.leave_to_settler();
        }
        asked.receive_acked(&read, wire);
        let entries = asked.receive(&read, wire)?;
        self.full = entries.len() == asked.count;
        if entries.is_empty() {
            return next;
        }
        let held = member.hold(entries, Company::Any, asked.delivered(&read));
        member.enqueue(&held, || {
            // A worker that would make room may wait for an acknowledgement.
            member.acknowledging.leave_to_settler();
        });
        if !self.full && member.buffer.room.idle() > 0 {
            // The worker that was woken often waits for this very core. With
            // nothing more to read, it goes first.
            thread::yield_now();
        }
        next
    }
}

/// One read, and the entries that it acknowledges. Dropped before that is
/// confirmed, it leaves them to the settler.
struct Asked<'a> {
    member: &'a Member,
    /// How many entries it asks for.
    count: usize,
    /// The entries that go along; `None` for a read that waits for entries, which
    /// would hold them up.
    done: Option<Done>,
    sent: Instant,
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

    /// When the entries were delivered at the earliest, from where their lease
    /// counts. A read may have waited long for them, and then it is now: an
    /// answer that lay in the socket while this process stood still is found out
    /// by the renewal, which asks for owners.
    fn delivered(&self, read: &Read<'_>) -> Instant {
        match read.block {
            Some(_) => Instant::now(),
            None => self.sent,
        }
    }

    /// Receives the entries. An answer that was lost on its way, or took so long
    /// that leases may lapse meanwhile, makes the next one smaller.
    fn receive(&self, read: &Read<'_>, wire: &mut Wire) -> Result<Entries> {
        /// Smaller answers come at once.
        const LARGE: usize = 1 << 20;
        let portion = &self.member.buffer.portion;
        let began = Instant::now();
        let entries = read.receive(wire).inspect_err(|e| {
            if Portion::is_about(e) {
                portion.halve(self.count);
            }
        })?;
        let is_slow = || entries.bytes() > LARGE && began.elapsed() > self.member.config.lease / 6;
        if is_slow() {
            portion.halve(entries.len());
        } else {
            portion.received(entries.len());
        }
        Ok(entries)
    }

    /// Receives the answer to the acknowledgement. A failure is left to the
    /// settler, which meets it again.
    fn receive_acked(&mut self, read: &Read<'_>, wire: &mut Wire) {
        let Some(done) = self.done.take_if(|done| !done.is_empty()) else {
            return;
        };
        match read.receive_acked(wire) {
            Ok(()) => self.member.confirm_completed(&done),
            Err(_) => self.member.acknowledging.hand_over(&done),
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            self.member.acknowledging.hand_over(&done);
        }
    }
}
