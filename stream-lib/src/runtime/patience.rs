//! Whether it pays to look for something before sleeping until it comes.
//!
//! To sleep and to be woken costs more than a few looks, between which other
//! threads run; but looks in vain cost that, too, and what takes long is hardly
//! ever found by them.

/// After so many looks in vain, each one more doubles the waits without looks:
/// up to 1,024.
const MOST_DOUBLINGS: u32 = 10;

/// What came of the looks so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Patience {
    in_vain: u32,
    skip: u32,
}

impl Patience {
    /// Whether to look, this time.
    pub(crate) fn pays(&mut self) -> bool {
        let pays = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        pays
    }

    /// Remembers that it was found by looking.
    pub(crate) fn rewarded(&mut self) {
        *self = Self::default();
    }

    /// Remembers that it was not.
    pub(crate) fn in_vain(&mut self) {
        self.in_vain = (self.in_vain + 1).min(MOST_DOUBLINGS);
        self.skip = 1 << self.in_vain;
    }

    /// Whether the last looks were in vain.
    pub(crate) fn is_strained(self) -> bool {
        self.in_vain > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often it is looked for in vain.
    fn looks(patience: &mut Patience, waits: u32) -> u32 {
        let mut looks = 0;
        for _ in 0..waits {
            if patience.pays() {
                patience.in_vain();
                looks += 1;
            }
        }
        looks
    }

    #[test]
    fn what_is_slow_is_hardly_looked_for() {
        assert!(looks(&mut Patience::default(), 3_000) <= 11);
    }

    #[test]
    fn one_reward_is_enough_to_look_again() {
        let mut patience = Patience::default();
        looks(&mut patience, 3_000);
        assert!((0..=1_024).any(|_| patience.pays()));
        // Somebody else may have looked in vain meanwhile.
        patience.in_vain();
        patience.rewarded();
        assert!(!patience.is_strained());
        assert!((0..100).all(|_| patience.pays()));
    }
}
