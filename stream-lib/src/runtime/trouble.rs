//! A failure that lasts is told once, and its end once.

use std::error::Error as StdError;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind};

/// Whether something fails at present, so that the first failure of a row is
/// logged and the others are not, and that the recovery is logged only after a
/// failure. A failure with another cause than those told in this row is told, too:
/// a password that is refused once the server is back has nothing to do with the
/// outage.
///
/// Up to eight parties may share one: the row begins with the first failure of
/// any of them, and ends when all of them work. This type does not log by
/// itself, because its callers hold locks or have texts of their own.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// A bit for each party that fails.
    failing: AtomicU8,
    /// The causes that were told in this row.
    told: Mutex<Vec<String>>,
}

/// Most causes to tell in one row.
const MOST_CAUSES: usize = 8;

/// All forms in which an outage shows, which differ between connections, and from
/// the first attempt to the next.
const AWAY: &str = "away";

impl Trouble {
    /// Notes a failure of the only party. Returns whether to tell of it.
    pub(crate) fn begins(&self, error: &Error) -> bool {
        self.begins_for(0, error)
    }

    /// Notes a success of the only party. Returns true for the first after a
    /// failure.
    pub(crate) fn ends(&self) -> bool {
        self.ends_for(0)
    }

    /// Notes a failure of `party`, a number below 8. Returns true if everybody
    /// worked until now, or if the cause is new.
    pub(crate) fn begins_for(&self, party: u8, error: &Error) -> bool {
        let cause = cause(error);
        let mut told = self.told.lock();
        if self.failing.fetch_or(bit(party), Ordering::SeqCst) == 0 {
            told.clear();
        } else if told.len() >= MOST_CAUSES || told.contains(&cause) {
            return false;
        }
        told.push(cause);
        true
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

/// The part of a failure that stays the same while its cause does: without
/// addresses, times and numbers of ours.
fn cause(error: &Error) -> String {
    let mut next: Option<&(dyn StdError + 'static)> = error.source();
    let mut root = None;
    while let Some(cause) = next {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return in_words(error);
        }
        root = Some(cause);
        next = cause.source();
    }
    match root {
        // Of a server's error this is its first word.
        Some(root) => root.to_string(),
        None if matches!(
            error.kind(),
            ErrorKind::Unavailable | ErrorKind::OutcomeUnknown
        ) =>
        {
            AWAY.to_owned()
        }
        None => format!("{:?}", error.kind()),
    }
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::NotConnected
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::TimedOut
        | io::ErrorKind::WouldBlock
        | io::ErrorKind::Interrupted => AWAY.to_owned(),
        // An unknown host, a certificate, a route.
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreachable(cause: io::Error) -> Error {
        Error::new(ErrorKind::Unavailable, "can't connect").because(cause)
    }

    fn refused() -> Error {
        unreachable(io::ErrorKind::ConnectionRefused.into())
    }

    #[test]
    fn the_first_failure_of_a_row_and_its_end_are_told_once_each() {
        let trouble = Trouble::default();
        assert!(!trouble.ends(), "nothing has failed yet");
        assert!(trouble.begins(&refused()));
        assert!(!trouble.begins(&refused()) && trouble.lasts());
        assert!(trouble.ends() && !trouble.lasts());
        assert!(!trouble.ends());
        assert!(trouble.begins(&refused()), "another row");
    }

    #[test]
    fn a_row_of_several_lasts_from_the_first_failure_until_all_work() {
        let trouble = Trouble::default();
        assert!(trouble.begins_for(0, &refused()));
        assert!(!trouble.begins_for(2, &refused()));
        assert!(!trouble.ends_for(1), "this one never failed");
        assert!(!trouble.ends_for(0));
        assert!(!trouble.begins_for(1, &refused()), "the row goes on");
        assert!(!trouble.ends_for(2));
        assert!(trouble.ends_for(1));
    }

    #[test]
    fn each_cause_is_told_once_in_a_row() {
        let lost = |kind: io::ErrorKind| {
            let error = Error::new(ErrorKind::OutcomeUnknown, "lost");
            error.because(io::Error::from(kind))
        };
        let answer = |word: &str| {
            let error = Error::new(ErrorKind::Authentication, "refused");
            error.because(format!("server error {word}"))
        };
        let unknown_host = || unreachable(io::Error::other("no such host"));
        let trouble = Trouble::default();
        assert!(trouble.begins(&lost(io::ErrorKind::UnexpectedEof)));
        assert!(!trouble.begins(&refused()), "the same outage");
        assert!(!trouble.begins(&lost(io::ErrorKind::TimedOut)));
        assert!(trouble.begins(&answer("LOADING")));
        assert!(trouble.begins(&answer("WRONGPASS")));
        assert!(trouble.begins_for(1, &unknown_host()));
        let config = Error::new(ErrorKind::Config, "no database 9");
        assert!(trouble.begins(&config));
        for known in [answer("WRONGPASS"), unknown_host(), config, refused()] {
            assert!(!trouble.begins(&known), "{known}");
        }
        assert!(!trouble.ends());
        assert!(trouble.ends_for(1));
        assert!(trouble.begins(&answer("WRONGPASS")), "another row");
    }

    #[test]
    fn causes_that_never_repeat_are_told_a_few_times() {
        let trouble = Trouble::default();
        let strange = |n: usize| unreachable(io::Error::other(n.to_string()));
        let told = (0..100).filter(|n| trouble.begins(&strange(*n))).count();
        assert_eq!(told, MOST_CAUSES);
    }
}
