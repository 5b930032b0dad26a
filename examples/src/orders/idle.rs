//! When `orders work --exit-when-idle` may end.

use std::time::{Duration, Instant};

use stream_lib::{Consumer, StreamManager};

/// How often Redis is asked while all is quiet here.
const LOOK: Duration = Duration::from_millis(100);
/// A reader that lost its connection is back by then, and what a dead process
/// was moving from the backup stream moves again. Counts that still stand are
/// nothing to wait for: that of unread entries stays too high after some trims.
const PATIENCE: Duration = Duration::from_secs(15);

/// Knows since when a consumer has had nothing to do.
#[derive(Debug)]
pub(super) struct Idle {
    after: Duration,
    since: Instant,
    delivered: u64,
    next_look: Instant,
}

impl Idle {
    pub(super) fn new(after: Duration) -> Self {
        let now = Instant::now();
        Self {
            after,
            since: now,
            delivered: 0,
            next_look: now,
        }
    }

    /// Whether nothing was read, running, buffered or waiting for retry for
    /// long enough, nothing is left to be read, and Redis has nothing as delivered
    /// to us. To be asked every few milliseconds.
    pub(super) fn is_over(&mut self, manager: &StreamManager, consumer: &Consumer) -> bool {
        let now = Instant::now();
        let stats = consumer.stats();
        let in_hand = stats.buffered + stats.running + stats.settling;
        if in_hand > 0 || stats.delivered != self.delivered {
            self.delivered = stats.delivered;
            self.since = now;
        }
        // Asked all the time, not just at its end: what is being claimed out of
        // the waiting ones is neither there nor here for a moment.
        if self.since == now || now < self.next_look {
            return false;
        }
        self.next_look = now + LOOK.min(self.after / 4);
        let Some(InRedis {
            waiting: 0,
            ours: 0,
            to_come,
        }) = in_redis(manager, consumer)
        else {
            // What waits comes back to somebody, and what was lost on its way to
            // us comes again. Without Redis, who knows.
            self.since = now;
            return false;
        };
        let quiet = now - self.since;
        quiet >= self.after && to_come == Some(0) || quiet > self.after + PATIENCE
    }
}

struct InRedis {
    waiting: u64,
    /// Delivered to this consumer and not acknowledged.
    ours: u64,
    /// Unread, in the stream and its backup.
    to_come: Option<u64>,
}

/// What Redis has for the group; `None` where it can't be asked.
fn in_redis(manager: &StreamManager, consumer: &Consumer) -> Option<InRedis> {
    let stats = manager.stream_stats(consumer.stream()).ok()?;
    let mut groups = stats.groups.into_iter();
    let group = groups.find(|group| group.name == consumer.group())?;
    let name = consumer.name()?;
    let ours = group.holders.iter().find(|held| held.consumer == name);
    Some(InRedis {
        waiting: group.waiting,
        ours: ours.map_or(0, |held| held.pending),
        to_come: group.unread.map(|unread| unread + stats.backup),
    })
}
