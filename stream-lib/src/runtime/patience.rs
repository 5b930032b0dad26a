//! The decision whether to look for something a few times before sleeping until it comes.
//!
//! Sleeping and waking cost more than a few looks, between which other threads run. But
//! looks that find nothing cost that, too, and hardly ever find a reply that takes long.

/// The most missed looks that double the number of waits without looks: up to 1,024.
const MOST_DOUBLINGS: u32 = 10;

/// The outcome of the looks so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Patience {
    missed: u32,
    skip: u32,
}

impl Patience {
    /// Whether to look this time.
    pub(crate) fn pays(&mut self) -> bool {
        let pays = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        pays
    }

    /// Notes that a look has found something.
    pub(crate) fn rewarded(&mut self) {
        *self = Self::default();
    }

    /// Notes that a look has found nothing.
    pub(crate) fn missed(&mut self) {
        self.missed = (self.missed + 1).min(MOST_DOUBLINGS);
        self.skip = 1 << self.missed;
    }

    /// Whether the last looks found nothing.
    pub(crate) fn is_strained(self) -> bool {
        self.missed > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often it looks and finds nothing.
    fn looks(patience: &mut Patience, waits: u32) -> u32 {
        let mut looks = 0;
        for _ in 0..waits {
            if patience.pays() {
                patience.missed();
                looks += 1;
            }
        }
        looks
    }

    #[test]
    fn slow_replies_are_hardly_looked_for() {
        assert!(looks(&mut Patience::default(), 3_000) <= 11);
    }

    #[test]
    fn one_reward_is_enough_to_look_again() {
        let mut patience = Patience::default();
        looks(&mut patience, 3_000);
        assert!((0..=1_024).any(|_| patience.pays()));
        // Another thread may have missed it meanwhile.
        patience.missed();
        patience.rewarded();
        assert!(!patience.is_strained());
        assert!((0..100).all(|_| patience.pays()));
    }
}
