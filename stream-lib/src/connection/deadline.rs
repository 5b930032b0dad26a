//! The time one exchange with the server may take.

use std::time::{Duration, Instant};

use crate::runtime::Interrupt;

/// Longer waits than this are the same as this.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// A total for all the steps of an exchange.
///
/// The clock starts with the first question, so that an exchange which never
/// has to wait never looks at it.
#[derive(Debug)]
pub(crate) struct Deadline {
    total: Duration,
    end: Option<Instant>,
    interrupt: Option<Interrupt>,
}

impl Deadline {
    pub(crate) fn of(total: Duration) -> Self {
        let total = total.min(LONGEST);
        Self {
            total,
            end: None,
            interrupt: None,
        }
    }

    /// Ends sooner where another thread says so.
    pub(crate) fn unless(mut self, interrupt: &Interrupt) -> Self {
        self.interrupt = Some(interrupt.clone());
        self
    }

    pub(super) fn interrupt(&self) -> Option<&Interrupt> {
        self.interrupt.as_ref()
    }

    /// What is left; `None` when the time is up.
    pub(crate) fn remaining(&mut self) -> Option<Duration> {
        if self.interrupt.as_ref().is_some_and(Interrupt::is_over) {
            return None;
        }
        let Some(end) = self.end else {
            self.end = Some(Instant::now() + self.total);
            return Some(self.total).filter(|total| !total.is_zero());
        };
        let left = end.saturating_duration_since(Instant::now());
        Some(left).filter(|left| !left.is_zero())
    }

    /// The whole time that was given, rounded for texts.
    pub(crate) fn total(&self) -> Duration {
        match u64::try_from(self.total.as_millis()) {
            Ok(millis) if millis > 0 => Duration::from_millis(millis),
            _ => self.total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_question_gets_the_whole_time() {
        let mut deadline = Deadline::of(Duration::from_secs(3_600));
        assert_eq!(deadline.remaining(), Some(Duration::from_secs(3_600)));
        assert!(deadline.remaining().unwrap() <= Duration::from_secs(3_600));
    }

    #[test]
    fn no_time_is_up_at_once_and_endless_time_does_not_overflow() {
        assert_eq!(Deadline::of(Duration::ZERO).remaining(), None);
        assert_eq!(Deadline::of(Duration::MAX).remaining(), Some(LONGEST));
    }
}
