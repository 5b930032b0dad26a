//! Messages, encoded, on their way to one stream.

use super::extras::{Extras, check_key};
use super::{pack, reserved};
use crate::error::Result;
use crate::message::{FieldWriter, StreamMessage};
use crate::partition::hash_of;

/// A batch of messages to add: encoded, in order. It has no destination, so it can be
/// sent again, elsewhere, or later.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outgoing {
    /// Names and values, in the form that goes over the wire.
    fields: Vec<u8>,
    messages: Vec<Span>,
}

/// One message of an [`Outgoing`].
#[derive(Debug, Clone)]
struct Span {
    /// Where its fields end.
    end: usize,
    count: usize,
    key: Option<Box<[u8]>>,
    place: Option<u32>,
}

/// A message as it goes over the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoded<'a> {
    /// Names and values, each with its length in front (RESP).
    pub(crate) fields: &'a [u8],
    /// How many fields there are.
    pub(crate) count: usize,
    /// The idempotency key.
    pub(crate) key: Option<&'a [u8]>,
    /// The hash of its own partition key.
    pub(crate) place: Option<u32>,
}

impl Encoded<'_> {
    /// The hash that decides on its partition: that of its partition key, else of
    /// its idempotency key; `None` if any will do.
    pub(crate) fn hash(&self) -> Option<u32> {
        self.place.or_else(|| self.key.map(hash_of))
    }
}

impl Outgoing {
    pub(crate) const fn new() -> Self {
        Self {
            fields: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// Makes it empty, and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.fields.clear();
        self.messages.clear();
    }

    /// Encodes one message with its caller's key and headers. An error leaves nothing
    /// behind.
    pub(crate) fn push<M: StreamMessage + ?Sized>(
        &mut self,
        message: &M,
        extras: &Extras<'_>,
    ) -> Result<()> {
        let start = self.fields.len();
        let pushed = self.encode(message, extras);
        if pushed.is_err() {
            self.fields.truncate(start);
        }
        pushed
    }

    fn encode<M: StreamMessage + ?Sized>(
        &mut self,
        message: &M,
        extras: &Extras<'_>,
    ) -> Result<()> {
        let mut writer = FieldWriter::new(&mut self.fields);
        message.encode(&mut writer)?;
        let own = writer.take_key();
        let place = extras.place().or(writer.place());
        let key = extras.key().map(Box::from).or(own);
        let fields = writer.count();
        if let Some(key) = &key {
            check_key(key)?;
            writer.header(reserved::KEY, key)?;
        }
        let count = writer.finish()? + extras.write_headers(&mut self.fields, fields)?;
        self.messages.push(Span {
            end: self.fields.len(),
            count,
            key,
            place,
        });
        Ok(())
    }

    /// Takes a message that was encoded before.
    pub(crate) fn push_encoded(&mut self, message: Encoded<'_>) {
        self.fields.extend_from_slice(message.fields);
        self.messages.push(Span {
            end: self.fields.len(),
            count: message.count,
            key: message.key.map(Box::from),
            place: message.place,
        });
    }

    /// As [`push_encoded`](Self::push_encoded), with this idempotency key if the
    /// message has none.
    pub(crate) fn push_keyed(&mut self, message: Encoded<'_>, key: &str) -> Result<()> {
        if message.key.is_some() {
            self.push_encoded(message);
            return Ok(());
        }
        check_key(key.as_bytes())?;
        self.fields.extend_from_slice(message.fields);
        pack::bulk(&mut self.fields, reserved::KEY.as_bytes());
        pack::bulk(&mut self.fields, key.as_bytes());
        self.messages.push(Span {
            end: self.fields.len(),
            count: message.count + 1,
            key: Some(Box::from(key.as_bytes())),
            place: message.place,
        });
        Ok(())
    }

    /// The messages at these places, which rise.
    pub(crate) fn pick(&self, places: &[usize]) -> Self {
        let mut picked = Self::default();
        let mut places = places.iter().copied().peekable();
        for (place, message) in self.iter().enumerate() {
            if places.next_if_eq(&place).is_some() {
                picked.push_encoded(message);
            }
        }
        picked
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The size of its fields in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.fields.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Encoded<'_>> {
        let mut start = 0;
        self.messages.iter().map(move |span| {
            let fields = self.fields.get(start..span.end).unwrap_or_default();
            start = span.end;
            Encoded {
                fields,
                count: span.count,
                key: span.key.as_deref(),
                place: span.place,
            }
        })
    }

    /// The fields of all messages, one behind the other.
    pub(super) fn fields(&self) -> &[u8] {
        &self.fields
    }

    pub(crate) fn has_keys(&self) -> bool {
        self.messages.iter().any(|span| span.key.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::message::{EncodeError, RawMessage, Schema};

    /// Fails after its first field.
    struct Half;

    impl StreamMessage for Half {
        const SCHEMA: &'static Schema = &Schema::new("Half");

        fn encode(&self, out: &mut FieldWriter<'_>) -> std::result::Result<(), EncodeError> {
            out.text("a", "b")?;
            out.text("~b", "c")
        }
    }

    #[test]
    fn a_message_that_fails_leaves_nothing_behind() {
        let mut batch = Outgoing::default();
        let message = RawMessage::new().with("a", "1");
        batch.push(&message, &Extras::NONE).unwrap();
        let written = batch.fields().to_vec();
        assert_eq!(
            batch.push(&Half, &Extras::NONE).unwrap_err().kind(),
            ErrorKind::Encode
        );
        let empty = batch.push(&RawMessage::new(), &Extras::NONE);
        assert_eq!(empty.unwrap_err().kind(), ErrorKind::Encode);
        for key in ["", &"k".repeat(513)] {
            let error = batch.push(&message, &Extras::of_key(key)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Encode);
        }
        let mut extras = Extras::new();
        extras.push_header("~a", b"");
        let error = batch.push(&message, &extras).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode);
        assert_eq!(batch.fields(), written);
        assert_eq!(batch.len(), 1);
    }

    #[test]
    fn messages_are_the_same_in_another_batch() {
        let mut batch = Outgoing::default();
        batch
            .push(&RawMessage::new().with("a", "1"), &Extras::NONE)
            .unwrap();
        let pair = RawMessage::new().with("b", "2").with("c", "");
        batch.push(&pair, &Extras::of_key("k")).unwrap();
        let mut again = Outgoing::default();
        batch.iter().for_each(|message| again.push_encoded(message));
        assert_eq!(again.fields(), batch.fields());
        let shapes: Vec<_> = again.iter().map(|m| (m.count, m.key)).collect();
        assert_eq!(shapes, [(1, None), (3, Some(&b"k"[..]))]);
        assert!(again.has_keys());
    }
}
