//! Marks of parked entries. The fraction of an entry's due time carries its mark, so that
//! the claiming consumer gets it.

/// A due time has ten bits to spare behind its milliseconds, until the year 2248.
const PARTS: u16 = 1_024;

/// The bit of an entry that has its turn.
const TURN: u16 = 512;

/// The marks of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// It has waited for its turn, which comes when it is due.
    pub(crate) has_turn: bool,
    /// How many times it was postponed without counting a delivery, because of a reported
    /// rate limit.
    pub(crate) limited: u16,
}

impl Mark {
    /// Reads the number that a script has made of the fraction.
    pub(super) fn read(number: i64) -> Self {
        let number = u16::try_from(number).unwrap_or(0);
        Self {
            has_turn: number & TURN != 0,
            limited: number & (TURN - 1),
        }
    }

    /// The fraction of the due time.
    pub(super) fn part(self) -> f64 {
        let limited = self.limited.min(TURN - 1);
        let number = limited + if self.has_turn { TURN } else { 0 };
        f64::from(number) / f64::from(PARTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_back_as_they_were() {
        for has_turn in [false, true] {
            for limited in [0, 1, 100, 511] {
                let mark = Mark { has_turn, limited };
                #[expect(clippy::cast_possible_truncation, reason = "below 1024")]
                let number = (mark.part() * f64::from(PARTS)) as i64;
                assert_eq!(Mark::read(number), mark);
                // Behind the milliseconds of the year 2200 it is exact.
                let due = 7_258_118_400_000.0 + mark.part();
                assert!((due.fract() - mark.part()).abs() < f64::EPSILON);
            }
        }
        assert_eq!(Mark::read(-1), Mark::default());
    }
}
