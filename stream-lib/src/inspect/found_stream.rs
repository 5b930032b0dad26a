//! A stream among all keys, and its purpose.

use super::own_streams::OwnStream;

/// A stream that [`FindStreams`](crate::FindStreams) has found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundStream {
    /// Its name, for the other calls of the manager; for partitions, the name of the
    /// whole stream. Bytes that are not UTF-8 are replaced.
    pub name: String,
    /// Its purpose.
    pub kind: StreamKind,
    /// The stream that it belongs to, if it is the library's own.
    pub of: Option<String>,
    /// The number of its partitions; `None` if none of them was found before it.
    pub partitions: Option<u16>,
}

/// The purpose of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StreamKind {
    /// Users' messages, of this library or any other.
    Messages,
    /// A backup stream: `{orders}:backup`, or one with a name of its own that its stream
    /// has stored.
    Backup,
    /// Dead letters: `{orders}:dead`.
    DeadLetters,
    /// The events of a stream: `{orders}:events`.
    Events,
    /// The log of actions by `streamctl`: `stream-ops:audit`.
    Audit,
    /// Scheduled messages or recurring jobs of a stream that has no entries so far: it
    /// comes into being with the first one that is due. Only
    /// [`FindStreams::with_schedules`](crate::FindStreams::with_schedules) finds it.
    Schedules,
}

impl FoundStream {
    pub(super) fn new(name: String, kind: StreamKind) -> Self {
        Self {
            name,
            kind,
            of: None,
            partitions: None,
        }
    }
}

impl StreamKind {
    pub(super) fn of(own: OwnStream) -> Self {
        match own {
            OwnStream::Backup => Self::Backup,
            OwnStream::Dead => Self::DeadLetters,
            OwnStream::Events => Self::Events,
        }
    }
}
