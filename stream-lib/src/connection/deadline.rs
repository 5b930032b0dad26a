//! The time limit of one exchange with the server.

use std::time::{Duration, Instant};

use crate::runtime::Interrupt;

/// Longer waits than this are the same as this.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// This many bytes are progress. A peer that trickles less within the whole time can't
/// stretch a deadline.
const PROGRESS: usize = 4 << 10;

/// A total for all the steps of an exchange.
///
/// The clock starts with the first question about the time left, so an exchange that
/// never waits never reads the clock.
#[derive(Debug)]
pub(crate) struct Deadline {
    total: Duration,
    end: Option<Instant>,
    /// Whether incoming bytes restart the clock.
    is_renewed: bool,
    /// Bytes that have come since the clock started.
    came: usize,
    /// The end of all renewals.
    latest: Option<Instant>,
    interrupt: Option<Interrupt>,
}

impl Deadline {
    pub(crate) fn of(total: Duration) -> Self {
        Self {
            total: total.min(LONGEST),
            end: None,
            is_renewed: false,
            came: 0,
            latest: None,
            interrupt: None,
        }
    }

    /// A total that counts from the last bytes that came, since a large reply takes long
    /// on a slow link. It ends at `latest` in any case.
    pub(crate) fn renewed(total: Duration, latest: Option<Instant>) -> Self {
        Self {
            is_renewed: true,
            latest,
            ..Self::of(total)
        }
    }

    /// Records that this many bytes of the reply have come.
    pub(crate) fn progressed(&mut self, bytes: usize) {
        self.came += bytes;
        if self.is_renewed && self.came >= PROGRESS {
            self.came = 0;
            self.end = None;
        }
    }

    /// Ends sooner if another thread interrupts it.
    pub(crate) fn unless(mut self, interrupt: &Interrupt) -> Self {
        self.interrupt = Some(interrupt.clone());
        self
    }

    pub(super) fn interrupt(&self) -> Option<&Interrupt> {
        self.interrupt.as_ref()
    }

    /// The interrupt that ends it sooner; makes one if there is none.
    pub(super) fn interruptible(&mut self) -> Interrupt {
        let interrupt = self.interrupt.get_or_insert_with(Interrupt::new);
        interrupt.clone()
    }

    /// The time left; `None` when the time is up.
    pub(crate) fn remaining(&mut self) -> Option<Duration> {
        if self.interrupt.as_ref().is_some_and(Interrupt::is_over) {
            return None;
        }
        let now = Instant::now();
        let end = *self.end.get_or_insert(now + self.total);
        let end = self.latest.map_or(end, |latest| latest.min(end));
        let left = end.saturating_duration_since(now);
        Some(left).filter(|left| !left.is_zero())
    }

    /// The whole time given, rounded for texts.
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
    fn bytes_renew_it_up_to_its_latest_end() {
        let total = Duration::from_secs(3_600);
        let mut plain = Deadline::of(total);
        plain.remaining();
        plain.progressed(1 << 20);
        assert!(plain.remaining().unwrap() < total);

        let mut renewed = Deadline::renewed(total, None);
        renewed.remaining();
        renewed.progressed(PROGRESS - 1);
        assert!(renewed.remaining().unwrap() < total, "that is no progress");
        renewed.progressed(1);
        assert_eq!(renewed.remaining(), Some(total));

        let mut bounded = Deadline::renewed(total, Some(Instant::now()));
        bounded.progressed(PROGRESS);
        assert_eq!(bounded.remaining(), None);
    }

    #[test]
    fn no_time_is_up_at_once_and_endless_time_does_not_overflow() {
        assert_eq!(Deadline::of(Duration::ZERO).remaining(), None);
        assert_eq!(Deadline::of(Duration::MAX).remaining(), Some(LONGEST));
    }
}
