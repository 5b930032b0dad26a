//! The schedule for requests that were refused and have written nothing.

use std::time::{Duration, Instant};

use super::answer::Again;
use super::redirect::Redirect;
use super::server_error::answer_of;
use crate::error::Error;
use crate::runtime::Backoff;

/// The pauses between tries; they grow.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How many times a request follows the nodes of a cluster without a pause.
const MOST_HOPS: u32 = 5;

/// A year: longer than any deadline.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// The tries of one request, within a deadline.
#[derive(Debug)]
pub(crate) struct Retry {
    deadline: Instant,
    /// Set once the request has gone elsewhere at once.
    pauses: Option<Backoff>,
    hops: u32,
    /// The node that only the next try goes to (`ASK`).
    asked: Option<Redirect>,
}

impl Retry {
    pub(crate) fn within(timeout: Duration) -> Self {
        Self::until(Instant::now() + timeout.min(LONGEST))
    }

    pub(crate) fn until(deadline: Instant) -> Self {
        Self {
            deadline,
            pauses: None,
            hops: 0,
            asked: None,
        }
    }

    /// For a request that has failed before with `error`.
    pub(super) fn asked_by(mut self, error: Option<&Error>) -> Self {
        let redirect = error.and_then(Redirect::of);
        self.asked = redirect.filter(|redirect| redirect.is_ask);
        self
    }

    /// The time that is left.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The node that the next try goes to, in place of the one that has the key.
    pub(super) fn take_asked(&mut self) -> Option<Redirect> {
        self.asked.take()
    }

    /// The pause before the next try after this error; `None` for no further try.
    pub(super) fn after(&mut self, error: &Error) -> Option<Duration> {
        let again = answer_of(error).again;
        let left = self.left();
        if again == Again::No || left.is_zero() {
            return None;
        }
        if again == Again::There {
            self.asked = Redirect::of(error).filter(|redirect| redirect.is_ask);
            self.hops += 1;
            if self.hops <= MOST_HOPS {
                return Some(Duration::ZERO);
            }
        }
        let backoff = || Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let is_first = self.pauses.is_none();
        let pauses = self.pauses.get_or_insert_with(backoff);
        if is_first && again == Again::Elsewhere {
            return Some(Duration::ZERO);
        }
        Some(pauses.next()).filter(|pause| *pause < left)
    }
}

#[cfg(test)]
mod tests {
    use super::super::server_error::ServerError;
    use super::*;
    use crate::error::ErrorKind;

    fn answer(line: &str) -> Error {
        ServerError::new(line.as_bytes()).into_error()
    }

    #[test]
    fn a_refusal_goes_elsewhere_at_once_and_then_after_growing_pauses() {
        let mut retry = Retry::within(Duration::from_secs(3_600));
        let pauses: Vec<_> = (0..9)
            .map(|_| retry.after(&answer("READONLY You can't")).unwrap())
            .collect();
        assert_eq!(pauses[0], Duration::ZERO);
        assert!(pauses[1] >= FIRST_PAUSE / 2 && pauses[1] < LONGEST_PAUSE / 2);
        assert!(pauses[8] > LONGEST_PAUSE / 2 && pauses[8] < LONGEST_PAUSE * 2);
    }

    #[test]
    fn what_needs_a_moment_is_given_one() {
        let mut retry = Retry::within(Duration::from_secs(3_600));
        assert!(retry.after(&answer("TRYAGAIN")).unwrap() > Duration::ZERO);
    }

    #[test]
    fn nodes_are_followed_at_once_for_some_hops() {
        let mut retry = Retry::within(Duration::from_secs(3_600));
        for hop in 0..5 {
            let line = ["ASK 7 b:2", "MOVED 7 b:2"][hop % 2];
            assert_eq!(retry.after(&answer(line)), Some(Duration::ZERO));
            assert_eq!(retry.take_asked().is_some(), hop % 2 == 0);
        }
        assert!(retry.after(&answer("MOVED 7 b:2")).unwrap() > Duration::ZERO);
    }

    #[test]
    fn nothing_goes_again_too_late_or_for_another_error() {
        let mut late = Retry::within(Duration::ZERO);
        assert_eq!(late.after(&answer("READONLY")), None);
        let mut retry = Retry::within(Duration::from_secs(3_600));
        for line in ["OOM command", "upstream failure", "ERR syntax error"] {
            assert_eq!(retry.after(&answer(line)), None, "{line}");
        }
        let unknown = Error::new(ErrorKind::OutcomeUnknown, "lost");
        assert_eq!(retry.after(&unknown), None);
    }
}
