//! The part of each record that a thread writes.
//!
//! A few threads have a part of their own while they live, and add to it by plain loads and
//! stores. All others share the last part. A new thread goes on with the counts of one that
//! has ended, and sees all of them: a seat is left with a release, and taken with an
//! acquire.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The number of parts that belong to one thread at a time.
const OWN: usize = 8;

/// All parts, with the one that is shared.
pub(super) const PARTS: usize = OWN + 1;

static TAKEN: [AtomicBool; OWN] = [const { AtomicBool::new(false) }; OWN];

thread_local! {
    static SEAT: Seat = Seat::take();
}

/// The index of the part that a thread writes; `OWN` for the shared one.
struct Seat(usize);

impl Seat {
    fn take() -> Self {
        let free = TAKEN.iter().position(|taken| {
            taken
                .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
        });
        Self(free.unwrap_or(OWN))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(taken) = TAKEN.get(self.0) {
            taken.store(false, Ordering::Release);
        }
    }
}

/// Adds to counts of this thread's part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adder {
    is_alone: bool,
}

impl Adder {
    /// The index of this thread's part, and an adder for it.
    #[inline]
    pub(super) fn here() -> (usize, Self) {
        // A thread that is ending has left its seat.
        let at = SEAT.try_with(|seat| seat.0).unwrap_or(OWN);
        let adder = Self { is_alone: at < OWN };
        (at, adder)
    }

    /// For counts that only one thread writes.
    pub(super) const ALONE: Self = Self { is_alone: true };

    #[inline]
    pub(super) fn add(self, count: &AtomicU64, more: u64) {
        if self.is_alone {
            let now = count.load(Ordering::Relaxed);
            count.store(now.wrapping_add(more), Ordering::Relaxed);
        } else {
            count.fetch_add(more, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn threads_that_write_alone_have_a_part_each() {
        const THREADS: usize = OWN + 3;
        let (begin, end) = (Barrier::new(THREADS), Barrier::new(THREADS));
        let at = || {
            begin.wait();
            let (at, adder) = Adder::here();
            end.wait();
            assert_eq!(adder.is_alone, at < OWN);
            at
        };
        for _ in 0..3 {
            let mut seats: Vec<_> = thread::scope(|scope| {
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(at)).collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap())
                    .collect()
            });
            seats.retain(|seat| *seat < OWN);
            let all = seats.len();
            seats.sort_unstable();
            seats.dedup();
            assert_eq!(seats.len(), all);
            assert!(all > 0, "those of threads that have ended are free again");
        }
    }
}
