//! The line where callers of `add` meet, without a server: for benchmarks.

use std::time::{Duration, Instant};

use crate::producer::{Joined, Line};

/// A line whose jobs are numbers, each its own answer.
#[derive(Debug)]
pub struct Callers(Line<u64, u64>);

impl Callers {
    /// A line with this many leaders at a time.
    pub fn new(most_leaders: usize) -> Self {
        Self(Line::new(most_leaders))
    }

    /// Runs a job: on this thread, together with those of waiting callers, or on another
    /// thread. `None` if that took more than a second.
    pub fn pass(&self, job: u64) -> Option<u64> {
        match self.0.join(job, Instant::now() + Duration::from_secs(1)) {
            Joined::Lead(own, mut lead) => {
                let others = lead.take(|_| true);
                lead.finish(others);
                Some(own)
            }
            Joined::Done(answer) => Some(answer),
            Joined::Late(_) | Joined::Untold | Joined::Lost => None,
        }
    }
}
