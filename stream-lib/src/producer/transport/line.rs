//! A line of callers, some of which lead: a leader does the jobs of the others.
//!
//! A caller that finds fewer leaders than `most_leaders` leads at once. Others queue
//! their job and wait. A leader takes the queued jobs, does them with its own, and at its
//! end hands its lead on to the first caller that has come meanwhile. So no caller leads
//! twice while others wait, and the callers' threads are the only ones. A waiting caller
//! looks a few times before it sleeps, if that pays.
//!
//! No wake-up is lost: a caller's news is written under the lock of its seat before its
//! thread is unparked, and an unpark before the park makes that park return at once. No
//! lead is lost: it is given back, or handed on, under the lock of the line, in which
//! jobs are queued, and of the seat; and it is handed on when a leader is dropped,
//! however that happens. A caller that leaves at its deadline looks under both locks: it
//! has its job back, has been handed the lead, or leaves its job to a leader, whose
//! answer is not read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::runtime::Patience;

/// How often a caller looks for its news before it sleeps, and for how long at most. With
/// 64 callers on two cores, news takes four or five looks.
const MOST_LOOKS: u32 = 16;
const LOOKS_END: Duration = Duration::from_millis(1);

/// Callers with jobs of type `J`, which get answers of type `A`.
#[derive(Debug)]
pub(crate) struct Line<J, A> {
    state: Mutex<LineState<J, A>>,
    most_leaders: usize,
}

#[derive(Debug)]
struct LineState<J, A> {
    waiting: VecDeque<Waiting<J, A>>,
    leaders: usize,
    patience: Patience,
}

#[derive(Debug)]
struct Waiting<J, A> {
    job: J,
    seat: Arc<Seat<J, A>>,
}

/// The place where a waiting caller finds its news.
#[derive(Debug)]
struct Seat<J, A> {
    caller: Thread,
    news: Mutex<News<J, A>>,
}

#[derive(Debug)]
enum News<J, A> {
    None,
    /// The lead, and the job back.
    Lead(J),
    Answer(A),
    Lost,
    /// The caller has left.
    Left,
}

/// The outcome of joining a line.
#[derive(Debug)]
pub(crate) enum Joined<'l, J, A> {
    /// The caller leads: it does its own job, and those that it takes.
    Lead(J, Lead<'l, J, A>),
    /// A leader has done its job.
    Done(A),
    /// Its deadline passed before a leader took its job.
    Late(J),
    /// Its deadline passed while a leader had its job.
    Untold,
    /// The leader that took its job has panicked.
    Lost,
}

impl<J, A> Line<J, A> {
    pub(crate) fn new(most_leaders: usize) -> Self {
        Self {
            state: Mutex::new(LineState {
                waiting: VecDeque::new(),
                leaders: 0,
                patience: Patience::default(),
            }),
            most_leaders,
        }
    }

    /// Joins the line with a job.
    ///
    /// # Blocking
    ///
    /// While others lead: until `deadline`, or for a millisecond if that is longer.
    pub(crate) fn join(&self, job: J, deadline: Instant) -> Joined<'_, J, A> {
        let (seat, patience) = {
            let mut state = self.state.lock();
            if state.leaders < self.most_leaders {
                state.leaders += 1;
                return Joined::Lead(job, Lead::new(self));
            }
            let seat = Arc::new(Seat {
                caller: thread::current(),
                news: Mutex::new(News::None),
            });
            state.waiting.push_back(Waiting {
                job,
                seat: Arc::clone(&seat),
            });
            let pays = state.patience.pays();
            (seat, pays.then_some(state.patience))
        };
        if let Some(patience) = patience
            && let Some(turn) = self.look(&seat, patience)
        {
            return turn;
        }
        loop {
            if let Some(turn) = self.turn(&seat) {
                return turn;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.leave(&seat);
            }
            thread::park_timeout(left);
        }
    }

    /// Looks for the news of a seat while others run: the leader that has the job is one
    /// of them, and a sleep and a wake-up cost more.
    fn look(&self, seat: &Seat<J, A>, patience: Patience) -> Option<Joined<'_, J, A>> {
        let begin = Instant::now();
        for _ in 0..MOST_LOOKS {
            thread::yield_now();
            if let Some(turn) = self.turn(seat) {
                if patience.is_strained() {
                    self.state.lock().patience.rewarded();
                }
                return Some(turn);
            }
            // If others use the processor for so long, a sleeping thread is back sooner
            // than one that yields.
            if begin.elapsed() > LOOKS_END {
                break;
            }
        }
        self.state.lock().patience.missed();
        None
    }

    /// The outcome in the news of a seat, if there is news.
    fn turn(&self, seat: &Seat<J, A>) -> Option<Joined<'_, J, A>> {
        match std::mem::replace(&mut *seat.news.lock(), News::None) {
            News::None | News::Left => None,
            News::Lead(job) => Some(Joined::Lead(job, Lead::new(self))),
            News::Answer(answer) => Some(Joined::Done(answer)),
            News::Lost => Some(Joined::Lost),
        }
    }

    /// Leaves the line: with the job, unless a leader has it, or with the news that has
    /// come meanwhile.
    fn leave(&self, seat: &Arc<Seat<J, A>>) -> Joined<'_, J, A> {
        let mut state = self.state.lock();
        let is_seat = |waiting: &Waiting<J, A>| Arc::ptr_eq(&waiting.seat, seat);
        let place = state.waiting.iter().position(is_seat);
        if let Some(waiting) = place.and_then(|place| state.waiting.remove(place)) {
            return Joined::Late(waiting.job);
        }
        drop(state);
        match std::mem::replace(&mut *seat.news.lock(), News::Left) {
            News::Lead(job) => Joined::Lead(job, Lead::new(self)),
            News::Answer(answer) => Joined::Done(answer),
            News::Lost => Joined::Lost,
            News::None | News::Left => Joined::Untold,
        }
    }
}

impl<J, A> Seat<J, A> {
    fn tell(&self, news: News<J, A>) {
        *self.news.lock() = news;
        self.caller.unpark();
    }
}

/// The lead of a line, until dropped.
#[derive(Debug)]
pub(crate) struct Lead<'l, J, A> {
    line: &'l Line<J, A>,
    /// The seats of the callers whose jobs it has taken, in the order of the line.
    taken: VecDeque<Arc<Seat<J, A>>>,
    handed_on: bool,
}

impl<'l, J, A> Lead<'l, J, A> {
    fn new(line: &'l Line<J, A>) -> Self {
        Self {
            line,
            taken: VecDeque::new(),
            handed_on: false,
        }
    }

    /// Takes the jobs of waiting callers, the first ones first, while `fits` returns
    /// true.
    pub(crate) fn take(&mut self, mut fits: impl FnMut(&J) -> bool) -> Vec<J> {
        let mut state = self.line.state.lock();
        let mut jobs = Vec::with_capacity(state.waiting.len());
        while state.waiting.front().is_some_and(|w| fits(&w.job))
            && let Some(waiting) = state.waiting.pop_front()
        {
            self.taken.push_back(waiting.seat);
            jobs.push(waiting.job);
        }
        jobs
    }

    /// Gives the callers their answers, in the order in which their jobs were taken, and
    /// then hands the lead on: callers that come again at once are there before the next
    /// leader looks.
    pub(crate) fn finish(mut self, answers: impl IntoIterator<Item = A>) {
        for answer in answers {
            if let Some(seat) = self.taken.pop_front() {
                seat.tell(News::Answer(answer));
            }
        }
    }

    fn hand_on(&mut self) {
        if std::mem::replace(&mut self.handed_on, true) {
            return;
        }
        let mut state = self.line.state.lock();
        match state.waiting.pop_front() {
            Some(next) => {
                // A caller that finds its job gone from the line finds the lead.
                *next.seat.news.lock() = News::Lead(next.job);
                drop(state);
                next.seat.caller.unpark();
            }
            None => state.leaders -= 1,
        }
    }
}

impl<J, A> Drop for Lead<'_, J, A> {
    fn drop(&mut self) {
        self.hand_on();
        for seat in self.taken.drain(..) {
            seat.tell(News::Lost);
        }
    }
}

#[cfg(test)]
mod tests;
