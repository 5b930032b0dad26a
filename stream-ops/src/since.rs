//! Beginnings of ranges of time.

use std::str::FromStr;
use std::time::Duration;

use jiff::{Timestamp, civil};

use crate::clock::Clock;

/// The beginning of a range of time, as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// This long ago: `30m`.
    Ago(Duration),
    /// The last time at which the clock showed this: `02:38`.
    Day(civil::Time),
    /// A time, in milliseconds since 1970: `2026-11-27T02:38:00Z`.
    At(u64),
}

impl Since {
    /// In milliseconds since 1970. `now` is the server's clock, and `clock` has the zone
    /// of times of day.
    pub fn ms(self, clock: &Clock, now: u64) -> u64 {
        match self {
            Self::Ago(time) => {
                now.saturating_sub(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
            }
            Self::Day(time) => clock.last(time, now).unwrap_or(now),
            Self::At(ms) => ms,
        }
    }
}

/// Reads a duration with its unit, a time of day, or a time by RFC 3339. A bare number is
/// refused: it could be seconds, minutes or a time.
impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.ends_with(|c: char| c.is_ascii_lowercase())
            && let Ok(time) = duration(text)
        {
            return Ok(Self::Ago(time));
        }
        let is_day = (5..=8).contains(&text.len()) && text.get(2..3) == Some(":");
        if is_day && let Ok(time) = text.parse() {
            return Ok(Self::Day(time));
        }
        let time = text.parse::<Timestamp>().ok();
        let ms = time.and_then(|time| u64::try_from(time.as_millisecond()).ok());
        ms.map(Self::At).ok_or_else(|| {
            "a duration such as 30m, 2h or 1d, a time of day such as 02:38, or a time such as \
             2026-11-27T02:38:00Z was expected"
                .to_owned()
        })
    }
}

/// A duration: `500ms`, `30s`, `5m`, `2h`, `7d`; a number alone is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| wanted())?;
    let seconds = match unit.trim() {
        "ms" => number / 1_000.0,
        "" | "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3_600.0,
        "d" => number * 86_400.0,
        _ => return Err(wanted()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| wanted())
}

fn wanted() -> String {
    "a duration such as 500ms, 30s, 5m, 2h or 7d was expected".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, ms) in [
            ("500ms", 500),
            ("30", 30_000),
            ("1.5s", 1_500),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "5 weeks", "-1s", "1e400h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_begins_at_a_time_or_that_long_ago() {
        let now = 1_795_747_452_000;
        let clock = Clock::utc();
        for (text, ms) in [
            ("30m", now - 1_800_000),
            ("1.5h", now - 5_400_000),
            ("1d", now - 86_400_000),
            ("99999d", 0),
            ("02:38", 1_795_747_080_000),
            ("02:38:01", 1_795_747_081_000),
            ("2026-11-27T02:38:00Z", 1_795_747_080_000),
            ("2026-11-27T02:38:00.250Z", 1_795_747_080_250),
            ("2026-11-27T03:38:00+01:00", 1_795_747_080_000),
        ] {
            let since: Since = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(since.ms(&clock, now), ms, "{text}");
        }
        for text in [
            "",
            "30",
            "-",
            "+",
            "-30m",
            "5 weeks",
            "25:00",
            "2:38",
            "02:",
            "yesterday",
            "1-0",
            "1795747080000",
            "2026-11-27",
            "1960-01-01T00:00:00Z",
        ] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }
}
