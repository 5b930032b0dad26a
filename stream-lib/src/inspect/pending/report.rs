//! Reports of actions on pending entries.

use std::fmt;

use crate::command::HandsOutcome;
use crate::inspect::address::EntryAddress;
use crate::runtime::counted;

/// The result of a release, burial or acknowledgement of pending entries.
///
/// `Display` shows one line: ``2 done, 1 not pending, 1 held by `node-4` (2:17-0), which
/// lives``.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PendingReport {
    /// Entries that were released, buried or acknowledged.
    pub done: usize,
    /// Entries that are not pending in the group: they are acknowledged, or were never
    /// delivered.
    pub not_pending: usize,
    /// Entries that were deleted from the stream while they were pending: they are
    /// acknowledged now.
    pub deleted: usize,
    /// Entries that a living consumer holds, which stay as they are.
    pub held: Vec<PendingHeld>,
}

/// A pending entry that stays as it is, since its consumer lives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingHeld {
    /// The entry.
    pub at: EntryAddress,
    /// The consumer that holds it.
    pub consumer: String,
}

impl PendingReport {
    pub(super) fn count(&mut self, at: EntryAddress, outcome: &HandsOutcome) {
        match outcome {
            HandsOutcome::Done => self.done += 1,
            HandsOutcome::NotPending => self.not_pending += 1,
            HandsOutcome::Deleted => self.deleted += 1,
            HandsOutcome::Held(consumer) => self.held.push(PendingHeld {
                at,
                consumer: String::from_utf8_lossy(consumer).into_owned(),
            }),
            HandsOutcome::Later => {}
        }
    }
}

impl fmt::Display for PendingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} done", self.done)?;
        if self.not_pending > 0 {
            write!(f, ", {} not pending", self.not_pending)?;
        }
        if self.deleted > 0 {
            let deleted = counted(self.deleted, "entry", "entries");
            write!(f, ", {deleted} deleted from the stream")?;
        }
        if let Some(first) = self.held.first() {
            let PendingHeld { at, consumer } = first;
            write!(f, ", {} held by `{consumer}` ({at}", self.held.len())?;
            let rest = if self.held.len() > 1 { " …" } else { "" };
            write!(f, "{rest}), which lives")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::EntryId;

    #[test]
    fn a_report_says_whose_entries_it_left_alone() {
        let mut report = PendingReport::default();
        let at = |seq| EntryAddress::new(Some(2), EntryId::new(17, seq));
        report.count(at(0), &HandsOutcome::Done);
        assert_eq!(report.to_string(), "1 done");
        report.count(at(1), &HandsOutcome::NotPending);
        report.count(at(2), &HandsOutcome::Held(b"node-4".to_vec()));
        assert_eq!(
            report.to_string(),
            "1 done, 1 not pending, 1 held by `node-4` (2:17-2), which lives"
        );
        report.count(at(3), &HandsOutcome::Held(b"node-5".to_vec()));
        report.count(at(4), &HandsOutcome::Deleted);
        assert_eq!(
            report.to_string(),
            "1 done, 1 not pending, 1 entry deleted from the stream, 2 held by `node-4` (2:17-2 \
             …), which lives"
        );
    }
}
