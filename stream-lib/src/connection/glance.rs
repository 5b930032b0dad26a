//! Polls for a reply before sleeping until it comes.
//!
//! Going to sleep and being woken costs more than a reply from the same machine or rack
//! takes. So a connection polls a few times first, and lets other threads run in between.
//! If replies take longer, it learns this and hardly ever polls. If requests are few, it
//! doesn't poll at all, since the processor serves the threads that handle them better.

use std::thread;
use std::time::{Duration, Instant};

use crate::runtime::Patience;

/// How long it polls.
const WHILE: Duration = Duration::from_micros(100);

/// Asks `has_come` for a short while, if that has paid lately.
pub(super) fn wait(patience: &mut Patience, mut has_come: impl FnMut() -> bool) {
    if !patience.pays() {
        return;
    }
    let begin = Instant::now();
    // A poll that comes late because other threads had the processor counts as missed: a
    // sleeping thread is back sooner than a yielding one.
    while begin.elapsed() < WHILE {
        if has_come() {
            return patience.rewarded();
        }
        thread::yield_now();
    }
    patience.missed();
}
