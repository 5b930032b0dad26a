//! The facts of streams, groups and consumers.

use stream_lib::EntryId;

/// The facts of a stream. A fact that Redis doesn't tell is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamFacts {
    /// Its name.
    pub name: String,
    /// The server's clock when it was looked at, in milliseconds since 1970 (`TIME`).
    pub at_ms: u64,
    /// Whether the stream exists.
    pub exists: bool,
    /// Whether this library has keys beside it, such as its settings or signs of life.
    pub is_ours: bool,
    /// How many partitions it has.
    pub partitions: Option<u16>,
    /// Entries (`XLEN`).
    pub length: u64,
    /// Entries that were ever added (`XINFO STREAM`).
    pub added: Option<u64>,
    /// The first entry that is still there.
    pub first: Option<EntryId>,
    /// The last id that was generated.
    pub last: Option<EntryId>,
    /// Bytes in memory, by samples (`MEMORY USAGE`); `None` where it wasn't asked for.
    pub memory: Option<u64>,
    /// Entries of the backup stream.
    pub backup: u64,
    /// How many it may have, where a producer bounds it (`max_backup_length`).
    pub backup_capacity: Option<u64>,
    /// Dead letters.
    pub dead: u64,
    /// How many may stay, by the consumer that keeps the fewest.
    pub dead_capacity: Option<u64>,
    /// The id of the newest dead letter.
    pub newest_dead: Option<EntryId>,
    /// Scheduled messages.
    pub scheduled: u64,
    /// Entries of a partitioned stream that are in none of its partitions.
    pub outside: u64,
    /// The priority of its retention, as stored with the stream.
    pub priority: Option<String>,
    /// The most entries that its retention keeps.
    pub max_length: Option<u64>,
    /// How many schemas of its message types are known.
    pub schemas: u64,
    /// How the newest entries fit them, as a sample; `None` where that is unknown.
    pub misfits: Option<MisfitFacts>,
    /// Its groups, by name.
    pub groups: Vec<GroupFacts>,
    /// The error for which nothing is known of it.
    pub trouble: Option<String>,
}

impl StreamFacts {
    /// A group by its name.
    pub fn group(&self, name: &str) -> Option<&GroupFacts> {
        self.groups.iter().find(|group| group.name == name)
    }
}

/// How the newest entries of a stream fit its schemas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MisfitFacts {
    /// How many entries were compared.
    pub looked: u64,
    /// How many of them don't fit.
    pub count: u64,
    /// The newest of them, and what doesn't fit; without sensitive values.
    pub example: Option<String>,
}

/// The facts of a group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupFacts {
    /// Its name; bytes that aren't text are replaced.
    pub name: String,
    /// The last id it has read; of a partitioned stream, the sum over the partitions.
    pub cursor: EntryId,
    /// Entries that it has ever read, where Redis can tell.
    pub read: Option<u64>,
    /// Entries that none of its consumers has read; `None` where Redis can't tell.
    pub unread: Option<u64>,
    /// Whether that number is exact. Redis 7.0 is wrong after unread entries were trimmed.
    pub unread_is_exact: bool,
    /// When the oldest of them was added, in milliseconds since 1970: the time in its id.
    pub oldest_unread_ms: Option<u64>,
    /// Entries that were delivered and not acknowledged.
    pub pending: u64,
    /// The oldest of them.
    pub oldest_pending: Option<EntryId>,
    /// How many of them wait for a retry.
    pub waiting: u64,
    /// How many of those are due.
    pub waiting_due: u64,
    /// The hold on it, if any.
    pub held: Option<HeldFacts>,
    /// Its consumers, by name, without the reserved ones.
    pub consumers: Vec<ConsumerFacts>,
    /// Pending entries that dead consumers hold, and that were delivered more than once.
    pub suspects: Vec<Suspect>,
}

impl GroupFacts {
    /// Consumers that are known to be alive.
    pub fn living(&self) -> usize {
        let living = self.consumers.iter().filter(|c| c.alive == Some(true));
        living.count()
    }

    /// Consumers of which it is unknown whether they are alive.
    pub fn unknown(&self) -> usize {
        self.consumers.iter().filter(|c| c.alive.is_none()).count()
    }

    /// Entries that dead consumers hold.
    pub fn held_by_dead(&self) -> u64 {
        let dead = self.consumers.iter().filter(|c| c.alive == Some(false));
        dead.map(|c| c.pending).sum()
    }

    /// Entries that wait for a retry whose time hasn't come.
    pub fn waiting_later(&self) -> u64 {
        self.waiting.saturating_sub(self.waiting_due)
    }

    /// Whether there is anything to do now: unread entries, or pending ones that don't
    /// wait for their time.
    pub fn has_work(&self) -> bool {
        self.unread != Some(0) && (self.unread.is_some() || self.oldest_unread_ms.is_some())
            || self.pending > self.waiting_later()
    }

    /// The longest lease among its members, in milliseconds.
    pub fn lease_ms(&self) -> Option<u64> {
        let leases = self.consumers.iter().filter_map(|c| c.facts.lease_ms);
        leases.max()
    }
}

/// A hold on a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldFacts {
    /// Until when, in milliseconds since 1970.
    pub until_ms: u64,
    /// The reason that was given.
    pub why: String,
}

/// The facts of a consumer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConsumerFacts {
    /// Its name; bytes that aren't text are replaced.
    pub name: String,
    /// Whether it is alive, by its sign of life; without one, by when it was last seen.
    /// `None` where unknown.
    pub alive: Option<bool>,
    /// Whether it gives signs of life, as consumers of this library do.
    pub is_member: bool,
    /// When its sign of life lapses or lapsed, in milliseconds since 1970.
    pub sign_ms: Option<u64>,
    /// How long ago it last did anything that Redis notes, in milliseconds.
    pub idle_ms: Option<u64>,
    /// Entries that it holds.
    pub pending: u64,
    /// How long ago the oldest entry that it holds was delivered, in milliseconds.
    pub oldest_pending_ms: Option<u64>,
    /// Its own report.
    pub facts: MemberFacts,
}

/// A member's report of itself with its last sign of life. All fields are `None` for
/// members of older versions and of other libraries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemberFacts {
    /// The program.
    pub program: Option<Program>,
    /// Worker threads.
    pub workers: Option<u64>,
    /// Handlers that run.
    pub running: Option<u64>,
    /// Entries that wait for a worker.
    pub buffered: Option<u64>,
    /// Deliveries handled since it started.
    pub completed: Option<u64>,
    /// Deliveries failed since it started.
    pub failed: Option<u64>,
    /// The median of how long handlers took, in milliseconds.
    pub p50_ms: Option<f64>,
    /// The time within which 99 % of the handlers ended, in milliseconds.
    pub p99_ms: Option<f64>,
    /// How long the longest handler has been running, in milliseconds.
    pub longest_ms: Option<u64>,
    /// The text of the last error.
    pub last_error: Option<String>,
    /// Its lease, in milliseconds.
    pub lease_ms: Option<u64>,
    /// How many dead letters it keeps, where that is not the default.
    pub dead_capacity: Option<u64>,
}

/// A program, as a member names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// An entry that may have killed its consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// Its stream or partition.
    pub stream: String,
    /// Its id.
    pub id: EntryId,
    /// The dead consumer that holds it.
    pub consumer: String,
    /// How often it was delivered.
    pub deliveries: u64,
    /// How long ago it was last delivered, in milliseconds.
    pub idle_ms: u64,
}
