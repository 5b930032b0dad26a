//! The number of entries to hold ready for the workers: a pure decision.

use std::time::Duration;

/// The state of the consumer when the next read is prepared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) workers: usize,
    /// Workers that wait for an entry.
    pub(crate) idle: usize,
    /// How many entries a worker takes at a time.
    pub(crate) batch_size: usize,
    /// The time of handlers for one entry, once one has been seen.
    pub(crate) handler: Option<Duration>,
    pub(crate) lease: Duration,
    pub(crate) read_count: usize,
    /// Bytes of replies that are still held.
    pub(crate) held_bytes: usize,
    /// Bytes of the largest recent entry.
    pub(crate) entry_bytes: usize,
}

/// The time within which a buffered entry is to start: read earlier, it would wait here
/// while another process is idle.
const SOON: Duration = Duration::from_secs(1);
/// Most bytes of replies held at a time.
const MOST_BYTES: usize = 64 << 20;

impl Load {
    /// How many entries may wait in the buffer: no more than can start soon, or as the
    /// idle workers take at once, at most two reads and 64 MiB, never less than one for
    /// each idle worker.
    pub(crate) fn limit(&self) -> usize {
        let by_bytes = MOST_BYTES.saturating_sub(self.held_bytes) / self.entry_bytes.max(1);
        self.starts_soon()
            .max(self.idle * self.batch_size)
            .min(by_bytes)
            .min(2 * self.read_count)
            .max(self.idle)
    }

    /// How many entries can start within [`SOON`] and a third of the lease, however
    /// many a worker takes at a time; 0 before a handler has ended.
    pub(crate) fn starts_soon(&self) -> usize {
        let Some(time) = self.handler else {
            return 0;
        };
        let each = time.as_nanos().max(1);
        let soon = SOON.min(self.lease / 3);
        let starts = soon.as_nanos() / each * self.workers as u128;
        usize::try_from(starts).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD: Load = Load {
        workers: 4,
        idle: 0,
        batch_size: 1,
        handler: Some(Duration::from_micros(10)),
        lease: Duration::from_secs(30),
        read_count: 128,
        held_bytes: 0,
        entry_bytes: 100,
    };

    #[test]
    fn fast_handlers_get_two_reads_ahead() {
        assert_eq!(LOAD.limit(), 256);
    }

    #[test]
    fn slow_handlers_get_what_starts_within_a_second_and_a_third_of_the_lease() {
        let handler = Some(Duration::from_millis(300));
        assert_eq!(Load { handler, ..LOAD }.limit(), 12);
        let lease = Duration::from_secs(1);
        let short = Load { lease, ..LOAD };
        assert_eq!(Load { handler, ..short }.limit(), 4);
        let handler = Some(Duration::from_secs(2));
        assert_eq!(Load { handler, ..LOAD }.limit(), 0);
        assert_eq!(
            Load {
                handler,
                idle: 3,
                ..LOAD
            }
            .limit(),
            3
        );
    }

    #[test]
    fn before_any_handler_was_seen_one_for_each_idle_worker() {
        assert_eq!(
            Load {
                handler: None,
                idle: 3,
                ..LOAD
            }
            .limit(),
            3
        );
    }

    #[test]
    fn idle_workers_get_batches_within_two_reads() {
        let load = |idle, batch_size| Load {
            idle,
            batch_size,
            handler: None,
            ..LOAD
        };
        assert_eq!(load(3, 50).limit(), 150);
        assert_eq!(load(3, 1_000).limit(), 256);
        assert_eq!(load(0, 50).limit(), 0);
        let entry_bytes = 10 << 20;
        assert_eq!(
            Load {
                entry_bytes,
                ..load(3, 50)
            }
            .limit(),
            6
        );
    }

    #[test]
    fn large_entries_are_bounded_by_bytes() {
        let entry_bytes = 10 << 20;
        assert_eq!(
            Load {
                entry_bytes,
                ..LOAD
            }
            .limit(),
            6
        );
        let held_bytes = 80 << 20;
        assert_eq!(
            Load {
                held_bytes,
                idle: 2,
                ..LOAD
            }
            .limit(),
            2
        );
    }
}
