//! Kinds of events of a stream.

use std::fmt;

/// The kind of a [`StreamEvent`](crate::StreamEvent).
///
/// More kinds may be added, so a `match` needs a wildcard arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum StreamEventKind {
    /// Entries were taken over from consumers that let their lease lapse: `takeover`.
    TakenOver,
    /// Entries went to the dead letters: `burial`. The text is the reason of the last one.
    Buried,
    /// The group had vanished, and was created again: `group-made`.
    GroupMade,
    /// A consumer that had died was removed from the group: `consumer-removed`.
    ConsumerRemoved,
    /// A group keeps the stream from being trimmed: `retention-blocked`.
    RetentionBlocked,
    /// The group was held: `hold`. The text is the reason.
    Held,
    /// The hold of the group was ended: `release`.
    Released,
    /// Dead letters were put back: `redrive`.
    Redriven,
    /// A message type was seen in a form that the stream did not know: `schema`.
    SchemaChanged,
    /// A consumer found another server in place of the previous one: `failover`. Each
    /// consumer writes its own event.
    FailedOver,
    /// A kind that this version doesn't know: a later one has written it.
    Other,
}

impl StreamEventKind {
    const ALL: [Self; 10] = [
        Self::TakenOver,
        Self::Buried,
        Self::GroupMade,
        Self::ConsumerRemoved,
        Self::RetentionBlocked,
        Self::Held,
        Self::Released,
        Self::Redriven,
        Self::SchemaChanged,
        Self::FailedOver,
    ];

    /// The word that is stored in Redis.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TakenOver => "takeover",
            Self::Buried => "burial",
            Self::GroupMade => "group-made",
            Self::ConsumerRemoved => "consumer-removed",
            Self::RetentionBlocked => "retention-blocked",
            Self::Held => "hold",
            Self::Released => "release",
            Self::Redriven => "redrive",
            Self::SchemaChanged => "schema",
            Self::FailedOver => "failover",
            Self::Other => "other",
        }
    }

    pub(crate) fn of(word: &[u8]) -> Self {
        let known = Self::ALL.into_iter();
        let mut known = known.filter(|kind| kind.as_str().as_bytes() == word);
        known.next().unwrap_or(Self::Other)
    }
}

impl fmt::Display for StreamEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_read_back_from_its_word() {
        for kind in StreamEventKind::ALL {
            assert_eq!(StreamEventKind::of(kind.to_string().as_bytes()), kind);
        }
        assert_eq!(StreamEventKind::of(b"flood"), StreamEventKind::Other);
    }
}
