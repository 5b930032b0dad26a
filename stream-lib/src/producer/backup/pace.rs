//! The pauses of the drain.

use std::time::Duration;

use crate::command::{DrainState, Drained};
use crate::config::BackupStreamConfig;

/// The longest wait while there is nothing to do, unless the configuration starts with a
/// longer one.
const LONGEST: Duration = Duration::from_secs(2);

/// Chooses the pause before the next batch by the outcome of the last one.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    batch: u64,
    fast: Duration,
    slow: Duration,
    idle: Duration,
}

impl Pace {
    pub(crate) fn new(config: &BackupStreamConfig) -> Self {
        Self {
            batch: config.transfer_batch_size as u64,
            fast: config.fast_timeout,
            slow: config.slow_timeout,
            idle: config.slow_timeout,
        }
    }

    /// The wait after this batch.
    pub(crate) fn after(&mut self, drained: &Drained) -> Duration {
        if drained.moved > 0 {
            self.idle = self.slow;
        }
        match &drained.state {
            // The lease of a process that died ends before the wait does.
            DrainState::Standby(lease) => self.idle().min(*lease + self.fast),
            _ if drained.left == 0 => self.idle(),
            DrainState::Moved if drained.moved == self.batch => Duration::ZERO,
            DrainState::Portion => Duration::ZERO,
            // The stream is full, or takes nothing.
            _ => self.fast,
        }
    }

    fn idle(&mut self) -> Duration {
        let wait = self.idle;
        self.idle = (wait * 2).min(LONGEST).max(self.slow);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pace() -> Pace {
        Pace::new(&BackupStreamConfig::new("orders"))
    }

    fn drained(moved: u64, left: u64, state: DrainState) -> Drained {
        Drained {
            moved,
            left,
            capacity: 1_000,
            state,
        }
    }

    #[test]
    fn full_batches_follow_each_other_without_a_pause() {
        let wait = pace().after(&drained(10, 5, DrainState::Moved));
        assert_eq!(wait, Duration::ZERO);
        let wait = pace().after(&drained(1, 5, DrainState::Portion));
        assert_eq!(wait, Duration::ZERO);
    }

    #[test]
    fn a_full_stream_is_looked_at_often() {
        for moved in [0, 3] {
            let wait = pace().after(&drained(moved, 5, DrainState::Moved));
            assert_eq!(wait, 50 * MS);
        }
        let refused = DrainState::Refused("OOM".to_owned());
        assert_eq!(pace().after(&drained(0, 5, refused)), 50 * MS);
    }

    #[test]
    fn an_empty_backup_stream_is_looked_at_ever_more_rarely() {
        let mut pace = pace();
        let empty = drained(0, 0, DrainState::Moved);
        let waits: Vec<_> = (0..6).map(|_| pace.after(&empty)).collect();
        assert_eq!(waits, [200, 400, 800, 1_600, 2_000, 2_000].map(|n| n * MS));
        // After an entry was moved, others may come soon.
        assert_eq!(pace.after(&drained(4, 0, DrainState::Moved)), 200 * MS);
        let longer = BackupStreamConfig::new("orders").slow_timeout(5_000 * MS);
        let mut pace = Pace::new(&longer);
        assert_eq!([pace.after(&empty), pace.after(&empty)], [5_000 * MS; 2]);
    }

    #[test]
    fn standing_by_ends_with_the_lease_of_the_other() {
        let mut pace = pace();
        let standby = |ms| drained(0, 5, DrainState::Standby(ms * MS));
        assert_eq!(pace.after(&standby(10_000)), 200 * MS);
        assert_eq!(pace.after(&standby(10_000)), 400 * MS);
        assert_eq!(pace.after(&standby(100)), 150 * MS);
    }
}
