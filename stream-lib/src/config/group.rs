//! The start of a group, and the reaction to its loss.

use std::time::SystemTime;

use crate::message::EntryId;

/// The position of a group that is created for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StartFrom {
    /// With the oldest entry of the stream.
    #[default]
    Beginning,
    /// With the first entry added after the group was created.
    End,
    /// With the first entry after this id.
    Id(EntryId),
    /// With the first entry added at or after this time, to the millisecond, by
    /// the server's clock: entry ids carry it. A time before 1970 is the
    /// beginning.
    Time(SystemTime),
}

impl StartFrom {
    /// The id after which the group begins, as `XGROUP CREATE` takes it.
    pub(crate) fn after(self) -> String {
        match self {
            Self::Beginning => "0".to_owned(),
            Self::End => "$".to_owned(),
            Self::Id(id) => id.to_string(),
            Self::Time(time) => {
                let since = time.duration_since(SystemTime::UNIX_EPOCH);
                let ms = since.map_or(0, |since| since.as_millis());
                let ms = u64::try_from(ms).unwrap_or(u64::MAX);
                // The last id before the first one of that millisecond.
                let before = ms.checked_sub(1).map(|ms| EntryId::new(ms, u64::MAX));
                before.unwrap_or(EntryId::MIN).to_string()
            }
        }
    }
}

/// The reaction of a consumer whose group has vanished: the stream was deleted, the server
/// flushed, or a failover lost it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnGroupLost {
    /// Creates the group again at the beginning of the stream: nothing is missed, and
    /// entries that are still there are handled once more.
    #[default]
    Recreate,
    /// Stops with an error, and replays nothing.
    Stop,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_begins_before_the_first_id_of_its_millisecond() {
        let at = |time| StartFrom::Time(time).after();
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(at(epoch - Duration::from_secs(1)), "0-0");
        assert_eq!(at(epoch + Duration::from_micros(999)), "0-0");
        let second = epoch + Duration::from_micros(1_000_999);
        assert_eq!(at(second), "999-18446744073709551615");
    }
}
