//! The reads on the wire.

use std::collections::VecDeque;
use std::thread;
use std::time::Instant;

use super::overrun::await_answer;
use crate::command::{ClaimDue, Entries, Read};
use crate::connection::Wire;
use crate::consumer::due::DueClaim;
use crate::consumer::member::done::Done;
use crate::consumer::member::stage::Company;
use crate::consumer::member::{Member, TakenRoom};
use crate::error::Result;
use crate::runtime::Portion;

/// The reads on the wire: one that waits for entries, or two that don't wait, if answers
/// come back full. Redis works on one of them while another's answer is decoded here. A
/// look for due entries goes in front of a read that waits.
///
/// Entries done meanwhile are acknowledged with the next read that doesn't wait: one
/// request, one answer, and no thread to wake.
#[derive(Default)]
pub(crate) struct Flight<'a> {
    asked: VecDeque<Asked<'a>>,
    /// Whether the last answer was full, so that there is more to read.
    full: bool,
    /// The beginning of its turn, while others wait for room.
    turn: Option<Instant>,
}

impl<'a> Flight<'a> {
    /// Whether there is more to read, as far as known.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether it goes on before others that wait for room.
    pub(crate) fn has_turn(&self, member: &Member) -> bool {
        let turn = member.common.buffer.room.turn();
        self.full && self.turn.is_some_and(|began| began.elapsed() < turn)
    }

    /// Whether it is the turn of other readers.
    fn makes_way(&self, member: &Member) -> bool {
        member.common.buffer.room.is_wanted() && !self.has_turn(member)
    }

    /// No answers will come on this connection.
    pub(crate) fn lost(&mut self, member: &Member) {
        *self = Self::default();
        member.claiming.rides_no_more();
        member.acknowledging.leave_to_settler();
    }

    /// Sends reads, if there is room for their answers.
    pub(crate) fn take_off(&mut self, member: &'a Member, wire: &mut Wire) -> Result<()> {
        // A third of the buffer's entries is with the workers, a third is being received,
        // and Redis works on the last third.
        let (reads, most) = if self.full {
            (2, (2 * member.config.read_count).div_ceil(3))
        } else {
            (1, member.config.read_count)
        };
        let room = &member.common.buffer.room;
        if self.asked.is_empty() && !self.has_turn(member) {
            self.turn = self.full.then(Instant::now);
        }
        while self.asked.len() < reads && !member.stop.is_set() {
            let count = member.room(!self.full).min(most);
            if count == 0 {
                break;
            }
            let asked = Asked {
                member,
                count,
                room: self.full.then(|| room.take(count)),
                done: self.full.then(|| member.acknowledging.collect()),
                look: (!self.full).then(|| look(member)).flatten(),
                sent: Instant::now(),
            };
            let read = asked.read();
            if let Some(look) = &asked.look {
                member.claiming.rides_for(member.config.block_duration);
                read.send_behind(wire, &look.request())?;
            } else {
                let ids = asked.done.as_ref().map(Done::ids).unwrap_or_default();
                read.send(wire, &ids)?;
            }
            self.asked.push_back(asked);
            if self.makes_way(member) {
                break;
            }
        }
        Ok(())
    }

    /// Receives the answer. If answers come back full and `more` may be read, the next
    /// read goes out as soon as Redis has finished this one, before its answer is
    /// decoded.
    pub(crate) fn land(&mut self, member: &'a Member, wire: &mut Wire, more: bool) -> Result<()> {
        let Some(mut asked) = self.asked.pop_front() else {
            return Ok(());
        };
        let read = asked.read();
        let mut comes = await_answer(member, &read, wire)?;
        if comes && let Some(look) = asked.look.take() {
            receive_look(member, look, wire)?;
            comes = await_answer(member, &read, wire)?;
        }
        if !comes {
            // The entries of an answer that still comes are fetched again.
            wire.abandon("a read was not answered, though the server lives");
            self.lost(member);
            member.claiming.lost_answer();
            return Ok(());
        }
        member.claiming.rides_no_more();
        let room = &member.common.buffer.room;
        let next = if self.full && more && !self.makes_way(member) {
            self.take_off(member, wire)
        } else {
            Ok(())
        };
        if self.is_empty() && !(self.full && room.is_shared()) {
            member.acknowledging.leave_to_settler();
        }
        asked.receive_acked(&read, wire);
        let entries = asked.receive(&read, wire)?;
        self.full = entries.len() == asked.count;
        if !self.full && self.is_empty() {
            // The next one waits for entries.
            member.acknowledging.leave_to_settler();
        }
        if entries.is_empty() {
            return next;
        }
        let held = member.hold(entries, Company::Any, asked.delivered(&read));
        member.enqueue(&held, || {
            // A worker that would make room may wait for an acknowledgement.
            member.acknowledging.leave_to_settler();
        });
        if !self.full && room.idle() > 0 {
            // The woken worker often waits for this very core. With nothing more to read,
            // it goes first.
            thread::yield_now();
        }
        next
    }
}

/// The look for due entries in front of a read, if it is time for one.
fn look(member: &Member) -> Option<DueClaim<'_>> {
    let is_time = member.claiming.reader_looks();
    is_time.then(|| DueClaim::begin(member)).flatten()
}

/// Receives the answer to a look. Its entries reach the workers before this thread waits
/// for those of the read.
fn receive_look(member: &Member, look: DueClaim<'_>, wire: &mut Wire) -> Result<()> {
    match ClaimDue::receive(wire) {
        Ok(Some(due)) => look.accept(due),
        // The keeper has the server learn the script.
        Ok(None) => member.claiming.leave_to_keeper(),
        Err(e) if wire.is_broken() => return Err(e),
        // The keeper meets the error again, and reports it.
        Err(_) => {
            member.claiming.leave_to_keeper();
            member.claiming.lost_answer();
        }
    }
    Ok(())
}

/// One read, and the entries that it acknowledges. Dropped before the confirmation, it
/// leaves them to the settler.
struct Asked<'a> {
    member: &'a Member,
    /// The number of entries that it asks for.
    count: usize,
    /// The room that it took in the buffer.
    room: Option<TakenRoom>,
    /// The entries that it acknowledges; `None` for a read that waits for entries, which
    /// would delay them.
    done: Option<Done>,
    /// The look in front of it.
    look: Option<DueClaim<'a>>,
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

    /// The earliest time of the delivery, from which the lease counts. For a read that
    /// may have waited long for entries, it is now: the renewal, which asks for owners,
    /// finds out an answer that lay in the socket while this process stood still.
    fn delivered(&self, read: &Read<'_>) -> Instant {
        match read.block {
            Some(_) => Instant::now(),
            None => self.sent,
        }
    }

    /// Receives the entries. An answer that was lost on its way, or took so long that
    /// leases may lapse meanwhile, makes the next one smaller.
    fn receive(&self, read: &Read<'_>, wire: &mut Wire) -> Result<Entries> {
        /// Smaller answers come at once.
        const LARGE: usize = 1 << 20;
        let portion = &self.member.portion;
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

    /// Receives the answer to the acknowledgement. The settler meets a failure again.
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
        if let Some(room) = self.room.take() {
            self.member.common.buffer.room.give_back(room);
        }
        if let Some(done) = self.done.take() {
            self.member.acknowledging.hand_over(&done);
        }
    }
}
