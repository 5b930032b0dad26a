//! The facts of the page of dead letters.

use stream_lib::{DeadKind, DeadLetter, EntryId, RedrivePlan, StreamSchema};

/// The known facts of the dead letters of a stream.
#[derive(Debug, Clone, Default)]
pub struct DeadMore {
    /// The kinds, and the ids of their letters of the last hours.
    pub kinds: Vec<(DeadKind, Vec<EntryId>)>,
    /// The shown letters of the chosen kind.
    pub letters: Vec<DeadLetter>,
    /// The number of letters of the kind that were searched.
    pub looked: u64,
    /// The schemas of the stream.
    pub schemas: Vec<StreamSchema>,
    /// The dry run of putting some of the kind back.
    pub plan: Option<RedrivePlan>,
    /// The part of the kind that is asked for; `None` for all of it.
    pub window: Option<Window>,
}

/// The dead letters of a kind that died since a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The time, as it was asked for: `1h`, `02:38`.
    pub since: String,
    /// The same in milliseconds since 1970.
    pub from_ms: u64,
    /// The kind, counted from then on; `None` if there are none.
    pub kind: Option<DeadKind>,
}
