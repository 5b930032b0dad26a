//! One field of a cron expression.

/// The unit that a field counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub(super) name: &'static str,
    pub(super) least: u32,
    pub(super) most: u32,
    /// Names of the values, beginning with `least`.
    names: &'static [&'static str],
}

pub(super) const SECOND: Unit = Unit::plain("second", 0, 59);
pub(super) const MINUTE: Unit = Unit::plain("minute", 0, 59);
pub(super) const HOUR: Unit = Unit::plain("hour", 0, 23);
pub(super) const DAY: Unit = Unit::plain("day of the month", 1, 31);
pub(super) const MONTH: Unit = Unit {
    name: "month",
    least: 1,
    most: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
/// Sunday is 0 and 7.
pub(super) const WEEKDAY: Unit = Unit {
    name: "day of the week",
    least: 0,
    most: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

impl Unit {
    const fn plain(name: &'static str, least: u32, most: u32) -> Self {
        Self {
            name,
            least,
            most,
            names: &[],
        }
    }

    /// Parses a field into a set of bits: `*`, `5`, `1-5`, `*/15`, `0-30/10`, `1,15`, or
    /// names such as `mon-fri`. The error describes the problem.
    pub(super) fn parse(self, text: &str) -> Result<u64, String> {
        let mut bits = 0;
        for part in text.split(',') {
            bits |= self.part(part)?;
        }
        Ok(bits)
    }

    fn part(self, part: &str) -> Result<u64, String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (part, None),
        };
        let (first, last) = if range == "*" {
            (self.least, self.most)
        } else if let Some((first, last)) = range.split_once('-') {
            (self.value(first)?, self.value(last)?)
        } else {
            let first = self.value(range)?;
            // `5/15`: from 5 on.
            let last = if step.is_some() { self.most } else { first };
            (first, last)
        };
        if first > last {
            return Err(format!("`{range}` runs backwards"));
        }
        let step = step.unwrap_or(1);
        Ok((first..=last)
            .step_by(step)
            .fold(0, |bits, value| bits | 1 << value))
    }

    fn step(self, text: &str) -> Result<usize, String> {
        match number(text) {
            Some(step @ 1..) if step <= self.most => Ok(step as usize),
            _ => Err(format!("`/{text}` must be 1 to {}", self.most)),
        }
    }

    fn value(self, text: &str) -> Result<u32, String> {
        let named = self.names.iter().position(|n| n.eq_ignore_ascii_case(text));
        if let Some(value) = named.and_then(|place| u32::try_from(place).ok()) {
            return Ok(self.least + value);
        }
        match number(text) {
            Some(value) if (self.least..=self.most).contains(&value) => Ok(value),
            _ => Err(format!(
                "`{text}` must be {} to {}{}",
                self.least,
                self.most,
                if self.names.is_empty() {
                    ""
                } else {
                    ", or a name of three letters"
                }
            )),
        }
    }
}

/// Digits only: no sign.
fn number(text: &str) -> Option<u32> {
    let is_number = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// The lowest number in a set that is at least `from`.
pub(super) fn next_bit(bits: u64, from: u32) -> Option<u32> {
    let rest = bits.checked_shr(from)?;
    (rest != 0).then(|| from + rest.trailing_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(bits: u64) -> Vec<u32> {
        (0..64).filter(|bit| bits >> bit & 1 == 1).collect()
    }

    #[test]
    fn fields_are_lists_of_ranges_with_steps() {
        assert_eq!(set(MINUTE.parse("*/15").unwrap()), [0, 15, 30, 45]);
        assert_eq!(set(MINUTE.parse("50/4").unwrap()), [50, 54, 58]);
        assert_eq!(set(HOUR.parse("1-5/2,23").unwrap()), [1, 3, 5, 23]);
        assert_eq!(set(DAY.parse("*").unwrap()).len(), 31);
        assert_eq!(set(MONTH.parse("JAN,mar-May").unwrap()), [1, 3, 4, 5]);
        assert_eq!(set(WEEKDAY.parse("mon-fri").unwrap()), [1, 2, 3, 4, 5]);
        assert_eq!(set(WEEKDAY.parse("5-7").unwrap()), [5, 6, 7]);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        for (unit, text, words) in [
            (MINUTE, "60", "`60` must be 0 to 59"),
            (MINUTE, "", "`` must be"),
            (MINUTE, "-1", "`` must be"),
            (MINUTE, "+1", "`+1` must be"),
            (MINUTE, "5-1", "runs backwards"),
            (MINUTE, "*/0", "`/0` must be 1 to 59"),
            (MINUTE, "*/x", "`/x` must be"),
            (DAY, "0", "must be 1 to 31"),
            (DAY, "L", "must be 1 to 31"),
            (WEEKDAY, "8", "0 to 7, or a name"),
            (MONTH, "january", "1 to 12, or a name"),
            (MONTH, "1,,2", "`` must be"),
        ] {
            let error = unit.parse(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn next_bit_is_the_lowest_from_there_on() {
        assert_eq!(next_bit(0b1010, 0), Some(1));
        assert_eq!(next_bit(0b1010, 2), Some(3));
        assert_eq!(next_bit(0b1010, 4), None);
        assert_eq!(next_bit(1, 64), None);
    }
}
