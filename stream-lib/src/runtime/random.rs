//! Enough randomness for jitter and for names that must not collide.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// 64 random bits: the standard library keys each `RandomState` from the system's source,
/// the counter tells two calls in one thread apart, and the process id two processes that
/// were forked from one, with the same keys.
fn random() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(CALLS.fetch_add(1, Ordering::Relaxed));
    hasher.write_u32(std::process::id());
    hasher.finish()
}

/// `time`, up to `share` longer or shorter.
pub(crate) fn jitter(time: Duration, share: f64) -> Duration {
    #[allow(clippy::cast_precision_loss, reason = "53 bits of it are plenty")]
    let unit = (random() >> 11) as f64 / (1_u64 << 53) as f64;
    time.mul_f64(1.0 - share + 2.0 * share * unit)
}

/// A number below `limit`; 0 if that is 0.
pub(crate) fn random_below(limit: usize) -> usize {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
    usize::try_from(random() % limit).unwrap_or_default()
}

/// Twelve characters that no other life of a consumer has.
pub(crate) fn random_suffix() -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bits = random();
    (0..12)
        .filter_map(|_| {
            let letter = ALPHABET.get((bits & 31) as usize)?;
            bits >>= 5;
            Some(char::from(*letter))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn suffixes_differ() {
        let names: HashSet<_> = (0..10_000).map(|_| random_suffix()).collect();
        assert_eq!(names.len(), 10_000);
        assert!(names.iter().all(|n| n.len() == 12));
    }

    #[test]
    fn jitter_stays_within_its_share() {
        for _ in 0..1_000 {
            let wait = jitter(Duration::from_secs(10), 0.2).as_secs_f64();
            assert!((8.0..=12.0).contains(&wait), "{wait}");
        }
    }
}
