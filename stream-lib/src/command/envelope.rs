//! Messages with keys and headers.

use std::borrow::Cow;
use std::fmt;

use super::Extras;

/// A message by reference, with an idempotency key or headers beside its own fields.
/// [`Producer::add_all`](crate::Producer::add_all) takes it in place of a plain
/// `&message`.
///
/// For one message, [`Producer::with`](crate::Producer::with) does it in one
/// line.
///
/// # Examples
///
/// ```no_run
/// # use stream_lib::{Producer, RawMessage};
/// use stream_lib::Envelope;
///
/// # fn forward(producer: &Producer<RawMessage>, orders: &[RawMessage], trace: &str) {
/// let traced = orders
///     .iter()
///     .map(|order| Envelope::new(order).header("traceparent", trace));
/// for added in producer.add_all(traced) {
///     println!("{added:?}");
/// }
/// # }
/// ```
pub struct Envelope<'m, M: ?Sized> {
    message: &'m M,
    extras: Extras<'m>,
}

impl<'m, M: ?Sized> Envelope<'m, M> {
    /// The message alone.
    pub const fn new(message: &'m M) -> Self {
        Self {
            message,
            extras: Extras::new(),
        }
    }

    /// Adds the message once for this key, 1 to 512 bytes: within the producer's
    /// `idempotency_window` a second add of the same key to the same stream, by any
    /// producer, adds nothing and returns [`Added::Duplicate`](crate::Added::Duplicate).
    ///
    /// The key replaces the message's own (`#[stream(idempotency_key)]`), is used as
    /// given, and is stored with the entry. Defaults to the message's own key, if any.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<Cow<'m, str>>) -> Self {
        self.extras.set_key(key);
        self
    }

    /// Gives the message a key: on a stream with
    /// [`partitions`](crate::StreamConfig::partitions), messages with the same key go to
    /// the same partition, in the order of their adds. The key isn't stored with the
    /// entry.
    ///
    /// The partition is the CRC32 of the key's bytes, as zlib has it, modulo the number
    /// of partitions. Defaults to the field marked `#[stream(key)]`, if any; else to the
    /// idempotency key; without either, batches go to the partitions in turn.
    #[must_use]
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.extras.set_partition_key(key.as_ref());
        self
    }

    /// Adds a header, which is readable on the delivery and invisible to the message
    /// type. It is the field `~h:<name>` of the entry.
    ///
    /// The name has 1 to 256 bytes, and doesn't begin with `~`; the value is any bytes,
    /// at most 64 KiB. Headers count among the 1,000 fields of an entry. Of several with
    /// the same name the last counts. A header out of these bounds makes the add fail
    /// with [`ErrorKind::Encode`](crate::ErrorKind::Encode). Defaults to none.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.extras.push_header(name, value.as_ref());
        self
    }

    /// The message.
    pub const fn message(&self) -> &'m M {
        self.message
    }

    pub(crate) const fn extras(&self) -> &Extras<'m> {
        &self.extras
    }
}

impl<'m, M: ?Sized> From<&'m M> for Envelope<'m, M> {
    fn from(message: &'m M) -> Self {
        Self::new(message)
    }
}

impl<M: ?Sized> Clone for Envelope<'_, M> {
    fn clone(&self) -> Self {
        Self {
            message: self.message,
            extras: self.extras.clone(),
        }
    }
}

/// Shows neither the message nor values: payloads are not logged.
impl<M: ?Sized> fmt::Debug for Envelope<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("idempotency_key", &self.extras.has_key())
            .field("headers", &self.extras.headers())
            .finish_non_exhaustive()
    }
}
