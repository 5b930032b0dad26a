//! A cache that reads each value once, for all who ask at the same time.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The most keys.
const MOST: usize = 256;

type Slot<T> = Arc<Mutex<Option<(Instant, T)>>>;

/// Values that expire. A caller that asks for a value while another one reads it waits
/// for that read.
pub(crate) struct Cache<T> {
    slots: Mutex<HashMap<String, Slot<T>>>,
    good_for: Duration,
}

impl<T: Clone> Cache<T> {
    pub(crate) fn new(good_for: Duration) -> Self {
        Self {
            slots: Mutex::new(HashMap::new()),
            good_for,
        }
    }

    /// The value of a key, read if there is none, or if it has expired.
    pub(crate) fn read(&self, key: &str, read: impl FnOnce() -> T) -> T {
        let slot = {
            let mut slots = self.slots.lock();
            if slots.len() >= MOST && !slots.contains_key(key) {
                slots.clear();
            }
            Arc::clone(slots.entry(key.to_owned()).or_default())
        };
        let mut value = slot.lock();
        match &*value {
            Some((at, value)) if at.elapsed() < self.good_for => value.clone(),
            _ => {
                let read = read();
                *value = Some((Instant::now(), read.clone()));
                read
            }
        }
    }

    /// Forgets all values.
    pub(crate) fn clear(&self) {
        self.slots.lock().clear();
    }
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_value_is_read_once_while_it_is_good() {
        let reads = Cell::new(0);
        let read = || {
            reads.set(reads.get() + 1);
            reads.get()
        };
        let cache = Cache::new(Duration::from_secs(600));
        assert_eq!(cache.read("a", read), 1);
        assert_eq!(cache.read("a", read), 1);
        assert_eq!(cache.read("b", read), 2);
        cache.clear();
        assert_eq!(cache.read("a", read), 3);
        let stale = Cache::new(Duration::ZERO);
        assert_eq!((stale.read("a", read), stale.read("a", read)), (4, 5));
    }
}
