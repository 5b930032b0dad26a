//! Formats of numbers, ages, times and bytes.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use crate::escape::{escaped, quoted, shown, shown_lines};

/// A number with commas: `43,608`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut said = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            said.push(',');
        }
        said.push(digit);
    }
    said
}

/// A number that may be unknown: then a dash.
pub fn count_or_dash(number: Option<u64>) -> String {
    number.map_or_else(dash, count)
}

/// The sign for an unknown value.
pub fn dash() -> String {
    "–".to_owned()
}

/// A duration in the one or two units that matter: `0.4 s`, `2 min 40 s`, `23 min`, `6
/// h`.
#[expect(clippy::cast_precision_loss, reason = "below a minute, in tenths")]
pub fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_millis() as f64 / 1_000.0),
        10..60 => format!("{seconds} s"),
        60..600 if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        60..600 => format!("{} min {} s", seconds / 60, seconds % 60),
        600..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// As [`age`], of milliseconds.
pub fn age_ms(ms: u64) -> String {
    age(Duration::from_millis(ms))
}

/// A short duration in milliseconds: `0.3 ms`, `1.2 s`.
pub fn took_ms(ms: f64) -> String {
    if ms < 1_000.0 {
        return format!("{ms:.1} ms");
    }
    Duration::try_from_secs_f64(ms / 1_000.0).map_or_else(|_| dash(), age)
}

/// A number of bytes: `1.9 GiB`.
#[expect(clippy::cast_precision_loss, reason = "two digits of it are said")]
pub fn bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].iter();
    let mut unit = units.next().unwrap_or(&"B");
    while size >= 1_024.0
        && let Some(next) = units.next()
    {
        size /= 1_024.0;
        unit = next;
    }
    if size < 10.0 && *unit != "B" {
        format!("{size:.1} {unit}")
    } else {
        format!("{size:.0} {unit}")
    }
}

/// A rate per second: `31.6 /s`.
pub fn rate(per_second: f64) -> String {
    if per_second >= 100.0 {
        format!("{per_second:.0} /s")
    } else {
        format!("{per_second:.1} /s")
    }
}

/// An ordinal number: `first`, `second`, `third`, `4th`.
pub fn ordinal(number: u64) -> String {
    match number {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        _ => {
            let end = match (number % 100, number % 10) {
                (11..=13, _) => "th",
                (_, 1) => "st",
                (_, 2) => "nd",
                (_, 3) => "rd",
                _ => "th",
            };
            format!("{number}{end}")
        }
    }
}

/// A number with its noun: `1 entry`, `2 entries`.
pub fn of(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// The time zone of times for people.
#[derive(Debug, Clone)]
pub struct Clock {
    zone: TimeZone,
}

impl Clock {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self {
            zone: TimeZone::UTC,
        }
    }

    /// The zone of this machine.
    pub fn local() -> Self {
        Self {
            zone: TimeZone::system(),
        }
    }

    /// The time of day, with the date if it isn't today's. `now` and `ms` are
    /// milliseconds since 1970.
    pub fn time(&self, ms: u64, now: u64) -> String {
        let (Some(at), Some(today)) = (self.zoned(ms), self.zoned(now)) else {
            return dash();
        };
        if at.date() == today.date() {
            at.strftime("%H:%M:%S").to_string()
        } else {
            at.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
    }

    /// The date and the time.
    pub fn date_time(&self, ms: u64) -> String {
        self.zoned(ms)
            .map_or_else(dash, |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    fn zoned(&self, ms: u64) -> Option<jiff::Zoned> {
        timestamp(ms).map(|at| at.to_zoned(self.zone.clone()))
    }
}

/// A time by RFC 3339, in UTC, with milliseconds; `None` for a time past any calendar.
pub fn rfc3339(ms: u64) -> Option<String> {
    timestamp(ms).map(|at| format!("{at:.3}"))
}

/// Milliseconds since 1970; 0 for a time before that.
pub fn millis_of(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

fn timestamp(ms: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()
}

/// The first `most` characters of a text, with `…` where more follow.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        for (number, said) in [
            (0, "0"),
            (999, "999"),
            (43_608, "43,608"),
            (1_000_000, "1,000,000"),
        ] {
            assert_eq!(count(number), said);
        }
        assert_eq!(count_or_dash(None), "–");
    }

    #[test]
    fn ages_have_the_units_that_matter() {
        for (ms, said) in [
            (420, "0.4 s"),
            (12_900, "12 s"),
            (60_000, "1 min"),
            (160_000, "2 min 40 s"),
            (1_389_000, "23 min"),
            (21_600_000, "6 h"),
            (345_600_000, "4 days"),
        ] {
            assert_eq!(age_ms(ms), said);
        }
    }

    #[test]
    fn sizes_rates_and_places_are_short() {
        assert_eq!([took_ms(0.25), took_ms(1_200.0)], ["0.2 ms", "1.2 s"]);
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(2_040_109_465), "1.9 GiB");
        assert_eq!(bytes(14 << 20), "14 MiB");
        assert_eq!(rate(31.62), "31.6 /s");
        assert_eq!(rate(410.2), "410 /s");
        assert_eq!(
            [1, 3, 4, 11, 21, 112].map(ordinal),
            ["first", "third", "4th", "11th", "21st", "112th"]
        );
        assert_eq!(of(1, "entry", "entries"), "1 entry");
        assert_eq!(cut("abcdef", 4), "abc…");
    }

    #[test]
    fn times_have_the_date_where_it_is_another_day() {
        let now = 1_795_747_452_000;
        let clock = Clock::utc();
        assert_eq!(clock.time(now - 1_389_000, now), "02:21:03");
        assert_eq!(clock.time(now - 86_400_000, now), "2026-11-26 02:44:12");
        assert_eq!(rfc3339(now).unwrap(), "2026-11-27T02:44:12.000Z");
        assert_eq!(rfc3339(u64::MAX), None);
        assert_eq!(clock.date_time(u64::MAX), "–");
    }
}
