//! The room that reads on the wire have taken.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long a read holds its room: if its server stands still, the partitions on other
/// servers must not wait for its answer.
pub(super) const LAPSE: Duration = Duration::from_secs(1);

/// The entries that reads on the wire may bring.
#[derive(Debug, Default)]
pub(super) struct Coming(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    taken: Vec<Taken>,
    next: u64,
}

#[derive(Debug)]
struct Taken {
    number: u64,
    entries: usize,
    until: Instant,
}

/// The room of one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TakenRoom(u64);

impl Coming {
    pub(super) fn take(&self, entries: usize, now: Instant) -> TakenRoom {
        let mut state = self.0.lock();
        let number = state.next;
        state.next += 1;
        state.taken.push(Taken {
            number,
            entries,
            until: now + LAPSE,
        });
        TakenRoom(number)
    }

    pub(super) fn give_back(&self, room: TakenRoom) {
        self.0.lock().taken.retain(|taken| taken.number != room.0);
    }

    /// The number of entries that may come, without those of reads that have taken too
    /// long.
    pub(super) fn entries(&self, now: Instant) -> usize {
        let state = self.0.lock();
        let lasting = state.taken.iter().filter(|taken| now < taken.until);
        lasting.map(|taken| taken.entries).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_is_not_answered_holds_its_room_for_a_while_only() {
        let (coming, now) = (Coming::default(), Instant::now());
        let first = coming.take(100, now);
        let second = coming.take(10, now + LAPSE / 2);
        assert_eq!(coming.entries(now + LAPSE / 2), 110);
        assert_eq!(coming.entries(now + LAPSE), 10);
        coming.give_back(second);
        assert_eq!(coming.entries(now), 100);
        coming.give_back(first);
        coming.give_back(first);
        assert_eq!(coming.entries(now), 0);
    }
}
