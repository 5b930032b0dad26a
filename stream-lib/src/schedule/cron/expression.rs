//! Cron expressions: the days and times of a calendar that they match.

use jiff::civil::{Date, DateTime, Time};

use super::field::{DAY, HOUR, MINUTE, MONTH, SECOND, Unit, WEEKDAY, next_bit};

/// The number of days looked at before an expression counts as one that never matches. A
/// 29th of February that is a Monday occurs within 40 years.
const HORIZON: u32 = 41 * 366;

/// A parsed expression, as sets of bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expression {
    seconds: u64,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    /// Sunday is 0.
    weekdays: u64,
    /// Whether one of the two kinds of day is enough, since neither is `*`.
    is_either_day: bool,
}

impl Expression {
    /// Parses five fields, or six with seconds in front, or a word such as `@daily`. The
    /// error describes the problem.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            word if word.starts_with('@') => {
                return Err(
                    "the known words are @yearly, @monthly, @weekly, @daily and @hourly".to_owned(),
                );
            }
            text => text,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let (second, rest) = match fields.as_slice() {
            [second, rest @ ..] if rest.len() == 5 => (*second, rest),
            rest => ("0", rest),
        };
        let [minute, hour, day, month, weekday] = *rest else {
            return Err(format!(
                "it has {} fields, and must have 5 (minute, hour, day of the month, month, day of \
                 the week), or 6 with seconds in front",
                fields.len()
            ));
        };
        let read = |unit: Unit, text: &str| {
            let bits = unit.parse(text);
            bits.map_err(|problem| format!("in the field for the {}, {problem}", unit.name))
        };
        let weekdays = read(WEEKDAY, weekday)?;
        let expression = Self {
            seconds: read(SECOND, second)?,
            minutes: read(MINUTE, minute)?,
            hours: read(HOUR, hour)?,
            days: read(DAY, day)?,
            months: read(MONTH, month)?,
            weekdays: (weekdays | weekdays >> 7) & 0x7f,
            is_either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        };
        if expression
            .next_from(DateTime::constant(2000, 1, 1, 0, 0, 0, 0))
            .is_none()
        {
            return Err("no date matches it".to_owned());
        }
        Ok(expression)
    }

    /// The first moment of a calendar, from `from` on, that the expression matches.
    pub(super) fn next_from(&self, from: DateTime) -> Option<DateTime> {
        let mut date = from.date();
        let mut time = from.time();
        for _ in 0..HORIZON {
            if !has(self.months, date.month()) {
                date = date.last_of_month();
            } else if self.is_day(date)
                && let Some(time) = self.time_from(time)
            {
                return Some(date.to_datetime(time));
            }
            date = date.tomorrow().ok()?;
            time = Time::midnight();
        }
        None
    }

    fn is_day(&self, date: Date) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        if self.is_either_day {
            day || weekday
        } else {
            day && weekday
        }
    }

    fn time_from(&self, from: Time) -> Option<Time> {
        let parts = [from.hour(), from.minute(), from.second()].map(positive);
        let [from_hour, from_minute, from_second] = parts;
        let mut hour = next_bit(self.hours, from_hour);
        while let Some(h) = hour {
            let in_hour = h == from_hour;
            let mut minute = next_bit(self.minutes, if in_hour { from_minute } else { 0 });
            while let Some(m) = minute {
                let in_minute = in_hour && m == from_minute;
                let second = next_bit(self.seconds, if in_minute { from_second } else { 0 });
                if let Some(s) = second {
                    return Time::new(small(h), small(m), small(s), 0).ok();
                }
                minute = next_bit(self.minutes, m + 1);
            }
            hour = next_bit(self.hours, h + 1);
        }
        None
    }
}

fn has(bits: u64, value: i8) -> bool {
    bits >> positive(value) & 1 == 1
}

/// Parts of a date or a time are not negative.
fn positive(part: i8) -> u32 {
    u32::from(part.unsigned_abs())
}

/// Parts of a time are below 60.
fn small(part: u32) -> i8 {
    i8::try_from(part).unwrap_or(i8::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn next(text: &str, from: DateTime) -> DateTime {
        Expression::parse(text).unwrap().next_from(from).unwrap()
    }

    #[test]
    fn next_moment_is_the_first_that_all_fields_match() {
        let from = date(2026, 11, 26).at(23, 50, 30, 0);
        assert_eq!(next("* * * * *", from), date(2026, 11, 26).at(23, 51, 0, 0));
        assert_eq!(next("0 3 * * *", from), date(2026, 11, 27).at(3, 0, 0, 0));
        assert_eq!(
            next("*/20 * * * * *", from),
            date(2026, 11, 26).at(23, 50, 40, 0)
        );
        assert_eq!(next("0 0 29 2 *", from), date(2028, 2, 29).at(0, 0, 0, 0));
        assert_eq!(next("@yearly", from), date(2027, 1, 1).at(0, 0, 0, 0));
        assert_eq!(
            next("15 10 * * sun", from),
            date(2026, 11, 29).at(10, 15, 0, 0)
        );
        assert_eq!(
            next("15 10 * * 7", from),
            date(2026, 11, 29).at(10, 15, 0, 0)
        );
        let exact = date(2026, 11, 27).at(3, 0, 0, 0);
        assert_eq!(next("0 3 * * *", exact), exact, "from there on");
    }

    #[test]
    fn one_of_two_restricted_kinds_of_day_is_enough() {
        let from = date(2026, 11, 26).at(0, 0, 0, 0);
        // A Friday, and not the 13th.
        assert_eq!(
            next("0 0 13 * fri", from),
            date(2026, 11, 27).at(0, 0, 0, 0)
        );
        // `*/2` restricts nothing, as in other crons: a Friday on an odd day.
        assert_eq!(
            next("0 0 */2 * fri", from),
            date(2026, 11, 27).at(0, 0, 0, 0)
        );
        assert_eq!(
            next("0 0 */5 * fri", from),
            date(2026, 12, 11).at(0, 0, 0, 0)
        );
    }

    #[test]
    fn errors_say_what_is_wrong() {
        for (text, words) in [
            ("", "it has 0 fields"),
            ("* * * *", "it has 4 fields"),
            ("* * * * * * *", "it has 7 fields"),
            ("@reboot", "the known words are"),
            ("0 24 * * *", "field for the hour, `24` must be 0 to 23"),
            ("0 0 30 2 *", "no date matches"),
            ("0 0 31 4,6,9,11 *", "no date matches"),
        ] {
            let error = Expression::parse(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
