//! The number of entries in the buffer, and the room for more.
//!
//! # Several readers
//!
//! The readers of a consumer, one for each owned partition, share its room.
//!
//! - A read that doesn't wait, since there is more to read, takes room for all that it
//!   asks for when it is sent. A reader whose answers come back full goes on for a
//!   [turn](Room::turn): its acknowledgements go with its next read, and no thread is
//!   woken for them. Readers that find no room stand in line, and those whose turn is
//!   over stand behind them: so a busy partition starves none.
//! - A read that waits for entries takes no room, else an empty partition would take it
//!   from the others. All of these together ask for a third of the buffer, except for one
//!   entry each, and go before the others. The limit may be exceeded by that much, if
//!   entries arrive everywhere at once.
//!
//! A reader that stands in line sleeps on its own signal, and only the first is woken: by
//! a worker that makes room, or by the reader before it, once that has left the line.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::config::ConsumerConfig;
use crate::consumer::member::coming::{Coming, LAPSE, TakenRoom};
use crate::consumer::member::held::Held;
use crate::consumer::member::read_ahead::Load;
use crate::consumer::member::reader_line::ReaderLine;
use crate::runtime::Shutdown;

/// Counts the entries that wait for workers, and the workers that wait for entries.
/// [`Load`] decides by these counts.
#[derive(Debug)]
pub(crate) struct Room {
    workers: usize,
    /// How many entries a worker takes at a time.
    batch_size: usize,
    read_count: usize,
    lease: Duration,
    buffered: AtomicUsize,
    coming: Coming,
    idle: AtomicUsize,
    /// Bytes of the largest recent entries.
    entry_bytes: AtomicUsize,
    readers: AtomicUsize,
    line: ReaderLine,
}

/// The number of reads that fill the buffer.
const READS: usize = 3;

/// The time in which all readers have a turn, and the longest turn.
const ROUND: Duration = Duration::from_millis(100);
const LONGEST_TURN: Duration = Duration::from_millis(10);

impl Room {
    pub(crate) fn new(config: &ConsumerConfig, batch_size: usize) -> Self {
        Self {
            workers: config.workers,
            batch_size,
            read_count: config.read_count,
            lease: config.lease,
            buffered: AtomicUsize::new(0),
            coming: Coming::default(),
            idle: AtomicUsize::new(0),
            entry_bytes: AtomicUsize::new(0),
            readers: AtomicUsize::new(0),
            line: ReaderLine::default(),
        }
    }

    /// Counts a reader, until `end_reading`.
    pub(crate) fn begin_reading(&self) {
        self.readers.fetch_add(1, Ordering::SeqCst);
    }

    /// Reverses [`begin_reading`](Self::begin_reading), for a reader that has waited with
    /// the signal `me`.
    pub(crate) fn end_reading(&self, me: &Shutdown) {
        self.readers.fetch_sub(1, Ordering::SeqCst);
        self.line.leave(me, self.half());
    }

    /// How long a reader goes on while others stand in line.
    pub(crate) fn turn(&self) -> Duration {
        let readers = self.readers.load(Ordering::SeqCst).max(1);
        let readers = u32::try_from(readers).unwrap_or(u32::MAX);
        (ROUND / readers).min(LONGEST_TURN)
    }

    /// Counts the entries of a reply as buffered.
    pub(crate) fn expect(&self, held: &Held) {
        self.buffered.fetch_add(held.len(), Ordering::SeqCst);
    }

    /// Notes that an entry has left the buffer, and wakes a waiting reader, once there is
    /// enough room.
    pub(crate) fn left(&self) {
        let before = self.buffered.fetch_sub(1, Ordering::SeqCst);
        if before <= self.line.wake_below() {
            self.line.wake_first();
        }
    }

    /// Counts a worker as idle.
    pub(crate) fn rest(&self) {
        self.idle.fetch_add(1, Ordering::SeqCst);
        if self.line.wake_below() > 0 {
            // This worker makes room for a waiting reader.
            self.line.wake_first();
        }
    }

    /// Reverses [`rest`](Self::rest).
    pub(crate) fn stir(&self) {
        self.idle.fetch_sub(1, Ordering::SeqCst);
    }

    /// Notes the size of the entries of a reply.
    pub(crate) fn weigh(&self, held: &Held) {
        let mean = held.bytes() / held.len().max(1);
        let seen = self.entry_bytes.load(Ordering::Relaxed);
        self.entry_bytes
            .store(mean.max(seen - seen / 8), Ordering::Relaxed);
    }

    /// The present load, with the time of a handler and the bytes of all held replies.
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
    /// free, so that reads stay large.
    pub(crate) fn for_new(&self, load: &Load) -> usize {
        let limit = load.limit();
        let taken = self.buffered() + self.coming.entries(Instant::now());
        let free = limit.saturating_sub(taken);
        if free < limit / READS {
            return 0;
        }
        free.min(self.read_count)
    }

    /// How many entries a read that waits for entries may ask for.
    pub(crate) fn for_waiting(&self, load: &Load) -> usize {
        let free = self.for_new(load);
        match self.readers.load(Ordering::SeqCst) {
            0 | 1 => free,
            readers => free.min((load.limit() / READS / readers).max(1)),
        }
    }

    /// Takes room for the entries that a read asks for.
    pub(crate) fn take(&self, entries: usize) -> TakenRoom {
        self.coming.take(entries, Instant::now())
    }

    /// Gives room back: the entries have come, or will not.
    pub(crate) fn give_back(&self, room: TakenRoom) {
        self.coming.give_back(room);
        if self.is_wanted() {
            self.line.wake_first();
        }
    }

    /// How many returning entries the workers could start at once, each on its own.
    pub(crate) fn for_returning(&self) -> usize {
        self.idle().max(1)
    }

    /// How many entries of `~waiting` fill a batch for each idle worker, if batches are
    /// done quickly.
    pub(crate) fn for_batches(&self, load: &Load) -> usize {
        (self.idle() * self.batch_size)
            .min(load.starts_soon())
            .min(self.read_count)
    }

    /// Whether readers stand in line for room.
    pub(crate) fn is_wanted(&self) -> bool {
        self.line.len() > 0
    }

    /// Whether several readers share the room.
    pub(crate) fn is_shared(&self) -> bool {
        self.readers.load(Ordering::SeqCst) > 1
    }

    /// Waits until `room` isn't 0 and no other reader stands before this one, the signal
    /// `me` is set or `deadline` has passed. Returns whether there is room. Otherwise the
    /// place in the line is kept for the next call. A reader that goes `first` stands
    /// before the others.
    pub(crate) fn wait(
        &self,
        me: &Shutdown,
        deadline: Instant,
        first: bool,
        room: impl Fn() -> usize,
    ) -> bool {
        if (first || !self.is_wanted()) && room() > 0 {
            // It may have kept a place.
            self.line.leave(me, self.half());
            return true;
        }
        self.line.enter(me, first);
        self.line.expect(self.half());
        let has_room = || {
            // The limit may have changed, and room may be taken: it is asked for again
            // once half of the buffer has gone.
            let again = || self.line.expect(self.half());
            room() > 0 || {
                again();
                room() > 0
            }
        };
        let is_turn = || self.line.is_first(me) && has_room();
        let has_room = loop {
            // Reads of others may lose their room.
            let lapse = self.is_shared().then(|| Instant::now() + LAPSE);
            let until = lapse.map_or(deadline, |lapse| lapse.min(deadline));
            me.wait_until(until, is_turn);
            let has_room = is_turn();
            if has_room || me.is_set() || deadline <= Instant::now() {
                break has_room;
            }
        };
        if has_room || me.is_set() {
            self.line.leave(me, self.half());
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

    fn half(&self) -> usize {
        self.buffered().div_ceil(2).max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use parking_lot::Mutex;

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
        let first = many.take(128);
        assert_eq!(many.for_new(&load), 128);
        let second = many.take(128);
        assert_eq!((many.for_waiting(&load), many.for_new(&load)), (0, 0));
        many.give_back(first);
        assert_eq!(many.for_new(&load), 128);
        many.give_back(second);
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
                    // Called for the first in line only.
                    let asked = || {
                        let free = room.for_new(&load);
                        let mut order = order.lock();
                        if free > 0 && !order.contains(&number) {
                            order.push(number);
                        }
                        free
                    };
                    assert!(room.wait(&me, Instant::now() + LONG, false, asked));
                    room.take(40);
                });
                while room.line.len() <= number {
                    thread::yield_now();
                }
            }
            // Leaving the line wakes the next reader, for which there is room, too.
            for _ in 0..256 {
                room.left();
            }
        });
        assert_eq!(order.into_inner(), [0, 1, 2]);
        assert!(!room.is_wanted());
        assert_eq!(room.line.wake_below(), 0);
    }

    #[test]
    fn a_reader_that_goes_first_keeps_no_place_in_the_line() {
        let (room, load) = room(2);
        let full = Held::for_test(256, Company::Any);
        room.expect(&full);
        let me = Shutdown::default();
        let free = || room.for_new(&load);
        assert!(!room.wait(&me, Instant::now(), true, free));
        assert!(room.is_wanted(), "its place is kept");
        for _ in 0..256 {
            room.left();
        }
        assert!(room.wait(&me, Instant::now(), true, free));
        assert!(!room.is_wanted());
    }

    #[test]
    fn a_reader_that_gives_up_lets_the_next_one_have_its_turn() {
        let (room, load) = room(2);
        let full = Held::for_test(256, Company::Any);
        room.expect(&full);
        let (first, second) = (Shutdown::default(), Shutdown::default());
        thread::scope(|scope| {
            scope.spawn(|| assert!(!room.wait(&first, Instant::now() + LONG, false, || 0)));
            while !room.is_wanted() {
                thread::yield_now();
            }
            scope.spawn(|| {
                let free = || room.for_new(&load);
                assert!(room.wait(&second, Instant::now() + LONG, false, free));
            });
            for _ in 0..256 {
                room.left();
            }
            first.set();
        });
        assert!(!room.is_wanted());
    }
}
