//! Events of a stream.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::command::{self, KnownEvent, StreamEventKind};
use crate::connection::Topology;
use crate::error::{Result, Shown};
use crate::keys::StreamKeys;
use crate::message::EntryId;

/// An event of a stream. `Display` shows it as a sentence.
///
/// The processes that see an event write it into a stream of about a thousand,
/// `{orders}:events`; for each kind and consumer at most one a second, with a count.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamEvent {
    /// Its id among the events.
    pub id: EntryId,
    /// When it was written, by the server's clock.
    pub at: SystemTime,
    /// The kind of event.
    pub kind: StreamEventKind,
    /// The group that it concerns, if there is one.
    pub group: Option<String>,
    /// The consumer that reported it, if one did; for
    /// [`ConsumerRemoved`](StreamEventKind::ConsumerRemoved) the one that was removed.
    pub consumer: Option<String>,
    /// How often it happened, or to how many entries.
    pub count: u64,
    /// Details, at most 200 bytes. They hold no payload.
    pub text: Option<String>,
}

impl From<KnownEvent> for StreamEvent {
    fn from(event: KnownEvent) -> Self {
        Self {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(event.id.ms()),
            id: event.id,
            kind: event.kind,
            group: event.group,
            consumer: event.consumer,
            count: event.count,
            text: event.text,
        }
    }
}

impl fmt::Display for StreamEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.kind)?;
        if self.count != 1 {
            write!(f, " ×{}", self.count)?;
        }
        if let Some(group) = &self.group {
            write!(f, " in group `{}`", Shown(group))?;
        }
        if let Some(consumer) = &self.consumer {
            write!(f, ", consumer `{}`", Shown(consumer))?;
        }
        match &self.text {
            Some(text) => write!(f, ": {}", Shown(text)),
            None => Ok(()),
        }
    }
}

/// The events of one stream: see [`StreamManager::events`](crate::StreamManager::events).
#[derive(Clone)]
pub struct StreamEvents {
    topology: Arc<Topology>,
    keys: StreamKeys,
}

impl StreamEvents {
    pub(crate) fn new(topology: Arc<Topology>, stream: &str) -> Result<Self> {
        let keys = StreamKeys::of_any(stream)?;
        Ok(Self { topology, keys })
    }

    /// The newest events, at most `most`, the newest first (`XREVRANGE`); none if nothing
    /// has been recorded.
    ///
    /// # Blocking
    ///
    /// A round trip.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) while Redis can't be reached,
    /// [`PermissionDenied`](crate::ErrorKind::PermissionDenied) if the Redis user lacks a
    /// permission, [`WrongType`](crate::ErrorKind::WrongType) if the key is no stream.
    pub fn newest(&self, most: usize) -> Result<Vec<StreamEvent>> {
        self.between(None, None, most)
    }

    /// The events before `id`, at most `most`, the newest first: the next page.
    ///
    /// # Blocking
    ///
    /// A round trip.
    ///
    /// # Errors
    ///
    /// As [`newest`](Self::newest).
    pub fn before(&self, id: EntryId, most: usize) -> Result<Vec<StreamEvent>> {
        self.between(None, Some(id), most)
    }

    /// The newest of the events after `id`, at most `most`, the newest first.
    ///
    /// # Blocking
    ///
    /// A round trip.
    ///
    /// # Errors
    ///
    /// As [`newest`](Self::newest).
    pub fn after(&self, id: EntryId, most: usize) -> Result<Vec<StreamEvent>> {
        self.between(Some(id), None, most)
    }

    fn between(
        &self,
        after: Option<EntryId>,
        before: Option<EntryId>,
        most: usize,
    ) -> Result<Vec<StreamEvent>> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let (key, time) = (self.keys.stream(), self.topology.connect_timeout());
        let events = self.topology.run(key.as_bytes(), time, |wire| {
            command::events(wire, &self.keys, after, before, most)
        });
        let events = events
            .map_err(|e| e.while_doing(format_args!("reading the events of `{}`", Shown(key))))?;
        Ok(events.into_iter().map(StreamEvent::from).collect())
    }
}

impl fmt::Debug for StreamEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamEvents")
            .field("stream", &self.keys.stream())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_prints_in_one_line() {
        let mut event = StreamEvent::from(KnownEvent {
            id: EntryId::new(7_000, 1),
            kind: StreamEventKind::Buried,
            group: Some("billing".to_owned()),
            consumer: Some("node-4".to_owned()),
            count: 130_000,
            text: Some("permanent".to_owned()),
        });
        assert_eq!(event.at, SystemTime::UNIX_EPOCH + Duration::from_secs(7));
        assert_eq!(
            event.to_string(),
            "7000-1 burial ×130000 in group `billing`, consumer `node-4`: permanent"
        );
        (event.count, event.group, event.consumer, event.text) = (1, None, None, None);
        assert_eq!(event.to_string(), "7000-1 burial");
    }
}
