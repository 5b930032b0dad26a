//! The untyped message.

use std::fmt;

use super::error::{DecodeError, EncodeError, EncodeErrorKind};
use super::fields::{Fields, Lengths, Span};
use super::schema::Schema;
use super::typed::{OwnedMessage, StreamMessage};
use super::writer::{FieldWriter, read_string};

/// An untyped message: ordered names and values, both any bytes, duplicates
/// included.
///
/// Usable wherever a typed message is. As a flattened field it takes the fields that no
/// other field claims. It also shows how a typed message looks in an entry, without a
/// server.
///
/// `Debug` shows names and lengths, not values.
///
/// # Examples
///
/// ```
/// use stream_lib::{RawMessage, StreamMessage};
///
/// #[derive(StreamMessage)]
/// struct Order {
///     order_id: String,
///     amount: f64,
/// }
///
/// let order = Order { order_id: "A-1".into(), amount: 99.99 };
/// let raw = RawMessage::from_message(&order)?;
/// assert_eq!(raw, RawMessage::new().with("order_id", "A-1").with("amount", "99.99"));
///
/// let again: Order = raw.decode()?;
/// assert_eq!(again.amount, 99.99);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct RawMessage {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// A field didn't fit. The error comes when the message is written, so that building
    /// a message can't fail.
    overflow: bool,
}

impl RawMessage {
    /// A message without fields.
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            spans: Vec::new(),
            overflow: false,
        }
    }

    /// The fields of `message` as they would be in an entry.
    ///
    /// # Errors
    ///
    /// If adding the message would fail: see [`StreamMessage::encode`].
    pub fn from_message(message: &(impl StreamMessage + ?Sized)) -> Result<Self, EncodeError> {
        let mut written = Vec::new();
        let mut writer = FieldWriter::new(&mut written);
        message.encode(&mut writer)?;
        let mut raw = Self::new();
        let mut rest = written.as_slice();
        while let Some((name, after_name)) = read_string(rest)
            && let Some((value, after_value)) = read_string(after_name)
        {
            raw.push(name, value);
            rest = after_value;
        }
        Ok(raw)
    }

    /// Adds a field at the end, and returns the message.
    #[must_use]
    pub fn with(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.push(name, value);
        self
    }

    /// Adds a field at the end. Names that start with `~`, and fields above the limits of
    /// an entry, are refused when the message is written.
    pub fn push(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let before = self.bytes.len();
        if self.append(name.as_ref()).is_none() || self.append(value.as_ref()).is_none() {
            self.bytes.truncate(before);
            self.spans.truncate(self.spans.len() / 2 * 2);
            self.overflow = true;
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Option<()> {
        let start = u32::try_from(self.bytes.len()).ok()?;
        let end = u32::try_from(self.bytes.len().checked_add(bytes.len())?).ok()?;
        self.bytes.extend_from_slice(bytes);
        self.spans.push(Span { start, end });
        Some(())
    }

    /// Reads the message as a typed one.
    ///
    /// # Errors
    ///
    /// If a field is missing or malformed.
    pub fn decode<M: OwnedMessage>(&self) -> Result<M, DecodeError> {
        M::decode(self.fields())
    }

    /// The fields, as a typed message reads them.
    pub fn fields(&self) -> Fields<'_> {
        Fields::new(&self.bytes, &self.spans)
    }

    /// Every field, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        let (pairs, _) = self.spans.as_chunks::<2>();
        pairs
            .iter()
            .map(|[name, value]| (self.slice(*name), self.slice(*value)))
    }

    /// The value of a field; of duplicates, the last.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        let name = name.as_ref();
        self.iter()
            .rfind(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// [`RawMessage::get`], if the value is UTF-8.
    pub fn get_str(&self, name: impl AsRef<[u8]>) -> Option<&str> {
        str::from_utf8(self.get(name)?).ok()
    }

    /// How many fields there are, duplicates included.
    pub fn len(&self) -> usize {
        self.spans.len() / 2
    }

    /// Whether there is no field. Redis refuses such an entry.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    fn slice(&self, span: Span) -> &[u8] {
        self.bytes
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }
}

impl StreamMessage for RawMessage {
    const SCHEMA: &'static Schema = &Schema::new("RawMessage").open().keyless(true);

    fn encode(&self, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        if self.overflow {
            return Err(EncodeError::new(EncodeErrorKind::TooLarge, None));
        }
        self.iter()
            .try_for_each(|(name, value)| out.pair(name, value))
    }
}

impl OwnedMessage for RawMessage {
    fn decode(fields: Fields<'_>) -> Result<Self, DecodeError> {
        let (mut texts, mut bytes) = (0, 0);
        for (name, value) in fields.rest() {
            texts += 2;
            bytes += name.len() + value.len();
        }
        let mut message = Self {
            bytes: Vec::with_capacity(bytes),
            spans: Vec::with_capacity(texts),
            overflow: false,
        };
        message.extend(fields.rest());
        Ok(message)
    }
}

impl PartialEq for RawMessage {
    fn eq(&self, other: &Self) -> bool {
        self.overflow == other.overflow && self.iter().eq(other.iter())
    }
}

impl Eq for RawMessage {}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> Extend<(N, V)> for RawMessage {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, fields: I) {
        for (name, value) in fields {
            self.push(name, value);
        }
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for RawMessage {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut message = Self::new();
        message.extend(fields);
        message
    }
}

impl fmt::Debug for RawMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawMessage ")?;
        f.debug_list()
            .entries(self.iter().map(|(name, value)| Lengths(name, value.len())))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn debug_shows_names_and_lengths_only() {
        let raw = RawMessage::new().with("card", "4111").with(b"\xff", "");
        assert_eq!(
            format!("{raw:?}"),
            r"RawMessage [card: 4 bytes, \xff: 0 bytes]"
        );
    }

    #[test]
    fn order_and_duplicates_are_kept() {
        let raw = RawMessage::from_iter([("b", "1"), ("a", "2"), ("b", "3")]);
        assert_eq!(raw.len(), 3);
        assert_eq!(raw.get_str("b"), Some("3"));
        assert_ne!(
            raw,
            RawMessage::from_iter([("a", "2"), ("b", "1"), ("b", "3")])
        );
    }

    proptest! {
        #[test]
        fn any_message_reads_back(pairs: Vec<(Vec<u8>, Vec<u8>)>) {
            let raw: RawMessage =
                pairs.iter().filter(|(name, _)| name.first() != Some(&b'~')).collect::<Vec<_>>()
                    .into_iter().map(|(name, value)| (name, value)).collect();
            let written = RawMessage::from_message(&raw).unwrap();
            prop_assert_eq!(&written, &raw);
            prop_assert_eq!(written.decode::<RawMessage>().unwrap(), raw);
        }

        #[test]
        fn reserved_names_are_refused_and_not_read(name: Vec<u8>, value: Vec<u8>) {
            let name = [b"~", name.as_slice()].concat();
            let raw = RawMessage::new().with(&name, &value);
            let error = RawMessage::from_message(&raw).unwrap_err();
            prop_assert_eq!(error.kind(), EncodeErrorKind::Reserved);
            prop_assert!(raw.decode::<RawMessage>().unwrap().is_empty());
        }
    }
}
