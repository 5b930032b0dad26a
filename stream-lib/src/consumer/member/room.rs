//! How many entries wait in the buffer, and how many more may.
//!
//! # Several readers
//!
//! The readers of a consumer share its room, one for each partition that it owns.
//!
//! - A read that doesn't wait, since there is more to read, takes room for all that it
//!   asks for as it is sent. Readers that find no room stand in line, and those that
//!   have just read stand behind them: so each gets its turn, with a large read, and a
//!   busy partition starves none.
//! - A read that waits for entries takes no room, else an empty partition would take it
//!   from the others. All of these together ask for a third of the buffer, but for one
//!   entry each. So much may come beyond the limit, if entries come in everywhere at
//!   once.
//!
//! A reader that stands in line sleeps on its own signal, and only the first is woken:
//! by a worker that makes room, or by the one before, once it has left the line.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::config::ConsumerConfig;
use crate::consumer::member::held::Held;
use crate::consumer::member::read_ahead::Load;
use crate::runtime::Shutdown;

/// Counts the entries that wait for workers, and the workers that wait for
/// entries. The decision on top of these counts is [`Load`]'s.
#[derive(Debug)]
pub(crate) struct Room {
    workers: usize,
    /// How many entries a worker takes at a time.
    batch_size: usize,
    read_count: usize,
    lease: Duration,
    buffered: AtomicUsize,
    /// What reads on the wire may bring that took room.
    coming: AtomicUsize,
    idle: AtomicUsize,
    /// Of the largest entries seen lately.
    entry_bytes: AtomicUsize,
    readers: AtomicUsize,
    /// How few buffered entries the first reader in line wants to hear of; 0 while
    /// nobody waits.
    wake_below: AtomicUsize,
    line: Mutex<VecDeque<Shutdown>>,
    /// How many stand in it.
    in_line: AtomicUsize,
}

/// In how many reads the buffer is filled, by one reader, and by several, of which each
/// has to be woken for its turn.
const READS: usize = 3;
const READS_IN_TURN: usize = 2;

impl Room {
    pub(crate) fn new(config: &ConsumerConfig, batch_size: usize) -> Self {
        Self {
            workers: config.workers,
            batch_size,
            read_count: config.read_count,
            lease: config.lease,
            buffered: AtomicUsize::new(0),
            coming: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            entry_bytes: AtomicUsize::new(0),
            readers: AtomicUsize::new(0),
            wake_below: AtomicUsize::new(0),
            line: Mutex::default(),
            in_line: AtomicUsize::new(0),
        }
    }

    /// Counts a reader, until the opposite is called.
    pub(crate) fn begin_reading(&self) {
        self.readers.fetch_add(1, Ordering::SeqCst);
    }

    /// The opposite of [`begin_reading`](Self::begin_reading), for a reader that has
    /// waited with the signal `me`.
    pub(crate) fn end_reading(&self, me: &Shutdown) {
        self.readers.fetch_sub(1, Ordering::SeqCst);
        self.leave_line(me);
    }

    /// Counts the entries of a reply as buffered.
    pub(crate) fn expect(&self, held: &Held) {
        self.buffered.fetch_add(held.len(), Ordering::SeqCst);
    }

    /// Notes that an entry has left the buffer, and wakes a reader that waits
    /// for room, once there is enough.
    pub(crate) fn left(&self) {
        let before = self.buffered.fetch_sub(1, Ordering::SeqCst);
        if before <= self.wake_below.load(Ordering::SeqCst) {
            self.wake_first();
        }
    }

    /// Counts a worker as idle.
    pub(crate) fn rest(&self) {
        self.idle.fetch_add(1, Ordering::SeqCst);
        if self.wake_below.load(Ordering::SeqCst) > 0 {
            // A reader that waits for room has some now: this worker's.
            self.wake_first();
        }
    }

    /// The opposite of [`rest`](Self::rest).
    pub(crate) fn stir(&self) {
        self.idle.fetch_sub(1, Ordering::SeqCst);
    }

    /// Notes how large the entries of a reply are.
    pub(crate) fn weigh(&self, held: &Held) {
        let mean = held.bytes() / held.len().max(1);
        let seen = self.entry_bytes.load(Ordering::Relaxed);
        self.entry_bytes
            .store(mean.max(seen - seen / 8), Ordering::Relaxed);
    }

    /// The present state, for the time of a handler and the bytes of all replies
    /// that are held.
    pub(crate) fn load(&self, handler: Option<Duration>, held_bytes: usize) -> Load {
        Load {
            workers: self.workers,
            idle: self.idle(),
            batch_size: self.batch_size,
            handler,
            lease: self.lease,
            read_count: self.read_count,
            held_bytes,
            entry_bytes: self.entry_bytes.load(Ordering::Relaxed),
        }
    }

    /// How many entries a reader may ask for now: none before a third of the buffer is
    /// free, or half of it, so that reads stay large.
    pub(crate) fn for_new(&self, load: &Load) -> usize {
        let limit = load.limit();
        let taken = self.buffered() + self.coming.load(Ordering::SeqCst);
        let free = limit.saturating_sub(taken);
        let reads = if self.is_shared() {
            READS_IN_TURN
        } else {
            READS
        };
        if free < limit / reads {
            return 0;
        }
        free.min(self.read_count)
    }

    /// How many entries one of the reads may ask for that wait for entries.
    pub(crate) fn for_waiting(&self, load: &Load) -> usize {
        let free = self.for_new(load);
        match self.readers.load(Ordering::SeqCst) {
            0 | 1 => free,
            readers => free.min((load.limit() / READS / readers).max(1)),
        }
    }

    /// Takes room for so many entries that a read asks for.
    pub(crate) fn take(&self, entries: usize) {
        self.coming.fetch_add(entries, Ordering::SeqCst);
    }

    /// Gives it back: they have come, or come no more.
    pub(crate) fn give_back(&self, entries: usize) {
        self.coming.fetch_sub(entries, Ordering::SeqCst);
        if entries > 0 && self.is_wanted() {
            self.wake_first();
        }
    }

    /// How many returning entries the workers could start at once, each by
    /// itself.
    pub(crate) fn for_returning(&self) -> usize {
        self.idle().max(1)
    }

    /// How many entries of `~waiting` fill a batch for each idle worker, where
    /// batches are quickly done.
    pub(crate) fn for_batches(&self, load: &Load) -> usize {
        (self.idle() * self.batch_size)
            .min(load.starts_soon())
            .min(self.read_count)
    }

    /// Whether readers stand in line for room.
    pub(crate) fn is_wanted(&self) -> bool {
        self.in_line.load(Ordering::SeqCst) > 0
    }

    /// Whether several readers share the room.
    pub(crate) fn is_shared(&self) -> bool {
        self.readers.load(Ordering::SeqCst) > 1
    }

    /// Waits until `room` isn't 0 and no other reader stands before this one, the
    /// signal `me` is set or `deadline` has passed. Returns whether there is room. Where
    /// there is none in time, the place in the line is kept for the next call.
    pub(crate) fn wait(&self, me: &Shutdown, deadline: Instant, room: impl Fn() -> usize) -> bool {
        if !self.is_wanted() && room() > 0 {
            return true;
        }
        self.enter_line(me);
        let is_turn = || self.is_first(me) && room() > 0;
        me.wait_until(deadline, is_turn);
        let has_room = is_turn();
        if has_room || me.is_set() {
            self.leave_line(me);
        }
        has_room
    }

    /// How many workers there are.
    pub(crate) fn workers(&self) -> usize {
        self.workers
    }

    pub(crate) fn buffered(&self) -> usize {
        self.buffered.load(Ordering::SeqCst)
    }

    pub(crate) fn idle(&self) -> usize {
        self.idle.load(Ordering::SeqCst)
    }

    fn enter_line(&self, me: &Shutdown) {
        let mut line = self.line.lock();
        if !line.iter().any(|other| other.is(me)) {
            line.push_back(me.clone());
        }
        self.in_line.store(line.len(), Ordering::SeqCst);
        self.expect_room();
    }

    fn leave_line(&self, me: &Shutdown) {
        let mut line = self.line.lock();
        line.retain(|other| !other.is(me));
        self.in_line.store(line.len(), Ordering::SeqCst);
        if line.is_empty() {
            self.wake_below.store(0, Ordering::SeqCst);
        } else {
            self.expect_room();
        }
        drop(line);
        self.wake_first();
    }

    /// The limit may have changed by the time there is room: it is asked for again once
    /// half of the buffer has gone, or when a worker has nothing to do.
    fn expect_room(&self) {
        self.wake_below
            .store(self.buffered().div_ceil(2).max(1), Ordering::SeqCst);
    }

    fn is_first(&self, me: &Shutdown) -> bool {
        self.line.lock().front().is_some_and(|first| first.is(me))
    }

    fn wake_first(&self) {
        // Not under the lock, which the one that is woken takes.
        let first = self.line.lock().front().cloned();
        if let Some(first) = first {
            first.nudge();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::consumer::member::stage::Company;

    const LONG: Duration = Duration::from_secs(60);

    fn room(readers: usize) -> (Room, Load) {
        let room = Room::new(&ConsumerConfig::new("s").workers(4), 1);
        for _ in 0..readers {
            room.begin_reading();
        }
        let load = room.load(Some(Duration::from_micros(1)), 0);
        (room, load)
    }

    #[test]
    fn reads_that_wait_share_a_third_and_take_no_room() {
        let (one, load) = room(1);
        assert_eq!((one.for_waiting(&load), one.for_new(&load)), (128, 128));
        let (many, load) = room(16);
        assert_eq!((many.for_waiting(&load), many.for_new(&load)), (5, 128));
        many.take(128);
        assert_eq!(many.for_new(&load), 128);
        many.take(128);
        assert_eq!((many.for_waiting(&load), many.for_new(&load)), (0, 0));
        many.give_back(256);
        let (most, load) = room(256);
        assert_eq!(most.for_waiting(&load), 1);
    }

    #[test]
    fn readers_get_room_in_the_order_in_which_they_stand_in_line() {
        let (room, load) = room(3);
        let full = Held::for_test(256, Company::Any);
        room.expect(&full);
        let order = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for number in 0..3 {
                let (room, order) = (&room, &order);
                scope.spawn(move || {
                    let me = Shutdown::default();
                    // Asked for the first in line only.
                    let asked = || {
                        let free = room.for_new(&load);
                        let mut order = order.lock();
                        if free > 0 && !order.contains(&number) {
                            order.push(number);
                        }
                        free
                    };
                    assert!(room.wait(&me, Instant::now() + LONG, asked));
                    room.take(40);
                });
                while room.in_line.load(Ordering::SeqCst) <= number {
                    thread::yield_now();
                }
            }
            // Whoever leaves the line wakes the next, for whom there is room, too.
            for _ in 0..256 {
                room.left();
            }
        });
        assert_eq!(order.into_inner(), [0, 1, 2]);
        assert!(!room.is_wanted());
        assert_eq!(room.wake_below.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_reader_that_gives_up_lets_the_next_one_have_its_turn() {
        let (room, load) = room(2);
        let full = Held::for_test(256, Company::Any);
        room.expect(&full);
        let (first, second) = (Shutdown::default(), Shutdown::default());
        thread::scope(|scope| {
            scope.spawn(|| assert!(!room.wait(&first, Instant::now() + LONG, || 0)));
            while !room.is_wanted() {
                thread::yield_now();
            }
            scope.spawn(|| {
                assert!(room.wait(&second, Instant::now() + LONG, || room.for_new(&load)));
            });
            for _ in 0..256 {
                room.left();
            }
            first.set();
        });
        assert!(!room.is_wanted());
    }
}
