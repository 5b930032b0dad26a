//! Settings of the send buffer.

use std::time::Duration;

use super::check;
use crate::error::Result;

/// The behaviour of [`Producer::send`](crate::Producer::send) while the send buffer is
/// full.
///
/// More may come, so a `match` needs a wildcard arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WhenFull {
    /// Waits for room. During an outage room appears as queued messages fail
    /// after the `send_timeout`.
    #[default]
    Block,
    /// Fails at once with [`ErrorKind::Full`](crate::ErrorKind::Full).
    Fail,
    /// Waits this long for room, then fails with
    /// [`ErrorKind::Full`](crate::ErrorKind::Full).
    Wait(Duration),
}

/// The outbox of a producer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SendConfig {
    /// The most bytes that unanswered messages take.
    pub(crate) buffer: usize,
    pub(crate) when_full: WhenFull,
    /// How long the first message of a chunk waits for others.
    pub(crate) linger: Duration,
}

impl SendConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        check::in_range("send_buffer", self.buffer, 1_024..=1 << 30)?;
        check::duration(
            "linger",
            self.linger,
            Duration::ZERO,
            Duration::from_secs(10),
        )?;
        if let WhenFull::Wait(time) = self.when_full {
            let hour = Duration::from_secs(3_600);
            check::duration("when_full", time, Duration::ZERO, hour)?;
        }
        Ok(())
    }
}

impl Default for SendConfig {
    fn default() -> Self {
        Self {
            buffer: 16 << 20,
            when_full: WhenFull::Block,
            linger: Duration::ZERO,
        }
    }
}
