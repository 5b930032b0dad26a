//! The acknowledgement of entries whose handlers have succeeded.
//!
//! # Protocol
//!
//! A worker whose handler has succeeded moves the entry to
//! [`Stage::Done`](super::stage::Stage). Only the first such entry of a reply is
//! announced ([`Held::announce`]); until the acknowledger looks, the others cost nothing.
//! The acknowledger takes the announcement back before it looks at the stages
//! ([`Held::take_done`]), and a worker sets the stage before it announces: an entry that
//! the look misses is announced again.
//!
//! The acknowledger is one of two threads:
//!
//! - the **settler**, which is told of each announced reply at once and sends an
//!   acknowledgement of its own;
//! - the **reader**, while answers come back full: it collects the announced replies
//!   whenever it sends the next read, and both go out as one request. No thread is woken
//!   for this.
//!
//! The reader becomes the acknowledger when it sends a read that doesn't wait
//! ([`collect`](Acknowledging::collect)). It hands the role back
//! ([`leave_to_settler`](Acknowledging::leave_to_settler)) when none of its reads is on
//! the wire, when its connection is lost, and before it waits for a place in the buffer,
//! since a worker that would make room may wait for an acknowledgement. The stop of the
//! consumer does the same in its name. The announced replies are part of the state that
//! names the acknowledger, under one lock: each announcement either is in the reader's
//! list, which goes to the settler as a whole, or goes to the settler on its own.
//!
//! Entries that another consumer may have by now, since their lease was last confirmed
//! too long ago, always go to the settler, which asks Redis. So do entries whose
//! acknowledgement the reader has sent and whose answer was lost: acknowledging twice
//! does no harm.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{SendError, Sender, TrySendError};
use parking_lot::Mutex;

use crate::consumer::bells::Bells;
use crate::consumer::member::done::{CHUNK, Done, is_ours};
use crate::consumer::member::held::Held;
use crate::consumer::member::settle::{Settle, Unsettled};
use crate::consumer::member::stage::Stage;
use crate::runtime::is_on_rounds;

/// The path of entries from the end of their delivery to Redis' confirmation.
#[derive(Debug)]
pub(crate) struct Acknowledging {
    acknowledger: Mutex<Acknowledger>,
    settler: Sender<Settle>,
    /// Requests that found the inbox full, from threads that must not wait: those on
    /// rounds, and the one that conducts the stop.
    overflow: Mutex<Vec<Settle>>,
    is_conducted: AtomicBool,
    lease: Duration,
    bells: Bells,
}

/// The thread that acknowledges completed entries.
#[derive(Debug)]
enum Acknowledger {
    /// With its next read, for the replies that were announced since the last.
    Reader(Vec<Arc<Held>>),
    Settler,
}

impl Acknowledging {
    pub(crate) fn new(settler: Sender<Settle>, lease: Duration, bells: &Bells) -> Self {
        Self {
            acknowledger: Mutex::new(Acknowledger::Settler),
            settler,
            overflow: Mutex::default(),
            is_conducted: AtomicBool::new(false),
            lease,
            bells: bells.clone(),
        }
    }

    /// Announces that an entry of a reply is done, unless the acknowledger knows already.
    /// Returns whether it was announced, which may have taken a while.
    pub(crate) fn announce(&self, held: &Arc<Held>) -> bool {
        let is_news = held.announce();
        if is_news {
            self.pass_on(Arc::clone(held));
        }
        is_news
    }

    fn pass_on(&self, held: Arc<Held>) {
        if let Acknowledger::Reader(announced) = &mut *self.acknowledger.lock() {
            return announced.push(held);
        }
        self.send(Settle::Done(held));
    }

    /// Takes the entries that are done, to acknowledge them with a read. From now on the
    /// reader is the acknowledger.
    pub(crate) fn collect(&self) -> Done {
        let mut done = Done::default();
        for held in self.hand_to(Acknowledger::Reader(Vec::new())) {
            if done.len() < CHUNK && is_ours(&held, self.lease) {
                done.take(held);
            } else {
                self.send(Settle::Done(held));
            }
        }
        done
    }

    /// Makes the settler the acknowledger, also of replies that were announced
    /// already.
    pub(crate) fn leave_to_settler(&self) {
        for held in self.hand_to(Acknowledger::Settler) {
            self.send(Settle::Done(held));
        }
    }

    /// Returns the replies that were announced to the reader since it last
    /// looked.
    fn hand_to(&self, next: Acknowledger) -> Vec<Arc<Held>> {
        match mem::replace(&mut *self.acknowledger.lock(), next) {
            Acknowledger::Reader(announced) => announced,
            Acknowledger::Settler => Vec::new(),
        }
    }

    /// Queues a request for the settler. After the consumer has been given up there is no
    /// receiver; the entry's lease then lapses, and the request is returned.
    pub(crate) fn try_send(&self, settle: Settle) -> Result<(), Settle> {
        let sent = if is_on_rounds() || self.is_conducted.load(Ordering::SeqCst) {
            match self.settler.try_send(settle) {
                Err(TrySendError::Full(settle)) => {
                    self.overflow.lock().push(settle);
                    Ok(())
                }
                sent => sent.map_err(TrySendError::into_inner),
            }
        } else {
            self.settler.send(settle).map_err(SendError::into_inner)
        };
        self.bells.settler.ring();
        sent
    }

    /// From now on no request waits for a place in the inbox: the thread that conducts
    /// the stop would wait for itself.
    pub(crate) fn conduct(&self) {
        self.is_conducted.store(true, Ordering::SeqCst);
    }

    /// Takes the requests that found no place in the inbox.
    pub(crate) fn take_overflow(&self) -> Vec<Settle> {
        mem::take(&mut *self.overflow.lock())
    }

    fn send(&self, settle: Settle) {
        let _ = self.try_send(settle);
    }

    /// Splits off the entries that Redis must be asked about.
    pub(crate) fn split_doubtful(&self, done: &mut Done) -> Vec<Unsettled> {
        done.split_doubtful(self.lease)
    }

    /// Redis has confirmed the acknowledgement of these entries: they count for
    /// `counter`.
    pub(crate) fn confirmed(&self, done: &Done, counter: &AtomicU64) {
        let mut is_alone = false;
        for (held, taken) in done.replies() {
            for &index in taken {
                held.set_stage(index, Stage::Gone);
            }
            is_alone |= held.is_alone();
        }
        counter.fetch_add(done.len() as u64, Ordering::Relaxed);
        self.resume_after(is_alone);
    }

    /// As [`confirmed`](Self::confirmed), for an entry whose delivery has ended in any
    /// way.
    pub(crate) fn settled(&self, entry: &Unsettled, counter: &AtomicU64) {
        entry.held.set_stage(entry.index, Stage::Gone);
        counter.fetch_add(1, Ordering::Relaxed);
        self.resume_after(entry.held.is_alone());
    }

    /// After an entry that ran alone, the others may go on: the keeper resumes them.
    fn resume_after(&self, is_alone: bool) {
        if is_alone {
            self.bells.keeper.ring();
        }
    }

    /// It is unknown whether Redis has acknowledged these entries: the settler repeats
    /// it.
    pub(crate) fn hand_over(&self, done: &Done) {
        for (held, taken) in done.replies() {
            for &index in taken {
                held.advance(index, Stage::Settling, Stage::Done);
            }
            if held.announce() {
                self.send(Settle::Done(Arc::clone(held)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::{Receiver, bounded};

    use super::*;
    use crate::consumer::member::stage::Company;

    const LEASE: Duration = Duration::from_secs(300);

    fn acknowledging(lease: Duration) -> (Acknowledging, Receiver<Settle>) {
        let (settler, inbox) = bounded(16);
        let acknowledging = Acknowledging::new(settler, lease, &Bells::default());
        (acknowledging, inbox)
    }

    /// A reply with one entry, which is done.
    fn done() -> Arc<Held> {
        let held = Held::for_test(1, Company::Any);
        held.set_stage(0, Stage::Done);
        held
    }

    /// The replies that were announced to the settler.
    fn told(inbox: &Receiver<Settle>) -> Vec<Arc<Held>> {
        let told = inbox.try_iter().filter_map(|settle| match settle {
            Settle::Done(held) => Some(held),
            Settle::Entry(_) => None,
        });
        told.collect()
    }

    fn are(told: &[Arc<Held>], expected: &[&Arc<Held>]) -> bool {
        told.len() == expected.len() && told.iter().zip(expected).all(|(a, b)| Arc::ptr_eq(a, b))
    }

    #[test]
    fn the_settler_acknowledges_until_the_reader_collects_and_after_it_has_left() {
        let (acknowledging, inbox) = acknowledging(LEASE);
        let (first, second, third) = (done(), done(), done());
        assert!(acknowledging.announce(&first));
        assert!(!acknowledging.announce(&first), "it knows");
        assert!(are(&told(&inbox), &[&first]));

        assert!(
            acknowledging.collect().is_empty(),
            "nothing was its own yet"
        );
        acknowledging.announce(&second);
        assert!(told(&inbox).is_empty());
        let collected = acknowledging.collect();
        assert_eq!(collected.len(), 1);
        assert_eq!(second.stage(0), Stage::Settling);

        acknowledging.announce(&third);
        acknowledging.leave_to_settler();
        assert!(are(&told(&inbox), &[&third]), "nothing is left behind");
        assert_eq!(third.stage(0), Stage::Done, "the settler takes it");
        let fourth = done();
        acknowledging.announce(&fourth);
        assert!(are(&told(&inbox), &[&fourth]));
    }

    #[test]
    fn entries_that_another_consumer_may_have_are_the_settlers() {
        let (acknowledging, inbox) = acknowledging(Duration::ZERO);
        let late = done();
        acknowledging.collect();
        acknowledging.announce(&late);
        assert!(acknowledging.collect().is_empty());
        let told = told(&inbox);
        assert!(are(&told, &[&late]));
        let mut done = Done::default();
        done.take(late);
        assert_eq!(acknowledging.split_doubtful(&mut done).len(), 1);
        assert!(done.is_empty());
    }

    #[test]
    fn an_acknowledgement_whose_answer_was_lost_is_the_settlers() {
        let (acknowledging, inbox) = acknowledging(LEASE);
        let held = done();
        acknowledging.collect();
        acknowledging.announce(&held);
        let collected = acknowledging.collect();
        acknowledging.hand_over(&collected);
        assert!(are(&told(&inbox), &[&held]));
        assert_eq!(held.stage(0), Stage::Done);
    }

    #[test]
    fn confirmed_entries_are_gone_and_counted() {
        let (acknowledging, _inbox) = acknowledging(LEASE);
        let (held, counter) = (done(), AtomicU64::new(0));
        let mut collected = Done::default();
        collected.take(Arc::clone(&held));
        acknowledging.confirmed(&collected, &counter);
        assert_eq!(held.stage(0), Stage::Gone);
        assert_eq!(counter.into_inner(), 1);
    }
}
