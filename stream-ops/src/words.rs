//! Formats of numbers, ages, times and bytes.

use std::time::Duration;

pub use crate::clock::{Clock, millis_of, rfc3339};
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
}
