//! Looking for a reply before sleeping until it comes.
//!
//! To sleep and to be woken costs more than a reply takes that comes from the
//! same machine or rack. So a connection looks a few times first, and lets
//! other threads run in between. Where replies take longer than that, it finds
//! out, and hardly ever looks; and where requests are few, it doesn't look at
//! all, since the processor is better left to the threads that handle them.

use std::thread;
use std::time::{Duration, Instant};

use crate::runtime::Patience;

/// How long it looks.
const WHILE: Duration = Duration::from_micros(100);

/// Asks `has_come` for a short while, if that has paid lately.
pub(super) fn wait(patience: &mut Patience, mut has_come: impl FnMut() -> bool) {
    if !patience.pays() {
        return;
    }
    let begin = Instant::now();
    // A look that comes late because other threads had the processor counts as
    // missed: a thread that sleeps is back sooner than one that yields.
    while begin.elapsed() < WHILE {
        if has_come() {
            return patience.rewarded();
        }
        thread::yield_now();
    }
    patience.missed();
}
