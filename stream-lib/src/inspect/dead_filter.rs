//! Selections of dead letters.

use std::time::SystemTime;

use super::dead_kind::DeadKind;
use crate::command::DeadMark;
use crate::message::EntryId;

/// A selection of dead letters: all of them, unless a setter restricts it.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use stream_lib::{DeadFilter, DeadReason};
///
/// let undecodable = DeadFilter::new().reason(DeadReason::Undecodable.as_str());
/// let few = undecodable.clone().limit(10);
/// let last_hour = undecodable.clone().since(SystemTime::now() - Duration::from_secs(3_600));
/// # drop((undecodable, few, last_hour));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadFilter {
    from: EntryId,
    until: EntryId,
    since: Option<SystemTime>,
    before: Option<SystemTime>,
    group: Option<String>,
    reason: Option<String>,
    error: Option<String>,
    pub(super) limit: usize,
}

impl DeadFilter {
    /// All dead letters.
    pub const fn new() -> Self {
        Self {
            from: EntryId::MIN,
            until: EntryId::MAX,
            since: None,
            before: None,
            group: None,
            reason: None,
            error: None,
            limit: usize::MAX,
        }
    }

    /// Only dead letters with this id or a later one. Defaults to the oldest.
    #[must_use]
    pub const fn from(mut self, id: EntryId) -> Self {
        self.from = id;
        self
    }

    /// Only dead letters with this id or an earlier one, so that later arrivals are left
    /// alone. The id is compared in each partition. Defaults to the newest.
    #[must_use]
    pub const fn until(mut self, id: EntryId) -> Self {
        self.until = id;
        self
    }

    /// Only dead letters that were buried at this time or later, to the millisecond, by
    /// the time in their ids: the server's clock at the burial. Redis reads none of the
    /// earlier ones. In a stream with partitions it holds for each partition. Defaults to
    /// the oldest.
    #[must_use]
    pub const fn since(mut self, time: SystemTime) -> Self {
        self.since = Some(time);
        self
    }

    /// Only dead letters that were buried before this time, to the millisecond; otherwise
    /// as [`since`](Self::since). Defaults to the newest.
    #[must_use]
    pub const fn before(mut self, time: SystemTime) -> Self {
        self.before = Some(time);
        self
    }

    /// Only dead letters of this group. Defaults to all groups.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Only dead letters with this reason, in the words of
    /// [`DeadLetter::reason`](crate::DeadLetter::reason). Defaults to all.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Only dead letters of this kind: the same reason, and the same error except for
    /// numbers and ids. Defaults to all.
    #[must_use]
    pub fn kind(mut self, kind: &DeadKind) -> Self {
        self.reason = Some(kind.reason.clone());
        self.error = Some(kind.error.clone());
        self
    }

    /// Only dead letters with this error, in which `#` stands for numbers and ids, as in
    /// [`DeadKind::error`]. Defaults to all.
    #[must_use]
    pub fn error(mut self, error: impl Into<String>) -> Self {
        self.error = Some(error.into());
        self
    }

    /// At most `limit` dead letters, the oldest first. Defaults to all.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The first and the last id of the selection; `None` if no id can be in it.
    pub(super) fn range(&self) -> Option<(EntryId, EntryId)> {
        let since = self.since.map_or(EntryId::MIN, first_of);
        let last = match self.before.map(first_of) {
            None => EntryId::MAX,
            Some(before) if before == EntryId::MIN => return None,
            Some(before) => before.previous(),
        };
        let (from, until) = (self.from.max(since), self.until.min(last));
        (from <= until).then_some((from, until))
    }

    /// Whether the selection has all dead letters of its range.
    pub(super) fn is_open(&self) -> bool {
        self.group.is_none() && self.reason.is_none() && self.error.is_none()
    }

    pub(super) fn admits(&self, mark: &DeadMark) -> bool {
        let is = |wanted: &Option<String>, text: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == text)
        };
        is(&self.group, &mark.group)
            && is(&self.reason, &mark.reason)
            && (self.error.is_none() || is(&self.error, &DeadKind::error_of(&mark.error)))
    }
}

/// The first id of a millisecond. A time before 1970 is 1970.
fn first_of(time: SystemTime) -> EntryId {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let ms = since.map_or(0, |since| since.as_millis());
    EntryId::new(u64::try_from(ms).unwrap_or(u64::MAX), 0)
}

impl Default for DeadFilter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_and_ids_bound_a_selection_in_any_order() {
        let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        let id = EntryId::new;
        let all = DeadFilter::new();
        assert_eq!(all.range(), Some((EntryId::MIN, EntryId::MAX)));
        let since = all.clone().since(at(5) + Duration::from_micros(900));
        assert_eq!(since.range(), Some((id(5, 0), EntryId::MAX)));
        let both = since.before(at(9));
        assert_eq!(both.range(), Some((id(5, 0), id(8, u64::MAX))));
        for (from, first) in [(id(4, 0), id(5, 0)), (id(6, 3), id(6, 3))] {
            assert_eq!(both.clone().from(from).range().unwrap().0, first);
            let from = all.clone().from(from);
            assert_eq!(from.since(at(5)).range().unwrap().0, first);
        }
        for (until, last) in [(id(7, 2), id(7, 2)), (id(9, 0), id(8, u64::MAX))] {
            assert_eq!(both.clone().until(until).range().unwrap().1, last);
        }
        assert_eq!(both.clone().from(id(9, 0)).range(), None);
        let early = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(all.clone().before(early).range(), None);
        assert_eq!(all.clone().since(early).range(), all.range());
    }
}
