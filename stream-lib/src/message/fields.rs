//! The fields of one entry, as slices of the reply they came in.

use std::fmt;

use super::reserved::RESERVED;
use super::schema::FieldSchema;

/// Where a name or a value lies in the bytes of a [`Fields`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    fn of(self, bytes: &[u8]) -> Option<&[u8]> {
        bytes.get(self.start as usize..self.end as usize)
    }
}

/// The fields of one entry, in order, as [`OwnedMessage::decode`] reads them.
///
/// A view: copying it copies no bytes. Reserved fields, whose names start with
/// `~`, are apart from the others: see [`Fields::headers`].
///
/// [`OwnedMessage::decode`]: crate::OwnedMessage::decode
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    /// Name, value, name, value, …
    spans: &'a [Span],
    claims: Option<&'a Claims<'a>>,
}

impl<'a> Fields<'a> {
    /// A view of `bytes`, where `spans` says name, value, name, value, … A span
    /// out of range makes its field invisible.
    pub(crate) const fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Self {
            bytes,
            spans,
            claims: None,
        }
    }

    /// The same fields, for a message that is flattened into another one.
    #[must_use]
    pub(crate) const fn flattened(self, claims: &'a Claims<'a>) -> Self {
        Self {
            claims: Some(claims),
            ..self
        }
    }

    /// Every field but the reserved ones, in order, duplicates included.
    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.all()
            .filter(|(name, _)| name.first() != Some(&RESERVED))
    }

    /// The reserved fields, in order, names with their `~`.
    pub fn headers(&self) -> impl DoubleEndedIterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.all()
            .filter(|(name, _)| name.first() == Some(&RESERVED))
    }

    /// [`Fields::iter`] for a message that takes any field: without the fields of the
    /// messages that it is flattened into.
    pub fn rest(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let claims = self.claims;
        self.iter()
            .filter(move |(name, _)| !claims.is_some_and(|claims| claims.name(name)))
    }

    /// The value of a field; of duplicates, the last. Reserved fields are not
    /// found: see [`Fields::header`].
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.iter()
            .rfind(|(key, _)| *key == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// The value of a reserved field, named with its `~`.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers()
            .rfind(|(key, _)| *key == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// Whether there are no fields except reserved ones.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Whether a message that this one is flattened into takes a field of this
    /// name.
    pub(crate) fn is_claimed(&self, name: &[u8]) -> bool {
        self.claims.is_some_and(|claims| claims.take(name))
    }

    #[inline]
    fn all(&self) -> impl DoubleEndedIterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let bytes = self.bytes;
        let (pairs, _) = self.spans.as_chunks::<2>();
        pairs
            .iter()
            .filter_map(move |[name, value]| Some((name.of(bytes)?, value.of(bytes)?)))
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.all().map(|(name, value)| Lengths(name, value.len())))
            .finish()
    }
}

/// A name and the length of its value: all that `Debug` may show.
pub(crate) struct Lengths<'a>(pub(crate) &'a [u8], pub(crate) usize);

impl fmt::Debug for Lengths<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} bytes", self.0.escape_ascii(), self.1)
    }
}

/// The fields of an entry that a message claims for itself; one flattened field gets the
/// rest.
///
/// A linked list through the messages on the stack, so that types without
/// `flatten` pay nothing for it.
#[derive(Debug, Clone, Copy)]
pub struct Claims<'a> {
    tag: Option<&'static str>,
    fields: &'static [FieldSchema],
    except: usize,
    outer: Option<&'a Claims<'a>>,
}

impl<'a> Claims<'a> {
    /// The claims of a message around its flattened field number `except` of `fields`,
    /// and those of the messages around `view`.
    #[must_use]
    pub const fn new(
        tag: Option<&'static str>,
        fields: &'static [FieldSchema],
        except: usize,
        view: Fields<'a>,
    ) -> Self {
        Self {
            tag,
            fields,
            except,
            outer: view.claims,
        }
    }

    /// Whether a field has this name.
    fn name(&self, name: &[u8]) -> bool {
        self.any(name, FieldSchema::names)
    }

    /// Whether a field has this name, or takes any.
    fn take(&self, name: &[u8]) -> bool {
        self.any(name, FieldSchema::claims)
    }

    fn any(&self, name: &[u8], has: fn(&FieldSchema, &[u8]) -> bool) -> bool {
        self.tag.is_some_and(|tag| tag.as_bytes() == name)
            || self
                .fields
                .iter()
                .enumerate()
                .any(|(position, field)| position != self.except && has(field, name))
            || self.outer.is_some_and(|outer| outer.any(name, has))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(start: u32, end: u32) -> Span {
        Span { start, end }
    }

    #[test]
    fn last_of_duplicates_wins_and_headers_stand_apart() {
        let spans = [
            span(0, 1),
            span(1, 2),
            span(0, 1),
            span(2, 3),
            span(3, 5),
            span(0, 1),
        ];
        let fields = Fields::new(b"a12~x", &spans);
        assert_eq!(fields.get("a"), Some(&b"2"[..]));
        assert_eq!(fields.get("~x"), None);
        assert_eq!(fields.header("~x"), Some(&b"a"[..]));
        assert_eq!(fields.iter().count(), 2);
        assert_eq!(fields.headers().count(), 1);
        assert_eq!(
            format!("{fields:?}"),
            "[a: 1 bytes, a: 1 bytes, ~x: 1 bytes]"
        );
    }

    proptest! {
        #[test]
        fn spans_out_of_range_hide_their_field(bytes: Vec<u8>, ends: Vec<(u32, u32)>) {
            let spans: Vec<Span> = ends.iter().map(|&(start, end)| span(start, end)).collect();
            let fields = Fields::new(&bytes, &spans);
            prop_assert!(fields.iter().count() + fields.headers().count() <= spans.len() / 2);
            let _ = (fields.get("a"), fields.is_empty(), format!("{fields:?}"));
        }
    }
}
