//! A record of what the log has been told of a stream, so that it isn't repeated.

use std::time::{Duration, Instant};

use crate::runtime::Trouble;

/// The states that are logged already.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// A failure to clean.
    pub(super) failure: Trouble,
    /// A failure to remove the traces of destroyed groups.
    pub(super) sweeping: Trouble,
    /// The groups that keep the stream from being trimmed.
    pub(super) blocked: Reminder,
    /// The groups that are left out.
    pub(super) left_out: Reminder,
}

/// A lasting state: told at its beginning, when a group joins, and again each hour.
#[derive(Debug, Default)]
pub(super) struct Reminder {
    at: Option<Instant>,
    groups: Vec<String>,
}

/// The time after which a state is told again.
const AGAIN: Duration = Duration::from_secs(3_600);

impl Reminder {
    /// Whether to tell of these groups now; records that they are told. An empty list
    /// stands for a stream without groups.
    pub(super) fn is_due(&mut self, groups: &[String], now: Instant) -> bool {
        let told = self
            .at
            .filter(|_| groups.iter().all(|group| self.groups.contains(group)));
        if told.is_some_and(|at| now < at + AGAIN) {
            return false;
        }
        self.at = Some(now);
        self.groups = groups.to_vec();
        true
    }

    /// Ends the state. Returns whether it was told.
    pub(super) fn ends(&mut self) -> bool {
        self.groups.clear();
        self.at.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_state_is_told_again_each_hour_and_when_a_group_joins_in() {
        let (mut reminder, start) = (Reminder::default(), Instant::now());
        let minutes = |count: u64| start + Duration::from_secs(60 * count);
        assert!(!reminder.ends());
        assert!(reminder.is_due(&groups(&["a"]), minutes(0)));
        assert!(!reminder.is_due(&groups(&["a"]), minutes(30)));
        assert!(reminder.is_due(&groups(&["a", "b"]), minutes(40)));
        assert!(!reminder.is_due(&groups(&["b"]), minutes(99)), "one less");
        assert!(reminder.is_due(&groups(&["b"]), minutes(100)), "an hour");
        assert!(!reminder.is_due(&groups(&["b"]), minutes(159)));
        assert!(
            reminder.is_due(&groups(&["b"]), minutes(160)),
            "and another"
        );
        assert!(reminder.ends());
        assert!(!reminder.ends());
        assert!(reminder.is_due(&[], minutes(161)), "no group at all");
        assert!(!reminder.is_due(&[], minutes(162)));
    }
}
