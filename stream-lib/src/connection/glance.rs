//! Looking for a reply before sleeping until it comes.
//!
//! To sleep and to be woken costs more than a reply takes that comes from the
//! same machine or rack. So a connection looks a few times first, and lets
//! other threads run in between. Where replies take longer than that, it finds
//! out, and hardly ever looks; and where requests are few, it doesn't look at
//! all, since the processor is better left to those who handle them.

use std::thread;
use std::time::{Duration, Instant};

/// How long it looks.
const WHILE: Duration = Duration::from_micros(100);

/// After so many looks in vain, each one more doubles the replies that are not
/// looked for: up to 1,024.
const MOST_DOUBLINGS: u32 = 10;

/// Whether it pays to look.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Glance {
    in_vain: u32,
    skip: u32,
}

impl Glance {
    /// Asks `has_come` for a short while, if that has paid lately.
    pub(super) fn wait(&mut self, mut has_come: impl FnMut() -> bool) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        let begin = Instant::now();
        // A look that comes late because others had the processor is in vain,
        // too: whoever sleeps is sooner back than who yields.
        while begin.elapsed() < WHILE {
            if has_come() {
                self.in_vain = 0;
                return;
            }
            thread::yield_now();
        }
        self.in_vain = (self.in_vain + 1).min(MOST_DOUBLINGS);
        self.skip = 1 << self.in_vain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a reply that never comes in time is asked for.
    fn looks(glance: &mut Glance, replies: u32) -> u32 {
        let mut looks = 0;
        for _ in 0..replies {
            let mut looked = false;
            glance.wait(|| {
                looked = true;
                false
            });
            looks += u32::from(looked);
        }
        looks
    }

    #[test]
    fn slow_replies_are_hardly_looked_for_and_quick_ones_again_at_once() {
        let mut glance = Glance::default();
        assert!(looks(&mut glance, 3_000) <= 11);
        // One that succeeds is enough.
        let mut replies = 0;
        let mut come = false;
        while !come {
            glance.wait(|| {
                come = true;
                true
            });
            replies += 1;
        }
        assert!(replies <= 1_025);
        for _ in 0..100 {
            let mut looked = false;
            glance.wait(|| {
                looked = true;
                true
            });
            assert!(looked);
        }
    }
}
