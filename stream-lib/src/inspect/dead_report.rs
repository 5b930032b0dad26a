//! Reports of redrives and removals of dead letters.

use std::fmt;

use crate::command::Redriven;

/// The result of a redrive.
///
/// `Display` shows the counts: `3 put back, 1 missing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RedriveReport {
    /// Dead letters put back into the stream.
    pub redriven: usize,
    /// Ids that no dead letter has.
    pub missing: usize,
    /// Dead letters that stay, since their bodies were too large to be kept.
    pub without_body: usize,
}

/// The result of a removal of dead letters.
///
/// `Display` shows the counts: `3 removed, 1 missing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RemoveReport {
    /// Dead letters that were removed.
    pub removed: usize,
    /// Ids that no dead letter has.
    pub missing: usize,
}

impl RedriveReport {
    pub(super) fn count(&mut self, outcomes: &[Redriven]) {
        for outcome in outcomes {
            match outcome {
                Redriven::Again => self.redriven += 1,
                Redriven::Gone => self.missing += 1,
                Redriven::Bare => self.without_body += 1,
                Redriven::Later => {}
            }
        }
    }
}

impl fmt::Display for RedriveReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} put back", self.redriven)?;
        missing(f, self.missing)?;
        match self.without_body {
            0 => Ok(()),
            1 => f.write_str(", 1 stays without its fields"),
            count => write!(f, ", {count} stay without their fields"),
        }
    }
}

impl fmt::Display for RemoveReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} removed", self.removed)?;
        missing(f, self.missing)
    }
}

fn missing(f: &mut fmt::Formatter<'_>, count: usize) -> fmt::Result {
    match count {
        0 => Ok(()),
        count => write!(f, ", {count} missing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_show_the_counts_that_are_not_zero() {
        let mut report = RedriveReport::default();
        assert_eq!(report.to_string(), "0 put back");
        report.count(&[Redriven::Gone, Redriven::Bare]);
        let text = report.to_string();
        assert_eq!(text, "0 put back, 1 missing, 1 stays without its fields");
        report.count(&[Redriven::Bare]);
        let text = report.to_string();
        assert_eq!(text, "0 put back, 1 missing, 2 stay without their fields");
        let report = RemoveReport {
            removed: 2,
            missing: 1,
        };
        assert_eq!(report.to_string(), "2 removed, 1 missing");
    }
}
