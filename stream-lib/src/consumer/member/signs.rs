//! The signs of life of a group's members, as the members of single partitions know them:
//! they are kept at the stem, which may be on another server.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The last look at them.
#[derive(Debug, Default)]
pub(crate) struct Signs(Mutex<Option<Seen>>);

#[derive(Debug, Clone)]
struct Seen {
    at: Instant,
    /// The other members, with the milliseconds until their signs lapsed then.
    left: HashMap<Vec<u8>, i64>,
}

impl Signs {
    /// Notes the signs that were asked for at `at`.
    pub(crate) fn note(&self, at: Instant, left: HashMap<Vec<u8>, i64>) {
        *self.0.lock() = Some(Seen { at, left });
    }

    /// The other members, with the milliseconds until their signs lapse, negative for
    /// lapsed ones. `None` if the last look is longer ago than `recently`: they may have
    /// given others since.
    pub(super) fn recent(&self, recently: Duration) -> Option<HashMap<Vec<u8>, i64>> {
        let mut seen = self.0.lock().clone()?;
        let ago = seen.at.elapsed();
        if ago > recently {
            return None;
        }
        let ago = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
        for left in seen.left.values_mut() {
            *left = left.saturating_sub(ago);
        }
        Some(seen.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn signs_lapse_as_time_goes_by_and_old_looks_say_nothing() {
        let signs = Signs::default();
        assert_eq!(signs.recent(LONG), None);
        let left = [(b"a".to_vec(), 30_000), (b"b".to_vec(), 5_000)];
        let Some(earlier) = Instant::now().checked_sub(LONG / 6) else {
            return;
        };
        signs.note(earlier, left.into_iter().collect());
        let seen = signs.recent(LONG).unwrap();
        assert!(seen[&b"a"[..]] > 0 && seen[&b"b"[..]] < 0, "{seen:?}");
        assert_eq!(signs.recent(LONG / 12), None);
    }
}
