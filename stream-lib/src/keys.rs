//! The keys of a stream, all in the slot of the stream itself.

use crate::error::{Error, ErrorKind, Result, Shown};

/// A stream's own key and those derived from it.
///
/// `orders` has `{orders}:dead` and so on; a name that carries a hash tag
/// (`{shop}:orders`) gets the suffix appended. Either way all keys are in one slot of a
/// Redis Cluster, so one script may touch them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamKeys {
    stream: String,
    stem: String,
    /// The backup stream, if it has a name of its own.
    backup: Option<String>,
}

/// The ends of keys that belong to a stream, and the middles of those that continue with
/// a name. Unused ones are reserved for later.
const RESERVED_ENDS: [&str; 10] = [
    ":backup", ":dead", ":meta", ":spools", ":due", ":later", ":unique", ":cron", ":events",
    ":schema",
];
const RESERVED_MIDDLES: [&str; 7] = [
    ":waiting:",
    ":once:",
    ":lock:",
    ":members:",
    ":facts:",
    ":hold:",
    ":rate:",
];

impl StreamKeys {
    /// The keys of a stream that producers and consumers may use. Refuses a key that
    /// belongs to another stream, such as `{orders}:dead`.
    pub(crate) fn new(stream: &str) -> Result<Self> {
        let keys = Self::of_any(stream)?;
        if let Some(whole) = named_as_a_partition(stream) {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "stream name `{}` is reserved for a partition of `{}`; use the name of the \
                     whole stream, or another one",
                    Shown(stream),
                    Shown(whole)
                ),
            ));
        }
        match reserved_part(stream) {
            None => Ok(keys),
            Some(part) => Err(Error::new(
                ErrorKind::Config,
                format!(
                    "stream name `{}` is reserved: behind a hash tag, `{part}` names a key that \
                     belongs to another stream, such as its dead letters; use another name",
                    Shown(stream)
                ),
            )),
        }
    }

    /// The keys of any stream, for inspection.
    pub(crate) fn of_any(stream: &str) -> Result<Self> {
        let stem = match braces(stream) {
            Braces::None => format!("{{{stream}}}"),
            Braces::Tag => stream.to_owned(),
            Braces::Stray => {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!(
                        "stream name `{}` has a stray or empty pair of braces: use none, or one \
                         hash tag with text in it, such as `{{shop}}:orders`",
                        Shown(stream)
                    ),
                ));
            }
        };
        if stream.is_empty() {
            return Err(Error::new(ErrorKind::Config, "a stream name is empty"));
        }
        Ok(Self {
            stream: stream.to_owned(),
            stem,
            backup: None,
        })
    }

    /// The keys of one partition: those of the stream `{orders:3}` for `orders`, of
    /// `{shop:3}:orders` for `{shop}:orders`, in a slot of their own.
    ///
    /// The keys that a group has once for the whole stream are the stem's:
    /// [`members`](Self::members), and [`meta`](Self::meta) with the number of
    /// partitions.
    pub(crate) fn partition(&self, number: u16) -> Self {
        let stream = match self.stem.split_once('}') {
            Some((before, behind)) => format!("{before}:{number}}}{behind}"),
            None => format!("{{{}:{number}}}", self.stem),
        };
        Self {
            stem: stream.clone(),
            stream,
            backup: None,
        }
    }

    /// Gives the backup stream a name of its own, which must share the slot.
    pub(crate) fn with_backup(mut self, backup: &str) -> Result<Self> {
        let problem = if backup == self.stream {
            "is the stream itself"
        } else if reserved_part(backup).is_some() && backup != self.backup() {
            "has a name that is reserved for a key of another kind or stream"
        } else if slot_tag(backup) == slot_tag(&self.stream) {
            self.backup = Some(backup.to_owned());
            return Ok(self);
        } else {
            "would be in another slot of a Redis Cluster"
        };
        Err(Error::new(
            ErrorKind::Config,
            format!(
                "`backup_stream` {problem}: `{}`; use a name such as `{}`",
                Shown(backup),
                Self {
                    backup: None,
                    ..self
                }
                .backup()
            ),
        ))
    }

    /// The keys of the same stream with this backup stream, as stored with the stream.
    pub(crate) fn with_known_backup(&self, backup: &str) -> Result<Self> {
        self.without_backup().with_backup(backup)
    }

    /// The same keys with the default backup stream.
    pub(crate) fn without_backup(&self) -> Self {
        Self {
            backup: None,
            ..self.clone()
        }
    }

    pub(crate) fn stream(&self) -> &str {
        &self.stream
    }

    /// The backup stream, for messages beyond the capacity.
    pub(crate) fn backup(&self) -> String {
        match &self.backup {
            Some(name) => name.clone(),
            None => format!("{}:backup", self.stem),
        }
    }

    /// The dead letters: a stream.
    pub(crate) fn dead(&self) -> String {
        format!("{}:dead", self.stem)
    }

    /// Due times of the entries of `~waiting` in `group`: a sorted set.
    pub(crate) fn waiting(&self, group: &str) -> String {
        format!("{}:waiting:{group}", self.stem)
    }

    /// The end of each member's life in `group`: a sorted set.
    pub(crate) fn members(&self, group: &str) -> String {
        format!("{}:members:{group}", self.stem)
    }

    /// The facts that members of `group` publish: a hash.
    pub(crate) fn facts(&self, group: &str) -> String {
        format!("{}:facts:{group}", self.stem)
    }

    /// Events of the stream: a stream.
    pub(crate) fn events(&self) -> String {
        format!("{}:events", self.stem)
    }

    /// The end of the hold on `group`, and its reason: a string that lapses.
    pub(crate) fn hold(&self, group: &str) -> String {
        format!("{}:hold:{group}", self.stem)
    }

    /// The used part of the rate of `group`: a string that lapses.
    pub(crate) fn rate(&self, group: &str) -> String {
        format!("{}:rate:{group}", self.stem)
    }

    /// A lock that one process holds at a time, for `what`.
    pub(crate) fn lock(&self, what: &str) -> String {
        format!("{}:lock:{what}", self.stem)
    }

    /// Settings and other values that processes share about the stream: a hash.
    pub(crate) fn meta(&self) -> String {
        format!("{}:meta", self.stem)
    }

    /// The last number taken from each spool: a hash.
    pub(crate) fn spools(&self) -> String {
        format!("{}:spools", self.stem)
    }

    /// Due times of scheduled messages: a sorted set.
    pub(crate) fn due(&self) -> String {
        format!("{}:due", self.stem)
    }

    /// The bodies of scheduled messages: a hash.
    pub(crate) fn later(&self) -> String {
        format!("{}:later", self.stem)
    }

    /// The scheduled message that holds each unique key: a hash.
    pub(crate) fn unique(&self) -> String {
        format!("{}:unique", self.stem)
    }

    /// The jobs that recur: a hash.
    pub(crate) fn cron(&self) -> String {
        format!("{}:cron", self.stem)
    }

    /// Schemas of message types that processes have stored: a hash.
    pub(crate) fn schema(&self) -> String {
        format!("{}:schema", self.stem)
    }

    /// The first message with an idempotency key: a string that lapses.
    pub(crate) fn once(&self, key: &[u8]) -> Vec<u8> {
        let mut name = format!("{}:once:", self.stem).into_bytes();
        name.extend_from_slice(key);
        name
    }
}

/// The stream of which a name of the form `{orders:3}` is a partition. Names with text
/// beside the hash tag, such as `{user:42}:orders`, may be streams of their own.
fn named_as_a_partition(name: &str) -> Option<&str> {
    let tag = name.strip_prefix('{')?.strip_suffix('}')?;
    let (whole, number) = tag.rsplit_once(':')?;
    let is_written_so = number.parse().is_ok_and(|n: u8| n.to_string() == number);
    (is_written_so && !whole.is_empty()).then_some(whole)
}

/// The part after the hash tag that makes a name one of a stream's own keys. A constant
/// function, as [`braces`].
pub(crate) const fn reserved_part(name: &str) -> Option<&'static str> {
    let mut rest = name.as_bytes();
    while let [byte, behind @ ..] = rest {
        rest = behind;
        if *byte == b'}' {
            break;
        }
    }
    let mut middle = None;
    while let [_, behind @ ..] = rest {
        let mut ends: &[&str] = &RESERVED_ENDS;
        while let [end, more @ ..] = ends {
            if begins_with(rest, end) && rest.len() == end.len() {
                return Some(*end);
            }
            ends = more;
        }
        let mut middles: &[&str] = &RESERVED_MIDDLES;
        while let [part, more @ ..] = middles {
            if middle.is_none() && begins_with(rest, part) {
                middle = Some(*part);
            }
            middles = more;
        }
        rest = behind;
    }
    middle
}

const fn begins_with(mut name: &[u8], part: &str) -> bool {
    let mut part = part.as_bytes();
    while let ([n, name_rest @ ..], [p, part_rest @ ..]) = (name, part) {
        if *n != *p {
            return false;
        }
        (name, part) = (name_rest, part_rest);
    }
    part.is_empty()
}

/// The part of a key that Redis Cluster hashes.
fn slot_tag(key: &str) -> &str {
    let tag = key
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'));
    match tag {
        Some((tag, _)) if !tag.is_empty() => tag,
        _ => key,
    }
}

/// The braces in the name of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Braces {
    None,
    /// One hash tag with text in it.
    Tag,
    Stray,
}

/// A constant function, so that the derive can use it at compile time.
pub(crate) const fn braces(name: &str) -> Braces {
    let mut rest = name.as_bytes();
    let mut found = Braces::None;
    // The length behind the opening brace, if there was one.
    let mut within = None;
    while let [byte, after @ ..] = rest {
        within = match (*byte, found, within) {
            (b'{', Braces::None, None) => Some(0_usize),
            (b'}', Braces::None, Some(1..)) => {
                found = Braces::Tag;
                None
            }
            (b'{' | b'}', ..) => return Braces::Stray,
            (_, _, Some(length)) => Some(length + 1),
            (_, _, None) => None,
        };
        rest = after;
    }
    if within.is_some() {
        Braces::Stray
    } else {
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_keys_share_the_slot_of_the_stream() {
        let plain = StreamKeys::new("orders").unwrap();
        assert_eq!(plain.stream(), "orders");
        assert_eq!(plain.dead(), "{orders}:dead");
        assert_eq!(plain.waiting("g"), "{orders}:waiting:g");
        assert_eq!(plain.hold("g"), "{orders}:hold:g");
        assert_eq!(plain.rate("g"), "{orders}:rate:g");
        assert_eq!(plain.facts("g"), "{orders}:facts:g");
        assert_eq!(plain.events(), "{orders}:events");
        assert_eq!(plain.lock("retention"), "{orders}:lock:retention");
        let tagged = StreamKeys::new("{shop}:orders").unwrap();
        assert_eq!(tagged.backup(), "{shop}:orders:backup");
        assert_eq!(tagged.meta(), "{shop}:orders:meta");
    }

    #[test]
    fn a_backup_stream_of_its_own_name_shares_the_slot() {
        let keys = || StreamKeys::new("orders").unwrap();
        assert_eq!(keys().lock("drain"), "{orders}:lock:drain");
        assert_eq!(keys().once(b"k\xff"), b"{orders}:once:k\xff");
        for name in ["{orders}:spare", "spare{orders}"] {
            assert_eq!(keys().with_backup(name).unwrap().backup(), name);
        }
        for name in ["orders", "orders_backup", "{}orders", "{order}s", ""] {
            let error = keys().with_backup(name).unwrap_err().to_string();
            assert!(error.contains("`{orders}:backup`"), "{error}");
        }
        let tagged = StreamKeys::new("{shop}:orders").unwrap();
        assert!(tagged.with_backup("{shop}:spare").is_ok());
    }

    #[test]
    fn keys_of_a_stream_are_no_streams() {
        let keys = StreamKeys::new("{shop}:orders").unwrap();
        let own = [
            keys.backup(),
            keys.dead(),
            keys.meta(),
            keys.spools(),
            keys.due(),
            keys.later(),
            keys.unique(),
            keys.cron(),
            keys.waiting("g"),
            keys.facts("g"),
            keys.events(),
            keys.lock("drain"),
            String::from_utf8(keys.once(b"k")).unwrap(),
        ];
        let plain = ["{orders}:dead", "{orders}:members:g", "x{orders}:spools"];
        for name in own.iter().map(String::as_str).chain(plain) {
            let error = StreamKeys::new(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains("reserved"), "{error}");
            assert!(StreamKeys::of_any(name).is_ok());
        }
        for name in [
            "orders:dead",
            "{dead}",
            "{shop}:deadlines",
            ":dead{x}",
            "{a}:waiting",
        ] {
            assert!(StreamKeys::new(name).is_ok(), "{name}");
        }
        let backup = |name: &str| StreamKeys::new("orders").unwrap().with_backup(name);
        assert!(backup("{orders}:backup").is_ok());
        for name in ["{orders}:dead", "{orders}:x:backup", "{orders}:meta"] {
            let error = backup(name).unwrap_err().to_string();
            assert!(error.contains("reserved"), "{error}");
        }
    }

    #[test]
    fn partitions_have_the_keys_of_a_stream_and_names_of_their_own() {
        let keys = StreamKeys::new("orders").unwrap().partition(3);
        assert_eq!(keys.stream(), "{orders:3}");
        assert_eq!(keys.dead(), "{orders:3}:dead");
        assert_eq!(keys.waiting("g"), "{orders:3}:waiting:g");
        assert_eq!(keys.once(b"k"), b"{orders:3}:once:k");
        let keys = StreamKeys::new("{shop}:orders").unwrap().partition(255);
        assert_eq!(keys.stream(), "{shop:255}:orders");
        assert_eq!(keys.backup(), "{shop:255}:orders:backup");
        for name in ["{orders:0}", "{orders:255}", "{a:1:2}"] {
            let error = StreamKeys::new(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains("a partition of"), "{error}");
            assert!(StreamKeys::of_any(name).is_ok());
        }
        for name in [
            "{orders:256}",
            "{orders:03}",
            "{orders:}",
            "{:3}",
            "{user:42}:orders",
        ] {
            assert!(StreamKeys::new(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn long_names_are_not_repeated_whole() {
        let long = "x".repeat(10_000);
        let errors = [
            StreamKeys::new(&format!("{{{long}")).unwrap_err(),
            StreamKeys::new(&format!("{{{long}}}:dead")).unwrap_err(),
            StreamKeys::new("orders")
                .unwrap()
                .with_backup(&long)
                .unwrap_err(),
        ];
        for error in errors {
            let text = error.to_string();
            assert!(text.len() < 400 && text.contains('…'), "{text}");
        }
    }

    #[test]
    fn stray_and_empty_braces_are_refused() {
        for name in ["", "{}", "{}x", "a{b", "a}b", "}a{", "{a}{b}", "{{a}}"] {
            assert!(StreamKeys::new(name).is_err(), "{name}");
        }
    }
}
