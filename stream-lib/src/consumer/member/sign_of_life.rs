//! The signs of life that the members of a group give each other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::command::{self, Group};
use crate::connection::Wire;
use crate::error::Result;
use crate::runtime::ServerClock;

/// Gives this member's sign of life, and remembers the server's time and the
/// longest lease in the group from the answers.
#[derive(Debug)]
pub(crate) struct SignOfLife {
    /// This member's.
    lease: Duration,
    /// In ms, as far as known.
    longest_lease: AtomicU64,
    clock: ServerClock,
}

impl SignOfLife {
    pub(crate) fn new(lease: Duration) -> Self {
        Self {
            lease,
            longest_lease: AtomicU64::new(0),
            clock: ServerClock::new(),
        }
    }

    /// Gives one. With `patience`, removes consumers that have been dead for
    /// longer.
    pub(crate) fn give(
        &self,
        wire: &mut Wire,
        group: &Group,
        name: &str,
        patience: Option<Duration>,
    ) -> Result<()> {
        let lease = self.lease;
        let beat = command::beat(wire, group, name, lease, patience)?;
        self.clock.set(beat.server_ms, Instant::now());
        let longest = u64::try_from(beat.lease.as_millis()).unwrap_or(u64::MAX);
        let known = self.longest_lease.swap(longest, Ordering::Relaxed);
        if beat.lease > lease && known != longest {
            log::warn!(
                "the lease of this consumer of `{}` is {lease:?}, another's in the group `{}` is \
                 {:?}: entries are taken over after the longer one",
                group.stream(),
                group.name(),
                beat.lease
            );
        }
        for name in beat.removed {
            log::info!("removed the dead consumer `{name}` from `{}`", group.name());
        }
        Ok(())
    }

    /// Notes the server's time, where there is no server to ask.
    #[cfg(feature = "test-util")]
    pub(crate) fn set_server_ms(&self, server_ms: u64) {
        self.clock.set(server_ms, Instant::now());
    }

    /// After how long without a renewal an entry is taken over.
    pub(crate) fn takeover_after(&self) -> Duration {
        let longest = Duration::from_millis(self.longest_lease.load(Ordering::Relaxed));
        longest.max(self.lease)
    }

    /// The server's time, in milliseconds since 1970; `None` before the first
    /// sign of life.
    pub(crate) fn server_ms(&self) -> Option<u64> {
        self.clock.now_ms()
    }
}
