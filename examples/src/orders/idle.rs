//! The end of `orders work --exit-when-idle`.

use std::time::{Duration, Instant};

use stream_lib::{Consumer, StreamManager};

/// The time between two looks at Redis while the consumer is idle.
const LOOK: Duration = Duration::from_millis(100);
/// By then a reader that lost its connection is back, and entries that a dead process was
/// moving from the backup stream move again. Unread entries that are still counted are no
/// reason to wait: their count stays too high after some trims.
const PATIENCE: Duration = Duration::from_secs(15);

/// The time since which a consumer has been idle.
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

    /// Whether nothing was read, running, buffered or waiting for a retry for long
    /// enough, nothing is unread, and Redis has no entry as delivered to this consumer.
    /// Call it every few milliseconds.
    pub(super) fn is_over(&mut self, manager: &StreamManager, consumer: &Consumer) -> bool {
        let now = Instant::now();
        let stats = consumer.stats();
        let in_hand = stats.buffered + stats.running + stats.settling;
        if in_hand > 0 || stats.delivered != self.delivered {
            self.delivered = stats.delivered;
            self.since = now;
        }
        // Asked all the time, not only at the end: an entry that is being claimed from
        // the waiting ones is for a moment neither there nor here.
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
            // Waiting entries come back to some consumer, and entries lost on their way
            // to this one come again. Without Redis, neither is known.
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

/// The group's entries in Redis; `None` if Redis can't be asked.
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
