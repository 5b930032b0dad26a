//! Due times of scheduled messages, and the choice for a unique key that is taken.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::check;
use crate::error::{Error, ErrorKind, Result};

/// The longest time ahead: 100 years of 365.25 days.
const LONGEST: Duration = Duration::from_secs(36_525 * 86_400);

/// The last moment of the year 9999, in milliseconds since 1970.
const LAST_MS: u64 = 253_402_300_799_999;

/// When something is due: at a time, or after a while.
///
/// The server's clock, not this machine's, decides whether a time has come. A time that
/// has passed is due at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At this time, up to the year 9999.
    At(SystemTime),
    /// This long after the server has received the request, at most 100 years.
    After(Duration),
}

impl From<SystemTime> for When {
    fn from(time: SystemTime) -> Self {
        Self::At(time)
    }
}

impl From<Duration> for When {
    fn from(time: Duration) -> Self {
        Self::After(time)
    }
}

/// The handling of a scheduled message whose unique key is held by another one; see
/// [`Draft::unique`](crate::Draft::unique).
///
/// More may come, so a `match` needs a wildcard arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenTaken {
    /// Nothing is scheduled; the answer is the id of the existing message.
    Keep,
    /// The new message and its time replace the existing ones, under the same id.
    Replace,
    /// The call fails with [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists).
    Refuse,
}

/// A [`When`] within its bounds, in whole milliseconds, never earlier than was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delay {
    /// Since 1970, at least 1.
    At(u64),
    After(u64),
}

impl When {
    /// # Errors
    ///
    /// `Config` if the time is too far away.
    pub(crate) fn checked(self) -> Result<Delay> {
        match self {
            Self::After(time) => {
                check::duration("after", time, Duration::ZERO, LONGEST)?;
                Ok(Delay::After(millis(time)))
            }
            Self::At(time) => {
                let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
                let ms = millis(since);
                if ms > LAST_MS {
                    let text = format!(
                        "`at` is {} s after 1970, and must be in the year 9999 or before",
                        since.as_secs()
                    );
                    return Err(Error::new(ErrorKind::Config, text));
                }
                Ok(Delay::At(ms.max(1)))
            }
        }
    }
}

/// The form that the scripts read.
impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(ms) => write!(f, "{ms}"),
            Self::After(ms) => write!(f, "+{ms}"),
        }
    }
}

/// Rounded up.
fn millis(time: Duration) -> u64 {
    let ms = time.as_nanos().div_ceil(1_000_000);
    u64::try_from(ms).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_bounded() {
        let too_long = LONGEST + Duration::from_nanos(1);
        let error = When::After(too_long).checked().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("`after`"), "{error}");
        assert!(When::After(LONGEST).checked().is_ok());
        let last = UNIX_EPOCH + Duration::from_millis(LAST_MS);
        assert_eq!(When::At(last).checked().unwrap(), Delay::At(LAST_MS));
        let error = When::At(last + Duration::from_millis(1))
            .checked()
            .unwrap_err();
        assert!(error.to_string().contains("9999"), "{error}");
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(When::At(before).checked().unwrap(), Delay::At(1));
    }

    proptest! {
        #[test]
        fn nothing_is_due_before_it_was_asked_for(nanos in 0_u64..=3_000_000_000_000_000_000) {
            let time = Duration::from_nanos(nanos);
            let Delay::After(ms) = When::from(time).checked().unwrap() else {
                panic!("not a delay");
            };
            let due = Duration::from_millis(ms);
            prop_assert!(due.checked_sub(time).is_some_and(|more| more < Duration::from_millis(1)));
            let at = When::from(UNIX_EPOCH + time).checked().unwrap();
            prop_assert_eq!(at, Delay::At(ms.max(1)));
            let text = When::from(time).checked().unwrap().to_string();
            prop_assert_eq!(text, format!("+{ms}"));
        }
    }
}
