//! Lasting failures, each logged once, with its end.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind};

/// Whether something fails at present, so that the first failure of a row is logged and
/// the others are not, and that the recovery is logged only after a failure. A failure
/// with a cause that was not logged in this row is logged, too: a password that is
/// refused once the server is back has nothing to do with the outage.
///
/// Several parties may share one. A party is a kind of request, or some that fail and
/// work together: a server that refuses writes may serve another kind all the while. The
/// row begins with the first failure of any of them. It ends with a success when all of
/// them work and none has failed for a [`MOMENT`], so that a server that comes and goes
/// makes one row. This type does not log by itself, because its callers hold locks or
/// have texts of their own.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// Whether a row lasts. It is changed under the lock of the row, and read without it,
    /// so that a success costs one load while nothing fails.
    lasts: AtomicBool,
    row: Mutex<Row>,
}

#[derive(Debug, Default)]
struct Row {
    /// The parties that have failed and not succeeded since, with the times of the
    /// failures.
    failing: BTreeMap<u32, Instant>,
    /// The causes that were logged.
    told: Vec<String>,
    latest: Option<(Instant, Error)>,
}

/// The time without a failure at the end of a row.
const MOMENT: Duration = Duration::from_secs(1);

/// A party that has not tried again for this long, having nothing to do, no longer holds
/// up the end of a row.
const STALE: Duration = Duration::from_secs(60);

/// The most causes logged in one row.
const MOST_CAUSES: usize = 8;

/// One word for all forms of an outage, which differ between connections, and from the
/// first attempt to the next.
const AWAY: &str = "away";

/// Signs of a server that another one has replaced as the master: the same outage as the
/// connections that it closes.
const DEMOTED: [&str; 4] = [
    "server error READONLY",
    "server error UNBLOCKED",
    "server error MASTERDOWN",
    "it is no master",
];

impl Trouble {
    /// Notes a failure of the only party. Returns whether to log it.
    pub(crate) fn begins(&self, error: &Error) -> bool {
        self.begins_for(0, error)
    }

    /// Notes a success of the only party. Returns whether it ends a row.
    pub(crate) fn ends(&self) -> bool {
        self.ends_for(0)
    }

    /// Notes a failure of `party`, a number. Returns true if it begins a row, or if the
    /// cause is new.
    pub(crate) fn begins_for(&self, party: u32, error: &Error) -> bool {
        self.begins_at(party, error, Instant::now())
    }

    /// Notes a success of `party`. Returns whether it ends a row: once all work, a
    /// success after a [`MOMENT`] does.
    pub(crate) fn ends_for(&self, party: u32) -> bool {
        self.lasts.load(Ordering::Relaxed) && self.ends_at(party, Instant::now())
    }

    /// Forgets a failure of `party`, which makes no more tries.
    pub(crate) fn leave(&self, party: u32) {
        if self.lasts() {
            self.row.lock().failing.remove(&party);
        }
    }

    /// Whether a row lasts.
    pub(crate) fn lasts(&self) -> bool {
        self.lasts.load(Ordering::SeqCst)
    }

    /// The latest failure of the present row.
    pub(crate) fn latest(&self) -> Option<Error> {
        let row = self.row.lock();
        row.latest.as_ref().map(|(_, error)| error.clone())
    }

    /// When the next success ends the row; `None` without a row, or while a party fails.
    /// It is for parties that may have no success to note by then.
    pub(crate) fn ends_from(&self) -> Option<Instant> {
        if !self.lasts.load(Ordering::Relaxed) {
            return None;
        }
        let row = self.row.lock();
        let (at, _) = row.latest.as_ref()?;
        row.failing.is_empty().then_some(*at + MOMENT)
    }

    fn begins_at(&self, party: u32, error: &Error, now: Instant) -> bool {
        let cause = cause(error);
        let mut row = self.row.lock();
        row.failing.insert(party, now);
        row.latest = Some((now, error.clone()));
        if !self.lasts.swap(true, Ordering::SeqCst) {
            row.told.clear();
        } else if row.told.len() >= MOST_CAUSES || row.told.contains(&cause) {
            return false;
        }
        row.told.push(cause);
        true
    }

    fn ends_at(&self, party: u32, now: Instant) -> bool {
        let mut row = self.row.lock();
        row.failing.remove(&party);
        let since = |at: Instant| now.saturating_duration_since(at);
        let mut failing = row.failing.values();
        let is_young = |(at, _): &(Instant, Error)| since(*at) < MOMENT;
        if row.latest.as_ref().is_none_or(is_young) || failing.any(|at| since(*at) < STALE) {
            return false;
        }
        *row = Row::default();
        self.lasts.store(false, Ordering::SeqCst);
        true
    }
}

/// The part of a failure that stays the same while its cause does: without this process's
/// addresses, times and numbers.
fn cause(error: &Error) -> String {
    if error.kind() == ErrorKind::PermissionDenied {
        // Scripts word it differently from plain commands.
        return format!("{:?}", error.kind());
    }
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
        // For a server's error, its first word.
        Some(root) => match root.to_string() {
            word if DEMOTED.contains(&&*word) => AWAY.to_owned(),
            word => word,
        },
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

    /// A trouble, and a clock for it.
    struct Timed {
        trouble: Trouble,
        start: Instant,
    }

    impl Timed {
        fn new() -> Self {
            Self {
                trouble: Trouble::default(),
                start: Instant::now(),
            }
        }

        fn fails(&self, party: u32, at_ms: u64) -> bool {
            let now = self.start + Duration::from_millis(at_ms);
            self.trouble.begins_at(party, &refused(), now)
        }

        fn works(&self, party: u32, at_ms: u64) -> bool {
            let now = self.start + Duration::from_millis(at_ms);
            self.trouble.lasts() && self.trouble.ends_at(party, now)
        }
    }

    #[test]
    fn the_first_failure_of_a_row_and_its_end_are_told_once_each() {
        let row = Timed::new();
        assert!(!row.works(0, 0), "nothing has failed yet");
        assert!(row.fails(0, 0));
        assert!(!row.fails(0, 5_000) && row.trouble.lasts());
        assert!(row.trouble.latest().is_some());
        assert!(row.works(0, 6_000) && !row.trouble.lasts());
        assert!(row.trouble.latest().is_none());
        assert!(!row.works(0, 9_000));
        assert!(row.fails(0, 9_000), "another row");
    }

    #[test]
    fn a_row_of_several_lasts_from_the_first_failure_until_all_work() {
        let row = Timed::new();
        assert!(row.fails(0, 0));
        assert!(!row.fails(2, 0));
        assert!(!row.works(1, 2_000), "this one never failed");
        assert!(!row.works(0, 2_000));
        assert!(!row.fails(1, 2_000), "the row goes on");
        assert!(!row.works(2, 4_000));
        assert!(row.works(1, 4_000));
    }

    #[test]
    fn failures_that_come_and_go_are_one_row() {
        let row = Timed::new();
        assert!(row.fails(0, 0));
        let mut told = 0;
        for n in 1..=50 {
            told += usize::from(row.works(0, n * 500 - 10));
            told += usize::from(row.fails(0, n * 500));
        }
        assert_eq!(told, 0);
        assert!(!row.works(0, 25_999), "not yet for a moment");
        assert!(row.works(0, 26_000));
    }

    #[test]
    fn a_party_that_works_all_the_while_does_not_end_the_row() {
        let row = Timed::new();
        assert!(row.fails(0, 0));
        assert!((1..=50).all(|n| !row.works(1, n * 1_000)));
        assert!(!row.fails(0, 50_000));
        assert!(!row.works(1, 109_000));
        // It has had nothing to do since.
        assert!(row.works(1, 110_000));
    }

    #[test]
    fn a_row_without_failures_says_from_when_on_it_may_end() {
        let trouble = Trouble::default();
        assert_eq!(trouble.ends_from(), None);
        let now = Instant::now();
        trouble.begins_at(0, &refused(), now);
        assert_eq!(trouble.ends_from(), None, "it fails");
        assert!(!trouble.ends_at(0, now));
        let at = trouble.ends_from().unwrap();
        assert!(trouble.ends_at(0, at));
    }

    #[test]
    fn each_cause_is_told_once_in_a_row() {
        let lost = |kind: io::ErrorKind| {
            let error = Error::new(ErrorKind::OutcomeUnknown, "lost");
            error.because(io::Error::from(kind))
        };
        let answer = |kind, word: &str| {
            let error = Error::new(kind, "refused");
            error.because(format!("server error {word}"))
        };
        let wrong_password = || answer(ErrorKind::Authentication, "WRONGPASS");
        let unknown_host = || unreachable(io::Error::other("no such host"));
        let trouble = Trouble::default();
        assert!(trouble.begins(&lost(io::ErrorKind::UnexpectedEof)));
        assert!(!trouble.begins(&refused()), "the same outage");
        assert!(!trouble.begins(&lost(io::ErrorKind::TimedOut)));
        assert!(trouble.begins(&answer(ErrorKind::Refused, "LOADING")));
        assert!(trouble.begins(&wrong_password()));
        assert!(trouble.begins(&answer(ErrorKind::PermissionDenied, "NOPERM")));
        assert!(
            !trouble.begins(&answer(ErrorKind::PermissionDenied, "ERR")),
            "as a script says it"
        );
        assert!(trouble.begins_for(1, &unknown_host()));
        let config = Error::new(ErrorKind::Config, "no database 9");
        assert!(trouble.begins(&config));
        for known in [wrong_password(), unknown_host(), config, refused()] {
            assert!(!trouble.begins(&known), "{known}");
        }
    }

    #[test]
    fn a_failover_is_one_cause_in_all_its_forms() {
        let of = |text: &str| Error::new(ErrorKind::Refused, "refused").because(text.to_owned());
        let trouble = Trouble::default();
        assert!(trouble.begins(&of("server error UNBLOCKED")));
        assert!(!trouble.begins(&of("server error READONLY")));
        assert!(!trouble.begins(&refused()), "its connections are closed");
        assert!(!trouble.begins(&of("it is no master")));
        assert!(trouble.begins(&of("server error LOADING")));
    }

    #[test]
    fn causes_that_never_repeat_are_told_a_few_times() {
        let trouble = Trouble::default();
        let strange = |n: usize| unreachable(io::Error::other(n.to_string()));
        let told = (0..100).filter(|n| trouble.begins(&strange(*n))).count();
        assert_eq!(told, MOST_CAUSES);
    }
}
