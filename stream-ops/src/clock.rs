//! Times and time zones.

use std::time::SystemTime;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

/// A time that no calendar has.
const UNKNOWN: &str = "–";

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
            return UNKNOWN.to_owned();
        };
        if at.date() == today.date() {
            at.strftime("%H:%M:%S").to_string()
        } else {
            at.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
    }

    /// The date and the time.
    pub fn date_time(&self, ms: u64) -> String {
        self.zoned(ms).map_or_else(
            || UNKNOWN.to_owned(),
            |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        )
    }

    /// The last time before `now` at which the clock showed this time of day; both are in
    /// milliseconds since 1970. `None` for a `now` past any calendar.
    pub fn last(&self, time: civil::Time, now: u64) -> Option<u64> {
        let today = self.zoned(now)?.date();
        let on = |date: civil::Date| {
            let at = date.to_datetime(time).to_zoned(self.zone.clone()).ok()?;
            u64::try_from(at.timestamp().as_millisecond()).ok()
        };
        match on(today) {
            Some(at) if at <= now => Some(at),
            _ => on(today.yesterday().ok()?),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_time_of_day_is_the_last_one() {
        let now = 1_795_747_452_000;
        let clock = Clock::utc();
        let last = |hour, minute| {
            let at = clock.last(civil::time(hour, minute, 0, 0), now);
            at.and_then(rfc3339).unwrap()
        };
        assert_eq!(last(2, 38), "2026-11-27T02:38:00.000Z");
        assert_eq!(last(2, 44), "2026-11-27T02:44:00.000Z");
        assert_eq!(last(2, 45), "2026-11-26T02:45:00.000Z");
        assert_eq!(clock.last(civil::time(0, 0, 0, 0), u64::MAX), None);
        let berlin = TimeZone::fixed(jiff::tz::offset(1));
        let at = Clock { zone: berlin }.last(civil::time(2, 38, 0, 0), now);
        assert_eq!(at.and_then(rfc3339).unwrap(), "2026-11-27T01:38:00.000Z");
    }
}
