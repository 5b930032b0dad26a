//! Streams, their partitions, and ranges of ids.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use stream_lib::{EntryId, Result};

use super::refused::{Planned, Refused};
use super::said::named;
use crate::observe::{look_at, own_key, partition_names};
use crate::server::{Answered, Redis, request};

/// The stream, or one of its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) partition: Option<u16>,
    /// The key of the entries.
    pub(super) key: String,
}

/// The stream alone, or all its partitions.
pub(super) fn parts(redis: &Redis, stream: &str) -> Result<Vec<Part>> {
    let meta = own_key(stream, "meta");
    let count = redis.ask_one(stream, request(["HGET", &meta, "partitions"]))?;
    let count = count.count().and_then(|count| u16::try_from(count).ok());
    let whole = Part {
        partition: None,
        key: stream.to_owned(),
    };
    let Some(count) = count.filter(|count| (1..=256).contains(count)) else {
        return Ok(vec![whole]);
    };
    let part = |(number, key)| Part {
        partition: Some(number),
        key,
    };
    Ok((0_u16..)
        .zip(partition_names(stream, count))
        .map(part)
        .collect())
}

/// As [`parts`], of a stream that must exist.
pub(super) fn existing_parts(redis: &Redis, stream: &str) -> Planned<Vec<Part>> {
    let parts = parts(redis, stream)?;
    for part in &parts {
        let kind = redis.ask_one(&part.key, request(["TYPE", &part.key]))?;
        match kind.text().as_deref() {
            Some("stream") => return Ok(parts),
            Some("none") => {}
            Some(kind) => {
                let text = format!("{} is no stream: its type is {kind}", named(stream));
                return Err(Refused::Wrong(text));
            }
            None => {
                let line = kind.error().unwrap_or("TYPE has no answer");
                return Err(Refused::Redis(line.to_owned()));
            }
        }
    }
    Err(no_stream(redis, stream))
}

/// Fails unless a stream, or a key that belongs to it, such as its dead letters, exists.
pub(super) fn ensure_known(redis: &Redis, stream: &str) -> Planned<()> {
    let facts = look_at(redis, stream)?;
    match facts.trouble {
        Some(line) => Err(Refused::Redis(line)),
        None if facts.exists || facts.is_ours || facts.dead > 0 => Ok(()),
        None => Err(no_stream(redis, stream)),
    }
}

/// The refusal for a stream that doesn't exist.
pub(super) fn no_stream(redis: &Redis, stream: &str) -> Refused {
    Refused::NoSuch(format!(
        "there is no stream {} at {}; `streamctl stream ls` shows those that there are",
        named(stream),
        redis.address()
    ))
}

/// One end of a range of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The oldest entry, or the newest one.
    End,
    /// This entry.
    Id(EntryId),
    /// The entries of this millisecond of Unix time.
    Time(u64),
    /// This long ago, by the server's clock.
    Ago(Duration),
}

impl Bound {
    /// The first id of a range that begins here. `now` is the server's clock.
    pub(super) fn first(self, now: u64) -> EntryId {
        match self {
            Self::End => EntryId::MIN,
            Self::Id(id) => id,
            Self::Time(ms) => EntryId::new(ms, 0),
            Self::Ago(time) => EntryId::new(before(now, time), 0),
        }
    }

    /// The last id of a range that ends here.
    pub(super) fn last(self, now: u64) -> EntryId {
        match self {
            Self::End => EntryId::MAX,
            Self::Id(id) => id,
            Self::Time(ms) => EntryId::new(ms, u64::MAX),
            Self::Ago(time) => EntryId::new(before(now, time), u64::MAX),
        }
    }
}

/// Milliseconds since 1970; 0 for a time before that.
pub(super) fn ms_of(time: SystemTime) -> u64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn before(now: u64, time: Duration) -> u64 {
    now.saturating_sub(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// Reads an id (`1795660841120-0`), a time in milliseconds or by RFC 3339, or `-` and `+`
/// for the ends. Never yields [`Bound::Ago`].
impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "-" || text == "+" {
            return Ok(Self::End);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(ms) = text.parse()
        {
            return Ok(Self::Time(ms));
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let time = text.parse::<Timestamp>().ok();
        let ms = time.and_then(|time| u64::try_from(time.as_millisecond()).ok());
        ms.map(Self::Time).ok_or_else(|| {
            "expected an id such as 1795660841120-0, a time such as 2026-11-27T02:41:03Z, or an \
             age such as 2h"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_ids_and_times() {
        let now = 10_000;
        let bound = |text: &str| text.parse::<Bound>().unwrap();
        assert_eq!(bound("5-3").first(now), EntryId::new(5, 3));
        assert_eq!(bound("5").first(now), EntryId::new(5, 0));
        assert_eq!(bound("5").last(now), EntryId::new(5, u64::MAX));
        assert_eq!(bound("-").first(now), EntryId::MIN);
        assert_eq!(bound("+").last(now), EntryId::MAX);
        let at = bound("1970-01-01T00:00:07Z");
        assert_eq!(at.first(now), EntryId::new(7_000, 0));
        let ago = Bound::Ago(Duration::from_secs(3));
        assert_eq!((ago.first(now).ms(), ago.last(now).ms()), (7_000, 7_000));
        assert!("soon".parse::<Bound>().is_err());
    }
}
