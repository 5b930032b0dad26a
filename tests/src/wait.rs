//! Waits for a condition with a deadline, in place of fixed sleeps.

use std::fmt::Display;
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Waits until `condition` is true.
///
/// # Blocking
///
/// Asks at once, then every 1 to 20 ms, until `deadline` has passed.
///
/// # Panics
///
/// When the condition is still false after `deadline`. The text names `what`.
#[track_caller]
pub fn wait_until(deadline: Duration, what: impl Display, mut condition: impl FnMut() -> bool) {
    wait_for(deadline, what, || condition().then_some(()));
}

/// Waits until `produce` gives a value, and returns it.
///
/// # Blocking
///
/// Asks at once, then every 1 to 20 ms, until `deadline` has passed.
///
/// # Panics
///
/// When there is no value after `deadline`. The text names `what`.
#[track_caller]
pub fn wait_for<T>(
    deadline: Duration,
    what: impl Display,
    produce: impl FnMut() -> Option<T>,
) -> T {
    match poll(deadline, produce) {
        Some(value) => value,
        None => panic!("waited {deadline:?} for: {what}"),
    }
}

/// Asks `produce` until it gives a value or `deadline` has passed.
///
/// # Blocking
///
/// As [`wait_for`], which is this with a panic at the end.
pub fn poll<T>(deadline: Duration, mut produce: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    loop {
        // The time is read first, so that the last question comes after the end.
        let late = Instant::now() >= end;
        if let Some(value) = produce() {
            return Some(value);
        }
        if late {
            return None;
        }
        rest(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "processes and servers can't wake us; all polling of the tests goes through here"
)]
fn rest(pause: Duration) {
    std::thread::sleep(pause);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn condition_is_asked_until_it_holds() {
        let mut asked = 0;
        wait_until(Duration::from_secs(5), "three questions", || {
            asked += 1;
            asked == 3
        });
        assert_eq!(asked, 3);
    }

    #[test]
    #[should_panic(expected = "for: pigs to fly")]
    fn panic_names_what_was_awaited() {
        wait_until(Duration::from_millis(5), "pigs to fly", || false);
    }

    #[test]
    fn condition_is_asked_once_even_without_time() {
        assert_eq!(poll(Duration::ZERO, || Some(7)), Some(7));
        assert_eq!(poll(Duration::ZERO, || None::<u8>), None);
    }
}
