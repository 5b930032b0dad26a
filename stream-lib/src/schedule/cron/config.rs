//! The configuration of a recurring job.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::expression::Expression;
use super::missed::Missed;
use super::times::Times;
use super::zone::Zone;
use crate::error::{Error, ErrorKind, Result, Shown};

/// The longest expression, in bytes.
const LONGEST: usize = 512;

/// A schedule for a recurring job: see
/// [`StreamManager::cron`](crate::StreamManager::cron).
///
/// # Expressions
///
/// Five fields, with white space in between: minute (0–59), hour (0–23), day of the month
/// (1–31), month (1–12 or `jan`–`dec`), day of the week (0–7 or `sun`–`sat`; 0 and 7 are
/// Sunday). With six, seconds (0–59) stand in front. A field is `*`, a value, a range
/// `1-5`, a step `*/15`, `0-30/10` or `5/15` (from 5 on), or a list of these: `1,15`. If
/// both kinds of day are restricted, a day has to match only one of them; a field that
/// begins with `*` restricts nothing. `@yearly`, `@monthly`, `@weekly`, `@daily` and
/// `@hourly` stand for the first moment of each.
///
/// # Clocks that are set
///
/// In a zone with summer time, a time that doesn't exist is due at the first moment
/// after, and a time that comes twice is due once, the first time. So `*/15 * * * *` has
/// no tick in the repeated hour: use UTC for jobs that must run each quarter of an hour.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// use stream_lib::{Cron, Missed};
///
/// let nightly = Cron::parse("0 3 * * *")?.zone("Europe/Berlin").missed(Missed::Skip);
/// let next = nightly.next_after(UNIX_EPOCH)?;
/// assert_eq!(next, Some(UNIX_EPOCH + Duration::from_secs(2 * 3_600)));
///
/// let error = Cron::parse("0 25 * * *").unwrap_err();
/// assert!(error.to_string().contains("`25` must be 0 to 23"));
/// # Ok::<(), stream_lib::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Cron {
    /// The expression with one space between fields.
    text: String,
    expression: Expression,
    zone: String,
    pub(super) missed: Missed,
    pub(super) no_overlap: Option<String>,
    pub(super) revision: u64,
}

impl Cron {
    /// Parses an expression.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config), with the field and its value, for an invalid
    /// expression, and for one that no date matches.
    pub fn parse(expression: &str) -> Result<Self> {
        let problem = |problem: String| {
            let text = format!("the cron expression `{}`: {problem}", Shown(expression));
            Error::new(ErrorKind::Config, text)
        };
        if expression.len() > LONGEST {
            return Err(problem(format!("it has more than {LONGEST} bytes")));
        }
        Ok(Self {
            expression: Expression::parse(expression).map_err(problem)?,
            text: expression.split_whitespace().collect::<Vec<_>>().join(" "),
            zone: "UTC".to_owned(),
            missed: Missed::default(),
            no_overlap: None,
            revision: 0,
        })
    }

    /// Sets the time zone, by its name in the IANA database, such as `Europe/Berlin`. It
    /// is looked up in the system's database, and then in one that comes with the
    /// library. Defaults to `UTC`.
    #[must_use]
    pub fn zone(mut self, name: impl Into<String>) -> Self {
        self.zone = name.into();
        self
    }

    /// Sets what happens to ticks that were due while no process had the job. Defaults to
    /// [`Missed::Once`].
    #[must_use]
    pub fn missed(mut self, missed: Missed) -> Self {
        self.missed = missed;
        self
    }

    /// Skips a tick while this group has not read the message of the tick before, or has
    /// it pending: while it runs, or waits for a retry. Defaults to no group, so that
    /// messages may pile up.
    #[must_use]
    pub fn no_overlap(mut self, group: impl Into<String>) -> Self {
        self.no_overlap = Some(group.into());
        self
    }

    /// Sets the revision of the job, for deploys: a process doesn't change the schedule
    /// of a job that another one has declared with a higher revision, and follows that
    /// schedule. Raise it with each change, and to bring back a removed job. Among equal
    /// revisions the latest declaration counts. Defaults to 0.
    #[must_use]
    pub fn revision(mut self, revision: u32) -> Self {
        self.revision = u64::from(revision);
        self
    }

    /// The first time after `time` at which the job is due; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) for an unknown time zone.
    pub fn next_after(&self, time: SystemTime) -> Result<Option<SystemTime>> {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let next = self.times()?.after(ms);
        Ok(next.map(|ms| UNIX_EPOCH + Duration::from_millis(ms)))
    }

    /// The times at which the job is due.
    ///
    /// # Errors
    ///
    /// `Config` for an unknown time zone.
    pub(super) fn times(&self) -> Result<Times> {
        let zone = Zone::named(&self.zone).ok_or_else(|| {
            let text = format!(
                "`zone` is `{}`, which is the name of no time zone: use one such as \
                 `Europe/Berlin` or `UTC`",
                Shown(&self.zone)
            );
            Error::new(ErrorKind::Config, text)
        })?;
        Ok(Times {
            expression: self.expression.clone(),
            zone,
        })
    }

    /// Fails for values out of their bounds.
    pub(super) fn validate(&self) -> Result<()> {
        if let Missed::All(most) = self.missed
            && !(1..=1_000).contains(&most)
        {
            let text = format!("`missed` is All({most}), and must be All(1) to All(1000)");
            return Err(Error::new(ErrorKind::Config, text));
        }
        if self.no_overlap.as_deref() == Some("") {
            let text = "`no_overlap` is empty, and must be the name of a group";
            return Err(Error::new(ErrorKind::Config, text));
        }
        Ok(())
    }

    /// The expression and the zone, in the form that a stream stores.
    pub(super) fn spec(&self) -> String {
        format!("{} {}", self.text, self.zone)
    }

    /// The times of a stored expression and zone.
    ///
    /// # Errors
    ///
    /// `Config` for a form that this version of the library can't read.
    pub(super) fn times_of(spec: &str) -> Result<Times> {
        let (expression, zone) = spec.rsplit_once(' ').unwrap_or((spec, "UTC"));
        Self::parse(expression)?.zone(zone).times()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stream_knows_reads_back() {
        let cron = Cron::parse("  0   3 * *  mon-fri ")
            .unwrap()
            .zone("Asia/Tokyo");
        assert_eq!(cron.spec(), "0 3 * * mon-fri Asia/Tokyo");
        assert_eq!(Cron::times_of(&cron.spec()).unwrap(), cron.times().unwrap());
        let daily = Cron::parse("@daily").unwrap();
        assert_eq!(
            Cron::times_of(&daily.spec()).unwrap(),
            daily.times().unwrap()
        );
        assert!(Cron::times_of("0 3 * * L Asia/Tokyo").is_err());
    }

    #[test]
    fn values_out_of_bounds_are_named() {
        let cron = || Cron::parse("@daily").unwrap();
        let long = "0,".repeat(300) + "0 * * * *";
        for (error, words) in [
            (Cron::parse("x * * * *").unwrap_err(), "`x` must be 0 to 59"),
            (Cron::parse(&long).unwrap_err(), "512 bytes"),
            (
                cron().zone("Nowhere").times().unwrap_err(),
                "`zone` is `Nowhere`",
            ),
            (
                cron().missed(Missed::All(0)).validate().unwrap_err(),
                "`missed`",
            ),
            (
                cron().no_overlap("").validate().unwrap_err(),
                "`no_overlap`",
            ),
        ] {
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.to_string().len() < 300, "{error}");
        }
    }
}
