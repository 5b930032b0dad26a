//! A bound on the number of log lines of one kind.

use std::time::{Duration, Instant};

/// The most lines in a [`WINDOW`].
const MOST: u32 = 5;
/// The length of a window, from its first line on.
const WINDOW: Duration = Duration::from_secs(1);

/// Lets the first lines of each second through and counts the others. The count is logged
/// once the second is over, so only texts are lost.
#[derive(Debug, Default)]
pub(crate) struct LogLimit {
    /// When the present window began.
    began: Option<Instant>,
    written: u32,
    withheld: u64,
}

/// The fate of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogLine {
    /// It is written, after a line with the number of withheld ones, if there are any.
    Written { withheld: u64 },
    /// It is only counted. The first one of a window sets the time of [`LogLimit::due`].
    Withheld { is_first: bool },
}

impl LogLimit {
    /// Decides on a line that comes up at `now`.
    pub(crate) fn admit(&mut self, now: Instant) -> LogLine {
        if self.ends().is_none_or(|end| end <= now) {
            self.began = Some(now);
            self.written = 1;
            let withheld = std::mem::take(&mut self.withheld);
            return LogLine::Written { withheld };
        }
        if self.written < MOST {
            self.written += 1;
            return LogLine::Written { withheld: 0 };
        }
        self.withheld += 1;
        LogLine::Withheld {
            is_first: self.withheld == 1,
        }
    }

    /// When the number of withheld lines is to be logged; `None` without any.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.ends().filter(|_| self.withheld > 0)
    }

    /// The number of withheld lines, if it is to be logged at `now`. It counts as logged.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<u64> {
        self.due()
            .filter(|due| *due <= now)
            .map(|_| std::mem::take(&mut self.withheld))
    }

    /// As [`take_due`](Self::take_due), for the last time: whether it is due or not.
    pub(crate) fn take_rest(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.withheld)).filter(|withheld| *withheld > 0)
    }

    fn ends(&self) -> Option<Instant> {
        self.began.map(|began| began + WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn five_lines_a_second_are_written_and_the_others_counted() {
        let mut limit = LogLimit::default();
        let start = Instant::now();
        for n in 0..5 {
            let line = limit.admit(start + n * MS);
            assert_eq!(line, LogLine::Written { withheld: 0 });
        }
        assert_eq!(limit.due(), None, "nothing was withheld");
        for n in 5..12 {
            let line = limit.admit(start + n * MS);
            assert_eq!(line, LogLine::Withheld { is_first: n == 5 });
        }
        assert_eq!(limit.due(), Some(start + WINDOW));
        assert_eq!(limit.take_due(start + 999 * MS), None, "too early");
        assert_eq!(limit.take_due(start + WINDOW), Some(7));
        assert_eq!(limit.take_due(start + WINDOW), None, "it was told");
        let line = limit.admit(start + WINDOW);
        assert_eq!(line, LogLine::Written { withheld: 0 });
    }

    #[test]
    fn a_line_of_the_next_second_brings_the_count_along() {
        let mut limit = LogLimit::default();
        let start = Instant::now();
        for _ in 0..8 {
            limit.admit(start);
        }
        let line = limit.admit(start + WINDOW);
        assert_eq!(line, LogLine::Written { withheld: 3 });
        assert_eq!(limit.take_rest(), None);
    }

    #[test]
    fn whatever_comes_up_is_written_or_told() {
        let mut limit = LogLimit::default();
        let start = Instant::now();
        let (mut written, mut told) = (0, 0);
        for n in 0..10_000 {
            let now = start + n * MS;
            told += limit.take_due(now).unwrap_or(0);
            if let LogLine::Written { withheld } = limit.admit(now) {
                written += 1;
                told += withheld;
            }
        }
        told += limit.take_rest().unwrap_or(0);
        assert_eq!(written, 50);
        assert_eq!(written + told, 10_000);
    }
}
