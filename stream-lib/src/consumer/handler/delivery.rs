//! One delivery of an entry to a handler.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use crate::command::reserved::{HEADER, REDRIVEN};
use crate::consumer::handler::taken::TakenEntry;
use crate::message::{EntryId, Fields, RESERVED};

/// One delivery of an entry, with its message.
///
/// It derefs to the message: `delivery.order_id` reads a field of it.
///
/// # Methods
///
/// Methods of the message are reached by deref, too, except where `Delivery` has a method
/// of the same name:
///
/// `message`, `into_message`, `id`, `original_id`, `stream`, `partition`, `group`,
/// `consumer`, `attempt`, `redrives`, `headers`, `header`, `age`, `lease_lost`,
/// `is_shutting_down`, `produce`, `produce_to`, and `fmt`, `deref` of its traits. A
/// [`BatchDelivery`](crate::BatchDelivery) has `fail` and `failure` as well.
///
/// `delivery.message().id()` calls the method of the message. An addition to this list is
/// a breaking change of this library, since it could hide a method of yours. Fields are
/// never hidden.
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

    pub(crate) fn taken(&self) -> &TakenEntry {
        &self.taken
    }

    /// The message.
    pub fn message(&self) -> &M {
        &self.message
    }

    /// The message, without the delivery. A handler that takes the delivery by value can
    /// move the message on: see [`by_value`](crate::by_value).
    pub fn into_message(self) -> M {
        self.message
    }

    /// The entry's id: the same at each of its retries, and unique within its stream, or
    /// its [`partition`](Self::partition). A drain and a redrive add the message to the
    /// stream again, under a new id: see [`original_id`](Self::original_id).
    pub fn id(&self) -> EntryId {
        self.taken.held.id(self.taken.index)
    }

    /// The id of the message when it was first added: in the backup stream, if it came
    /// through one. It is the same at each delivery of the message, also after a drain
    /// and after any number of redrives, so it identifies repeats. Each partition has ids
    /// of its own: in a stream with partitions only the [`partition`](Self::partition)
    /// and this id together are unique.
    ///
    /// If a producer adds the same message twice, the two have different ids; an
    /// idempotency key prevents that.
    ///
    /// For a scheduled message it consists of the due time and the number of its
    /// [`ScheduleId`](crate::ScheduleId), so the [`age`](Self::age) is the delay since it
    /// was due. The header `~scheduled` has the whole id.
    pub fn original_id(&self) -> EntryId {
        let TakenEntry { held, index, .. } = &self.taken;
        held.original_id(*index)
    }

    /// The stream of the entry, as the consumer's configuration names it: for a
    /// partition, the whole stream.
    pub fn stream(&self) -> &str {
        self.taken.member.declared_stream()
    }

    /// The partition of the entry; `None` if the stream has none. Partition 3 of `orders`
    /// is the stream `{orders:3}` in Redis.
    pub fn partition(&self) -> Option<u16> {
        self.taken.member.partition
    }

    /// The consumer group that it was delivered to.
    pub fn group(&self) -> &str {
        self.taken.member.group.name()
    }

    /// This consumer's name in Redis.
    pub fn consumer(&self) -> &str {
        &self.taken.member.name
    }

    /// The number of this delivery of the entry: 1 for the first (`XPENDING`'s delivery
    /// count). A redrive begins at 1 again.
    pub fn attempt(&self) -> u32 {
        self.taken.held.attempt(self.taken.index)
    }

    /// How often the message was put back from the dead letters: 0 for most.
    pub fn redrives(&self) -> u32 {
        let count = self.taken.held.header(self.taken.index, REDRIVEN);
        let count = count.and_then(|count| str::from_utf8(count).ok()?.parse().ok());
        count.unwrap_or(0)
    }

    /// The headers that the producer gave the message, names and values, in order.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.fields()
            .headers()
            .filter_map(|(name, value)| Some((name.strip_prefix(HEADER.as_bytes())?, value)))
    }

    /// The value of a header; of duplicates, the last. A name that begins with `~` is
    /// that of a reserved field of the entry.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        if name.as_bytes().first() == Some(&RESERVED) {
            return self.fields().header(name);
        }
        self.headers()
            .rfind(|(header, _)| *header == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// The time since the message was first added, by the server's clock and its
    /// [`original_id`](Self::original_id). A drain and a redrive don't reset it.
    pub fn age(&self) -> Duration {
        let TakenEntry { member, held, .. } = &self.taken;
        match member.sign_of_life.server_ms() {
            Some(now) => Duration::from_millis(now.saturating_sub(self.original_id().ms())),
            // The server's time isn't known yet: the age of the reply is a lower bound.
            None => held.age(),
        }
    }

    /// Whether another process may have taken the entry over, since this one could not
    /// renew its lease in time. The rest of the handler's work may be done twice; its
    /// result is counted but not acknowledged.
    pub fn lease_lost(&self) -> bool {
        !self.taken.is_held()
    }

    /// Whether the consumer is being stopped: a long handler may end early, with an
    /// error, so that the entry is delivered again elsewhere.
    pub fn is_shutting_down(&self) -> bool {
        self.taken.member.common.stop.is_set()
    }

    fn fields(&self) -> Fields<'_> {
        self.taken.held.fields(self.taken.index)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The names of public functions with a receiver.
    fn methods(source: &str) -> BTreeSet<&str> {
        let lines = source.lines().map(str::trim_start);
        lines
            .filter_map(|line| line.strip_prefix("pub fn ")?.split_once('('))
            .filter(|(_, rest)| rest.starts_with("&self") || rest.starts_with("self"))
            .map(|(name, _)| name)
            .collect()
    }

    /// The names in backticks in the section `# Methods` up to the example.
    fn documented(source: &str) -> BTreeSet<&str> {
        let (_, list) = source.split_once("/// # Methods").unwrap();
        let (list, _) = list.split_once("`delivery.message()").unwrap();
        let names = list.split('`').skip(1).step_by(2);
        names
            .filter(|name| name.bytes().all(|b| b == b'_' || b.is_ascii_lowercase()))
            .filter(|name| !["fmt", "deref"].contains(name))
            .collect()
    }

    #[test]
    fn methods_that_hide_those_of_a_message_are_all_documented() {
        let source = include_str!("delivery.rs");
        let mut methods = methods(source);
        // These have type parameters.
        methods.extend(["produce", "produce_to"]);
        methods.extend(self::methods(include_str!("batch.rs")));
        assert_eq!(methods, documented(source));
        assert!(methods.contains("original_id") && methods.contains("fail"));
    }
}
