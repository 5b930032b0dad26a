//! Priorities of streams.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result, Shown};

/// The priority of a stream, which decides what retention may remove.
///
/// The *floor* of a stream is the lowest id that some group has not
/// acknowledged: its oldest pending entry, or the first one it hasn't read.
/// Every group has handled the entries below it.
///
/// | Priority | Removes | Never removes |
/// |---|---|---|
/// | `Low` | entries beyond `max_age` or `max_length`, read or not; those unread or pending are counted and logged | the newest `min_retention_count` |
/// | `Normal` | the same, but only below the floor | the newest `min_retention_count`, anything at or above the floor |
/// | `High` | as `Normal` | as `Normal`, and anything younger than `min_retention_time`, even if acknowledged |
/// | `Critical` | only entries beyond `max_age` and below the floor: length alone never deletes | as `High` |
///
/// From `Normal` on, no entry is removed that a group has yet to handle. A group that
/// stands still then keeps its entries in the stream; see
/// [`StreamManager::blocked_streams`](crate::StreamManager::blocked_streams).
///
/// | For | Take |
/// |---|---|
/// | metrics, traces: recent entries matter more than complete ones | `Low` |
/// | events, notifications, work that is done once and forgotten | `Normal` |
/// | work that is looked at again after it was done | `High` |
/// | orders, payments: handled entries are kept as evidence for the whole `max_age` | `Critical` |
///
/// A priority that keeps more is greater: `Low` is the least. More may come, so a
/// `match` needs a wildcard arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Priority {
    /// Bounds always hold.
    Low,
    /// Bounds hold for entries that all groups have handled.
    #[default]
    Normal,
    /// As `Normal`, and handled entries stay for a while.
    High,
    /// Only age removes entries, and only handled ones.
    Critical,
}

impl Priority {
    /// Every priority, the lowest first.
    pub const fn all() -> &'static [Self] {
        &[Self::Low, Self::Normal, Self::High, Self::Critical]
    }

    /// `low`, `normal`, `high` or `critical`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Whether the floor holds entries back.
    pub(crate) const fn heeds_floor(self) -> bool {
        !matches!(self, Self::Low)
    }

    /// Whether `min_retention_time` holds entries back.
    pub(crate) const fn heeds_min_time(self) -> bool {
        matches!(self, Self::High | Self::Critical)
    }

    /// Whether length is a reason to remove entries.
    pub(crate) const fn heeds_length(self) -> bool {
        !matches!(self, Self::Critical)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = Error;

    /// Reads the names that [`as_str`](Self::as_str) returns, in any case.
    fn from_str(text: &str) -> Result<Self> {
        Self::all()
            .iter()
            .copied()
            .find(|priority| priority.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| {
                let text = format!(
                    "unknown priority `{}`: use low, normal, high or critical",
                    Shown(text)
                );
                Error::new(ErrorKind::Config, text)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_others_are_refused() {
        assert!(Priority::all().is_sorted());
        for &priority in Priority::all() {
            assert_eq!(priority.to_string().parse::<Priority>().unwrap(), priority);
        }
        assert_eq!("CRITICAL".parse::<Priority>().unwrap(), Priority::Critical);
        let error = "urgent".parse::<Priority>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("`urgent`"), "{error}");
    }
}
