//! The replicas that a producer waits for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::command::{Wait, may_wait};
use crate::config::{Replicas, StreamConfig};
use crate::connection::Wire;
use crate::error::Result;

/// The replicas for which one producer's requests wait, if any.
#[derive(Debug)]
pub(crate) struct Replication {
    asked: Option<Replicas>,
    /// How long a request may take.
    send_timeout: Duration,
    /// Whether the server has shown that it takes `WAIT` from this user.
    may_wait: AtomicBool,
}

impl Replication {
    pub(crate) fn of(config: &StreamConfig) -> Self {
        Self {
            asked: config.replicas,
            send_timeout: config.send_timeout,
            may_wait: AtomicBool::new(false),
        }
    }

    /// The same settings for another server, of which nothing is known yet.
    pub(crate) fn again(&self) -> Self {
        Self {
            asked: self.asked,
            send_timeout: self.send_timeout,
            may_wait: AtomicBool::new(false),
        }
    }

    /// The requested replicas.
    pub(crate) fn asked(&self) -> Option<Replicas> {
        self.asked
    }

    /// The least time that a message must have left to share a `WAIT` with others: with
    /// less, the wait would be too short for them.
    pub(crate) fn needs(&self) -> Option<Duration> {
        let needs = self.asked.map(Wait::needs)?;
        Some(needs.min(self.send_timeout / 2))
    }

    /// How many requests of one connection may be under way, at most `most`: a server
    /// without enough replicas makes them wait one after the other.
    pub(crate) fn most_under_way(&self, most: usize) -> usize {
        let Some(needs) = self.asked.map(Wait::needs) else {
            return most;
        };
        let fit = self.send_timeout.as_millis() / needs.as_millis().max(1);
        usize::try_from(fit).unwrap_or(most).clamp(1, most)
    }

    /// The `WAIT` that goes behind the next request on this wire. The first time, nothing
    /// may be under way on the wire: the server is asked whether it takes a `WAIT` at
    /// all.
    ///
    /// # Errors
    ///
    /// The server takes none. Nothing was written.
    pub(crate) fn begin(&self, wire: &mut Wire) -> Result<Option<Wait>> {
        let Some(asked) = self.asked else {
            return Ok(None);
        };
        if !self.may_wait.load(Ordering::Relaxed) && wire.outstanding() == 0 && may_wait(wire)? {
            self.may_wait.store(true, Ordering::Relaxed);
        }
        Ok(Some(Wait::within(wire.response_timeout(), asked)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(timeout: Duration, send_timeout: Duration) -> Replication {
        let config = StreamConfig::new("orders").send_timeout(send_timeout);
        Replication::of(&config.replicas(1, timeout))
    }

    #[test]
    fn waits_one_behind_the_other_fit_into_the_time_of_a_batch() {
        let (second, five) = (Duration::from_secs(1), Duration::from_secs(5));
        assert_eq!(of(second, five).most_under_way(3), 3);
        assert_eq!(of(2 * second, five).most_under_way(3), 2);
        assert_eq!(of(4 * second, five).most_under_way(3), 1);
        assert_eq!(of(second / 2, second).most_under_way(3), 1);
        let none = Replication::of(&StreamConfig::new("orders"));
        assert_eq!((none.most_under_way(3), none.needs()), (3, None));
    }
}
