//! One entry on its way through a handler.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use crate::command::reserved::ORIGIN;
use crate::consumer::handler::taken::TakenEntry;
use crate::message::EntryId;

/// One delivery of an entry, with the message it carries.
///
/// Derefs to the message: `delivery.order_id` reads a field of it.
pub struct Delivery<M> {
    message: M,
    taken: TakenEntry,
}

impl<M> Delivery<M> {
    pub(crate) fn new(message: M, taken: TakenEntry) -> Self {
        Self { message, taken }
    }

    /// Drops the message.
    pub(crate) fn into_taken(self) -> TakenEntry {
        self.taken
    }

    /// The message.
    pub fn message(&self) -> &M {
        &self.message
    }

    /// The entry's id: the same at each delivery of it.
    pub fn id(&self) -> EntryId {
        self.taken.held.id(self.taken.index)
    }

    /// The stream that the entry stands in.
    pub fn stream(&self) -> &str {
        self.taken.member.group.stream()
    }

    /// The consumer group that it was delivered to.
    pub fn group(&self) -> &str {
        self.taken.member.group.name()
    }

    /// This consumer's name in Redis.
    pub fn consumer(&self) -> &str {
        &self.taken.member.name
    }

    /// Which delivery of the entry this is: 1 the first time (`XPENDING`'s
    /// delivery count).
    pub fn attempt(&self) -> u32 {
        self.taken.held.attempt(self.taken.index)
    }

    /// The reserved fields of the entry, which the message doesn't show: names,
    /// with their `~`, and values.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.taken.held.fields(self.taken.index).headers()
    }

    /// One reserved field, named with its `~`.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.taken.held.fields(self.taken.index).header(name)
    }

    /// How old the message is: since it was first added, by the server's clock
    /// and its entry id; for one that came by way of the backup stream, since
    /// it was added there.
    pub fn age(&self) -> Duration {
        let TakenEntry {
            member,
            held,
            index,
        } = &self.taken;
        let origin = held
            .header(*index, ORIGIN)
            .and_then(|id| EntryId::parse(id).ok());
        let added = origin.unwrap_or_else(|| self.id()).ms();
        match member.sign_of_life.server_ms() {
            Some(now) => Duration::from_millis(now.saturating_sub(added)),
            // Redis has not been asked yet: no older than known.
            None => held.age(),
        }
    }

    /// Whether another process may have taken the entry over, since this one
    /// could not renew its lease in time. The rest of the handler's work may be
    /// done twice; its result is counted and no longer acknowledged.
    pub fn lease_lost(&self) -> bool {
        !self.taken.is_held()
    }

    /// Whether the consumer is being stopped: a long handler may want to end
    /// early, with an error, to be continued elsewhere.
    pub fn is_shutting_down(&self) -> bool {
        self.taken.member.stop.is_set()
    }
}

impl<M> Deref for Delivery<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.message
    }
}

impl<M> fmt::Debug for Delivery<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("stream", &self.stream())
            .field("id", &self.id())
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}
