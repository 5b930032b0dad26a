//! Entries whose handlers have succeeded, on their way to being acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::consumer::member::Member;
use crate::consumer::member::held::{Held, Stage};
use crate::consumer::member::settle::{Action, Settle, Unsettled};
use crate::message::EntryId;

/// Most entries in one request.
pub(crate) const CHUNK: usize = 1_000;

/// Entries taken to be acknowledged together.
#[derive(Debug, Default)]
pub(crate) struct Done {
    replies: Vec<(Arc<Held>, Vec<usize>)>,
    len: usize,
}

impl Done {
    /// Takes what is done, to acknowledge it with a read. From now on, and until
    /// [`leave_to_ack`], more waits for the next call.
    pub(crate) fn collect(member: &Member) -> Self {
        let told = member.done.lock().replace(Vec::new());
        let mut done = Self::default();
        for held in told.into_iter().flatten() {
            if done.len < CHUNK && is_ours(member, &held) {
                done.take(held);
            } else {
                member.send(Settle::Done(held));
            }
        }
        done
    }

    /// Takes what is done of a batch that has announced it.
    pub(crate) fn take(&mut self, held: Arc<Held>) {
        let taken = held.take_done();
        if !taken.is_empty() {
            self.len += taken.len();
            self.replies.push((held, taken));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn ids(&self) -> Vec<EntryId> {
        self.replies
            .iter()
            .flat_map(|(held, taken)| taken.iter().map(|&index| held.id(index)))
            .collect()
    }

    /// Splits off what Redis must be asked about, since it may be with somebody
    /// else.
    pub(crate) fn split_doubtful(&mut self, member: &Member) -> Vec<Unsettled> {
        let doubtful = self
            .replies
            .extract_if(.., |(held, _)| !is_ours(member, held));
        let doubtful: Vec<_> = doubtful
            .flat_map(|(held, taken)| {
                taken.into_iter().map(move |index| Unsettled {
                    held: Arc::clone(&held),
                    index,
                    action: Action::AckHeld,
                })
            })
            .collect();
        self.len -= doubtful.len();
        doubtful
    }

    /// Redis has confirmed it: they are `counter`'s now.
    pub(crate) fn settled(self, member: &Member, counter: &AtomicU64) {
        let mut is_alone = false;
        for (held, taken) in &self.replies {
            for &index in taken {
                held.set_stage(index, Stage::Gone);
            }
            is_alone |= held.is_alone();
        }
        counter.fetch_add(self.len as u64, Ordering::Relaxed);
        if is_alone {
            // The others may go on.
            member.stop.nudge();
        }
    }

    /// Nobody knows whether Redis has acknowledged them: the thread that
    /// settles does so again.
    pub(crate) fn hand_over(self, member: &Member) {
        for (held, taken) in self.replies {
            for index in taken {
                held.advance(index, Stage::Settling, Stage::Done);
            }
            if held.announce() {
                member.send(Settle::Done(held));
            }
        }
    }
}

/// No read takes along what is done: the thread that settles is told of it.
pub(crate) fn leave_to_ack(member: &Member) {
    let told = member.done.lock().take();
    for held in told.into_iter().flatten() {
        member.send(Settle::Done(held));
    }
}

/// Whether nobody else can be about to take the entries over.
fn is_ours(member: &Member, held: &Held) -> bool {
    held.since_confirmed_at(Instant::now()) < member.config.lease * 3 / 4
}
