//! The report of a flush.

use std::fmt;

use crate::error::Error;
use crate::runtime::counted;

/// The number of failures that a report keeps; all are counted.
const MOST_FAILURES: usize = 1_000;

/// The results of the messages sent since the last flush. `Display` shows it as a
/// sentence.
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use = "it says which messages were not added"]
pub struct FlushReport {
    /// Messages that were added, or are safe in the spool, with duplicates of messages
    /// added before.
    pub added: u64,
    /// Messages that were not added, or for which that is unknown, or with too few
    /// replicas.
    pub failed: u64,
    /// The first 1,000 failures, in order.
    pub failures: Vec<SendFailure>,
    /// Messages that were not answered in time. They are still on their way.
    pub unanswered: u64,
}

/// A sent message that failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct SendFailure {
    /// The number of the message in its producer, as
    /// [`Receipt::number`](crate::Receipt::number).
    pub number: u64,
    /// Its error. The text names the stream.
    pub error: Error,
}

impl FlushReport {
    /// Whether every message was added.
    pub fn is_ok(&self) -> bool {
        self.failed == 0 && self.unanswered == 0
    }

    /// The sum of two reports. In a report of several producers, the text of each error
    /// names the stream.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.added += other.added;
        self.failed += other.failed;
        self.unanswered += other.unanswered;
        self.failures.extend(other.failures);
        self.failures.truncate(MOST_FAILURES);
        self
    }

    /// The report of a flush that couldn't be tried.
    pub(crate) fn impossible(error: Error) -> Self {
        let mut report = Self::default();
        report.fail(0, error);
        report
    }

    pub(super) fn fail(&mut self, number: u64, error: Error) {
        self.failed += 1;
        if self.failures.len() < MOST_FAILURES {
            self.failures.push(SendFailure { number, error });
        }
    }
}

impl fmt::Display for FlushReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} added", counted(self.added, "message", "messages"))?;
        if self.unanswered > 0 {
            write!(f, ", {} not answered yet", self.unanswered)?;
        }
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        match self.failures.first() {
            Some(first) => write!(f, "; first: {first}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for SendFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {}: {}", self.number, self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn report_prints_counts_and_the_first_failure() {
        let mut report = FlushReport {
            added: 3,
            ..FlushReport::default()
        };
        assert_eq!(report.to_string(), "3 messages added");
        report.added = 1;
        assert_eq!(report.to_string(), "1 message added");
        report.added = 3;
        for number in [4, 5] {
            report.fail(number, Error::new(ErrorKind::Refused, "no memory"));
        }
        report.unanswered = 1;
        assert_eq!(
            report.to_string(),
            "3 messages added, 1 not answered yet, 2 failed; first: message 4: no memory"
        );
    }
}
