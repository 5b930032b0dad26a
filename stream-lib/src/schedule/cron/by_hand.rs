//! Ticks by a test's clock.

use super::job::Job;
use crate::command::{JobOutcome, JobState, Tick};
use crate::connection::Wire;
use crate::error::Result;

/// The most ticks of one call, so that a wrong time doesn't run for ever.
const MOST: u64 = 100_000;

impl Job {
    /// Runs the ticks up to `until`, in ms since 1970, as if the server's clock showed
    /// the time of each. From then on the job ticks in this process only by this call.
    /// Returns the number of added messages.
    pub(crate) fn tick_until(&self, wire: &mut Wire, until: u64) -> Result<u64> {
        self.hold();
        self.store_type(wire.response_timeout())?;
        let keys = self.keys();
        let mut added = 0;
        for _ in 0..MOST {
            let Some(stored) = self.call(&keys).look(wire)?.stored else {
                // The first call begins the job.
                self.call(&keys)
                    .declare(wire, &self.terms, self.cron.revision)?;
                continue;
            };
            let next = self.times.after(stored.last);
            let Some(next) = next.filter(|next| *next <= until && stored.state == JobState::On)
            else {
                return Ok(added);
            };
            let mut call = self.call(&keys);
            call.now = Some(next);
            let tick = Tick {
                known: Some((&stored.terms, stored.last)),
                request: None,
                no_overlap: self.cron.no_overlap.as_deref(),
                last: next,
                times: &[next],
            };
            let answer = call.tick(wire, tick, &self.message()?)?;
            if !matches!(
                answer.outcome,
                JobOutcome::Ticked | JobOutcome::Busy | JobOutcome::Had
            ) {
                return Ok(added);
            }
            added += answer.added;
        }
        Ok(added)
    }
}
