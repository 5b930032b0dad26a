//! The faults of the proxy, and its counts.

use std::time::Duration;

/// One of the two directions of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Requests,
    /// From the server to the client.
    Replies,
}

impl Direction {
    pub(super) const BOTH: [Self; 2] = [Self::Requests, Self::Replies];
}

/// The traffic of a proxy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Connections accepted.
    pub connections: u64,
    /// Bytes that clients sent.
    pub request_bytes: u64,
    /// Bytes that the server sent.
    pub reply_bytes: u64,
    /// How often a client began to send: at first, or after it got something.
    /// Of a client that waits for each reply, its round trips.
    pub round_trips: u64,
}

impl Traffic {
    pub(super) fn count(&mut self, direction: Direction, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        match direction {
            Direction::Requests => self.request_bytes += bytes,
            Direction::Replies => self.reply_bytes += bytes,
        }
    }
}

/// All faults that are in force.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) refuse: bool,
    requests: Way,
    replies: Way,
}

/// The faults of one direction.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Way {
    pub(super) delay: Duration,
    pub(super) hold: bool,
    pub(super) swallow: bool,
    pub(super) trickle: Option<(usize, Duration)>,
    pub(super) cut_after: Option<u64>,
}

impl Faults {
    pub(super) fn way(&self, direction: Direction) -> &Way {
        match direction {
            Direction::Requests => &self.requests,
            Direction::Replies => &self.replies,
        }
    }

    pub(super) fn way_mut(&mut self, direction: Direction) -> &mut Way {
        match direction {
            Direction::Requests => &mut self.requests,
            Direction::Replies => &mut self.replies,
        }
    }
}
