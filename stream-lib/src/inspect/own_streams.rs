//! The library's own streams, told from users' by name.

/// The suffixes after the name of the stream that they belong to.
const ENDS: [(&str, OwnStream); 3] = [
    (":backup", OwnStream::Backup),
    (":dead", OwnStream::Dead),
    (":events", OwnStream::Events),
];

/// The same for keys with schedules, with their types.
const SCHEDULES: [(&str, &str); 2] = [(":due", "zset"), (":cron", "hash")];

/// The log of actions by `streamctl`.
pub(super) const AUDIT: &str = "stream-ops:audit";

/// A stream that belongs to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnStream {
    Backup,
    Dead,
    Events,
}

impl OwnStream {
    /// The kind of an own stream, and the part before its suffix: `{orders}`, or the name
    /// of a stream with a hash tag.
    pub(super) fn of(name: &str) -> Option<(Self, &str)> {
        ENDS.iter().find_map(|(end, own)| {
            let stem = name.strip_suffix(end)?;
            has_tag(stem).then_some((*own, stem))
        })
    }

    /// The name of this kind of stream for a stream.
    pub(super) fn key(self, stream: &str) -> String {
        let end = ENDS.iter().find(|(_, own)| *own == self);
        let end = end.map_or("", |(end, _)| end);
        if has_tag(stream) {
            format!("{stream}{end}")
        } else {
            format!("{{{stream}}}{end}")
        }
    }
}

/// The part of the key of a schedule before its suffix, and the type that it has.
pub(super) fn stem_of_schedule(key: &str) -> Option<(&str, &'static str)> {
    SCHEDULES.iter().find_map(|(end, kind)| {
        let stem = key.strip_suffix(end)?;
        has_tag(stem).then_some((stem, *kind))
    })
}

/// The stream whose keys begin with this stem.
pub(super) fn stream_of(stem: &str) -> &str {
    let whole = stem
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    whole.unwrap_or(stem)
}

/// The stream and the number of the partition that a name may stand for: `{orders:3}` for
/// `orders`, `{shop:3}:orders` for `{shop}:orders`.
pub(super) fn stem_of_partition(name: &str) -> Option<(String, u16)> {
    let (before, rest) = name.split_once('{')?;
    let (tag, behind) = rest.split_once('}')?;
    let (stem, text) = tag.rsplit_once(':')?;
    let number: u8 = text.parse().ok()?;
    if stem.is_empty() || number.to_string() != text {
        return None;
    }
    let stem = if before.is_empty() && behind.is_empty() {
        stem.to_owned()
    } else {
        format!("{before}{{{stem}}}{behind}")
    };
    Some((stem, number.into()))
}

/// The text of the hash tag.
pub(super) fn tag_of(name: &str) -> Option<&str> {
    let (tag, _) = name.split_once('{')?.1.split_once('}')?;
    Some(tag).filter(|tag| !tag.is_empty())
}

fn has_tag(name: &str) -> bool {
    tag_of(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::StreamKeys;

    #[test]
    fn own_streams_are_known_by_their_keys() {
        for stream in ["orders", "{shop}:orders"] {
            let keys = StreamKeys::new(stream).unwrap();
            for (key, own) in [
                (keys.dead(), OwnStream::Dead),
                (keys.backup(), OwnStream::Backup),
            ] {
                let (found, stem) = OwnStream::of(&key).unwrap();
                assert_eq!((found, stream_of(stem)), (own, stream));
                assert_eq!(own.key(stream), key);
            }
        }
        for users in [
            "orders",
            "orders:dead",
            "{}:dead",
            "{orders}:deadlines",
            ":dead",
        ] {
            assert_eq!(OwnStream::of(users), None, "{users}");
        }
    }

    #[test]
    fn schedules_are_known_by_their_keys() {
        for stream in ["orders", "{shop}:orders"] {
            let keys = StreamKeys::new(stream).unwrap();
            for (key, kind) in [(keys.due(), "zset"), (keys.cron(), "hash")] {
                let (stem, of) = stem_of_schedule(&key).unwrap();
                assert_eq!((stream_of(stem), of), (stream, kind));
            }
        }
        assert_eq!(stem_of_schedule("orders:due"), None);
        assert_eq!(stem_of_schedule("{orders}:overdue"), None);
    }

    #[test]
    fn partitions_are_known_by_their_names() {
        for stream in ["orders", "{shop}:orders", "x{shop}"] {
            let keys = StreamKeys::new(stream).unwrap();
            for number in [0, 9, 255] {
                let name = keys.partition(number).stream().to_owned();
                assert_eq!(stem_of_partition(&name), Some((stream.to_owned(), number)));
            }
        }
        for other in [
            "orders",
            "{orders}",
            "{orders:256}",
            "{orders:03}",
            "{:3}",
            "orders:3",
        ] {
            assert_eq!(stem_of_partition(other), None, "{other}");
        }
    }
}
