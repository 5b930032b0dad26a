//! Time zones: the mapping between clock times and moments.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// A time zone by its name in the IANA database.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Zone(TimeZone);

impl Zone {
    /// The zone of a name; `None` if neither the system's database nor the library's has
    /// it.
    pub(super) fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }

    /// The clock time at `ms` since 1970, without fractions of a second.
    pub(super) fn shown_at(&self, ms: u64) -> Option<DateTime> {
        let second = i64::try_from(ms / 1_000).ok()?;
        let time = Timestamp::from_second(second).ok()?;
        Some(self.0.to_datetime(time))
    }

    /// The moment of a clock time, in ms since 1970: the first one if the clock shows it
    /// twice, and the first moment after if it never does.
    pub(super) fn first_time_of(&self, shown: DateTime) -> Option<u64> {
        let time = match self.0.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(shown).ok()?,
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(shown).ok()?,
            AmbiguousOffset::Gap { before, .. } => {
                // Behind the step, by as much as `shown` lies behind the step's
                // beginning.
                let past = before.to_timestamp(shown).ok()?;
                let until = past.checked_add(SignedDuration::from_secs(1)).ok()?;
                self.0.preceding(until).next()?.timestamp()
            }
        };
        u64::try_from(time.as_millisecond()).ok()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn ms(text: &str) -> u64 {
        let time: Timestamp = text.parse().unwrap();
        u64::try_from(time.as_millisecond()).unwrap()
    }

    #[test]
    fn clocks_that_are_set_ahead_and_back() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let at = |month, day, hour, minute| {
            zone.first_time_of(date(2026, month, day).at(hour, minute, 0, 0))
        };
        assert_eq!(at(3, 29, 1, 59), Some(ms("2026-03-29T00:59:00Z")));
        for minute in [0, 30, 59] {
            assert_eq!(at(3, 29, 2, minute), Some(ms("2026-03-29T01:00:00Z")));
        }
        assert_eq!(at(3, 29, 3, 0), Some(ms("2026-03-29T01:00:00Z")));
        assert_eq!(
            at(10, 25, 2, 30),
            Some(ms("2026-10-25T00:30:00Z")),
            "the first"
        );
        assert_eq!(at(10, 25, 3, 0), Some(ms("2026-10-25T02:00:00Z")));
        let shown = zone.shown_at(ms("2026-10-25T01:30:00.750Z"));
        assert_eq!(
            shown,
            Some(date(2026, 10, 25).at(2, 30, 0, 0)),
            "the second"
        );
        assert_eq!(Zone::named("Europe/Nowhere"), None);
    }

    #[test]
    fn a_day_that_never_was_begins_with_the_next() {
        let zone = Zone::named("Pacific/Apia").unwrap();
        let noon = date(2011, 12, 30).at(12, 0, 0, 0);
        assert_eq!(zone.first_time_of(noon), Some(ms("2011-12-30T10:00:00Z")));
    }
}
