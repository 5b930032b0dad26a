//! The event stream of a stream: written by plain `XADD`s, read by tools.

use redis::cmd;

use super::StreamEventKind;
use super::shortened::shortened;
use crate::connection::{Wire, from_redis};
use crate::error::{Result, with_causes};
use crate::keys::StreamKeys;
use crate::message::EntryId;

/// About how many events are kept.
const KEPT: u32 = 1_000;

/// The longest text, in bytes.
const LONGEST_TEXT: usize = 200;

const KIND: &str = "kind";
const GROUP: &str = "group";
const CONSUMER: &str = "consumer";
const COUNT: &str = "count";
const TEXT: &str = "text";

/// The fields of an entry: names and values.
type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// An event that is to be written. Empty texts are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewEvent {
    pub(crate) kind: StreamEventKind,
    pub(crate) group: String,
    pub(crate) consumer: String,
    /// How many times it happened, or how many entries it concerns.
    pub(crate) count: u64,
    pub(crate) text: String,
}

/// An event as stored in Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownEvent {
    pub(crate) id: EntryId,
    pub(crate) kind: StreamEventKind,
    pub(crate) group: Option<String>,
    pub(crate) consumer: Option<String>,
    pub(crate) count: u64,
    pub(crate) text: Option<String>,
}

/// Writes an event (`XADD` with `MAXLEN`).
pub(crate) fn add_event(wire: &mut Wire, keys: &StreamKeys, event: &NewEvent) -> Result<()> {
    let mut add = cmd("XADD");
    add.arg(keys.events())
        .arg("MAXLEN")
        .arg("~")
        .arg(KEPT)
        .arg("*")
        .arg(KIND)
        .arg(event.kind.as_str())
        .arg(COUNT)
        .arg(event.count);
    let texts = [
        (GROUP, event.group.as_str()),
        (CONSUMER, event.consumer.as_str()),
        (TEXT, shortened(&event.text, LONGEST_TEXT)),
    ];
    for (name, text) in texts {
        if !text.is_empty() {
            add.arg(name).arg(text);
        }
    }
    add.exec(wire).map_err(from_redis)
}

/// Writes an event about a completed action. Nothing depends on it: a refusal by Redis is
/// only logged.
pub(crate) fn tell_event(wire: &mut Wire, keys: &StreamKeys, event: &NewEvent) {
    if let Err(e) = add_event(wire, keys, event) {
        log::debug!(
            "the event `{}` could not be written to `{}`: {}",
            event.kind,
            keys.events(),
            with_causes(&e)
        );
    }
}

/// The newest events between two ids, both excluded, at most `most`, the newest first
/// (`XREVRANGE`).
pub(crate) fn events(
    wire: &mut Wire,
    keys: &StreamKeys,
    after: Option<EntryId>,
    before: Option<EntryId>,
    most: usize,
) -> Result<Vec<KnownEvent>> {
    let bound = |id: Option<EntryId>, open: &str| match id {
        Some(id) => format!("({id}"),
        None => open.to_owned(),
    };
    let found: Vec<(String, Pairs)> = cmd("XREVRANGE")
        .arg(keys.events())
        .arg(bound(before, "+"))
        .arg(bound(after, "-"))
        .arg("COUNT")
        .arg(most)
        .query(wire)
        .map_err(from_redis)?;
    let events = found.into_iter();
    Ok(events
        .filter_map(|(id, fields)| known(&id, &fields))
        .collect())
}

fn known(id: &str, fields: &[(Vec<u8>, Vec<u8>)]) -> Option<KnownEvent> {
    let field = |name: &str| {
        let found = fields.iter().rfind(|(known, _)| known == name.as_bytes());
        found.map(|(_, value)| value.as_slice())
    };
    let text = |name| field(name).map(|value| String::from_utf8_lossy(value).into_owned());
    let count = text(COUNT).and_then(|count| count.parse().ok());
    Some(KnownEvent {
        id: id.parse().ok()?,
        kind: StreamEventKind::of(field(KIND)?),
        group: text(GROUP),
        consumer: text(CONSUMER),
        count: count.unwrap_or(1),
        text: text(TEXT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_others_are_read_as_far_as_they_go() {
        let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let event = known("7-1", &[field(KIND, "burial"), field(COUNT, "many")]).unwrap();
        assert_eq!(event.kind, StreamEventKind::Buried);
        assert_eq!((event.count, event.group), (1, None));
        assert_eq!(known("7-1", &[field("text", "no kind")]), None);
        assert_eq!(known("now", &[field(KIND, "burial")]), None);
    }
}
