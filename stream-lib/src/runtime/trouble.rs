//! A failure that lasts is told once, and its end once.

use std::sync::atomic::{AtomicU8, Ordering};

/// Whether something fails at present, so that the first failure of a row is
/// logged and the others are not, and that the recovery is logged only after a
/// failure.
///
/// Up to eight parties may share one: the row begins with the first failure of
/// any of them, and ends when all of them work. This type does not log by
/// itself, because its callers hold locks or have texts of their own.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// A bit for each party that fails.
    failing: AtomicU8,
}

impl Trouble {
    /// Notes a failure of the only party. Returns true for the first of a row.
    pub(crate) fn begins(&self) -> bool {
        self.begins_for(0)
    }

    /// Notes a success of the only party. Returns true for the first after a
    /// failure.
    pub(crate) fn ends(&self) -> bool {
        self.ends_for(0)
    }

    /// Notes a failure of `party`, a number below 8. Returns true if everybody
    /// worked until now.
    pub(crate) fn begins_for(&self, party: u8) -> bool {
        self.failing.fetch_or(bit(party), Ordering::SeqCst) == 0
    }

    /// Whether anybody fails at present.
    pub(crate) fn lasts(&self) -> bool {
        self.failing.load(Ordering::SeqCst) != 0
    }

    /// Notes a success of `party`. Returns true if it was the last that failed.
    /// Costs one load while nothing fails.
    pub(crate) fn ends_for(&self, party: u8) -> bool {
        let bit = bit(party);
        self.failing.load(Ordering::Relaxed) & bit != 0
            && self.failing.fetch_and(!bit, Ordering::SeqCst) == bit
    }
}

fn bit(party: u8) -> u8 {
    debug_assert!(party < 8, "a party without a bit");
    1 << (party % 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_of_a_row_and_its_end_are_told_once_each() {
        let trouble = Trouble::default();
        assert!(!trouble.ends(), "nothing has failed yet");
        assert!(trouble.begins());
        assert!(!trouble.begins() && trouble.lasts());
        assert!(trouble.ends() && !trouble.lasts());
        assert!(!trouble.ends());
        assert!(trouble.begins(), "another row");
    }

    #[test]
    fn a_row_of_several_lasts_from_the_first_failure_until_all_work() {
        let trouble = Trouble::default();
        assert!(trouble.begins_for(0));
        assert!(!trouble.begins_for(2));
        assert!(!trouble.ends_for(1), "this one never failed");
        assert!(!trouble.ends_for(0));
        assert!(!trouble.begins_for(1), "the row goes on");
        assert!(!trouble.ends_for(2));
        assert!(trouble.ends_for(1));
    }
}
