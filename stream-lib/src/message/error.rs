//! Errors between a message and its entry.
//!
//! None of them shows a value in `Display` or `Debug`: entries carry other people's data,
//! and error texts end up in logs.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::error::{Error, ErrorKind};

/// How much of a refused value a [`DecodeError`] keeps.
const KEPT: usize = 256;

/// How much of a field name an error text shows; anybody may choose the name.
const SHOWN: usize = 64;

/// A message that can't be written as an entry. Nothing was sent.
///
/// # Examples
///
/// ```
/// use stream_lib::RawMessage;
/// use stream_lib::message::EncodeErrorKind;
///
/// let message = RawMessage::new().with("~id", "1-0");
/// let error = RawMessage::from_message(&message).unwrap_err();
/// assert_eq!(error.kind(), EncodeErrorKind::Reserved);
/// assert_eq!(error.field(), Some("~id"));
/// ```
pub struct EncodeError(Box<Encode>);

struct Encode {
    kind: EncodeErrorKind,
    field: Option<String>,
    detail: Option<String>,
}

/// Why a message can't be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// More than 1,000 fields.
    TooManyFields,
    /// No field at all, which Redis refuses.
    Empty,
    /// A field name that starts with `~`.
    Reserved,
    /// A name or a value above 512 MiB, or an untyped message above 4 GiB.
    TooLarge,
    /// The value's own code failed: its `Display`, its `Serialize`, or a hand-written
    /// implementation.
    Value,
}

impl EncodeError {
    /// An error of the value itself, for hand-written implementations. The text must not
    /// repeat the value.
    pub fn value(field: &str, reason: impl fmt::Display) -> Self {
        Self::new(EncodeErrorKind::Value, Some(field.as_bytes())).because(reason)
    }

    pub(crate) fn new(kind: EncodeErrorKind, field: Option<&[u8]>) -> Self {
        Self(Box::new(Encode {
            kind,
            field: field.map(shown),
            detail: None,
        }))
    }

    pub(crate) fn because(mut self, detail: impl fmt::Display) -> Self {
        self.0.detail = Some(detail.to_string());
        self
    }

    /// Removes the text of the value's own code, which may repeat the value.
    #[cold]
    pub(crate) fn concealed(mut self) -> Self {
        self.0.detail = None;
        self
    }

    /// The kind of the failure, to match on.
    pub fn kind(&self) -> EncodeErrorKind {
        self.0.kind
    }

    /// The name of the field; at most its first 64 bytes, with unprintable characters
    /// escaped.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.0.field {
            write!(f, "field `{field}`: ")?;
        }
        f.write_str(match self.0.kind {
            EncodeErrorKind::TooManyFields => "an entry has at most 1000 fields",
            EncodeErrorKind::Empty => "an entry needs at least one field",
            EncodeErrorKind::Reserved => "names that start with `~` are reserved",
            EncodeErrorKind::TooLarge => "a name or value has at most 512 MiB",
            EncodeErrorKind::Value => "the value can't be written",
        })?;
        match &self.0.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodeError({:?}, \"{self}\")", self.0.kind)
    }
}

impl StdError for EncodeError {}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        Self::new(
            ErrorKind::Encode,
            format!("the message can't be written: {error}"),
        )
    }
}

/// The error of a [`FromField`](crate::message::FromField): a value that is not what its
/// field expects.
///
/// It holds what was expected, never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    expected: Cow<'static, str>,
    detail: Option<String>,
}

impl FieldError {
    /// Says what was expected: `FieldError::expected("a colour")`.
    pub fn expected(what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            expected: what.into(),
            detail: None,
        }
    }

    /// Adds what was wrong. The text must not repeat the value.
    #[must_use]
    pub fn because(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

impl StdError for FieldError {}

impl From<FieldError> for Error {
    fn from(error: FieldError) -> Self {
        Self::new(ErrorKind::Decode, error.to_string())
    }
}

/// An entry that can't be read as a message type.
///
/// It names the type, the field and what was expected. The value itself is only
/// in [`DecodeError::value`].
///
/// # Examples
///
/// ```
/// use stream_lib::{RawMessage, StreamMessage};
///
/// #[derive(StreamMessage)]
/// struct Payment {
///     cents: u8,
/// }
///
/// let raw = RawMessage::new().with("cents", "secret");
/// let error = raw.decode::<Payment>().err().expect("not a number");
/// assert_eq!(
///     error.to_string(),
///     "`Payment`: field `cents`: expected an integer from 0 to 255",
/// );
/// assert_eq!(error.value(), Some(&b"secret"[..]));
/// ```
pub struct DecodeError(Box<Decode>);

struct Decode {
    message: &'static str,
    part: Option<&'static str>,
    kind: DecodeErrorKind,
    field: Option<String>,
    expected: Option<FieldError>,
    value: Option<Vec<u8>>,
}

/// Why an entry can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The field is not there.
    Missing,
    /// The field's value is not what its type expects.
    Malformed,
    /// The tag names no variant of the enum.
    UnknownVariant,
    /// The type has no such field, and `deny_unknown_fields` is set.
    UnknownField,
    /// An error of a hand-written implementation.
    Other,
}

impl DecodeError {
    /// A field that is not there.
    #[cold]
    pub fn missing(message: &'static str, field: &str, expected: impl fmt::Display) -> Self {
        Self::new(
            DecodeErrorKind::Missing,
            message,
            Some(field.as_bytes()),
            Some(FieldError::expected(expected.to_string())),
            None,
        )
    }

    /// A field whose value was refused. The first 256 bytes of the value are
    /// kept for [`DecodeError::value`].
    #[cold]
    pub fn malformed(message: &'static str, field: &str, error: FieldError, value: &[u8]) -> Self {
        let (field, error) = (Some(field.as_bytes()), Some(error));
        Self::new(
            DecodeErrorKind::Malformed,
            message,
            field,
            error,
            Some(value),
        )
    }

    /// A tag that names no variant of `message`.
    #[cold]
    pub fn unknown_variant(
        message: &'static str,
        tag: &str,
        expected: FieldError,
        value: &[u8],
    ) -> Self {
        let (tag, expected) = (Some(tag.as_bytes()), Some(expected));
        Self::new(
            DecodeErrorKind::UnknownVariant,
            message,
            tag,
            expected,
            Some(value),
        )
    }

    /// A field that `message` does not have.
    #[cold]
    pub fn unknown_field(message: &'static str, field: &[u8]) -> Self {
        Self::new(
            DecodeErrorKind::UnknownField,
            message,
            Some(field),
            None,
            None,
        )
    }

    /// Anything else, for hand-written implementations. The text completes
    /// "expected …" and must not repeat a value.
    #[cold]
    pub fn expected(message: &'static str, what: impl Into<Cow<'static, str>>) -> Self {
        let what = Some(FieldError::expected(what));
        Self::new(DecodeErrorKind::Other, message, None, what, None)
    }

    fn new(
        kind: DecodeErrorKind,
        message: &'static str,
        field: Option<&[u8]>,
        expected: Option<FieldError>,
        value: Option<&[u8]>,
    ) -> Self {
        Self(Box::new(Decode {
            message,
            part: None,
            kind,
            field: field.map(shown),
            expected,
            value: value.map(|value| value.iter().copied().take(KEPT).collect()),
        }))
    }

    /// Removes the value and everything that may repeat it, for a field that is
    /// [sensitive](crate::message::FieldSchema::sensitive): the error then says only what
    /// is expected of such a field.
    #[cold]
    #[must_use]
    pub fn concealed(mut self, expected: impl fmt::Display) -> Self {
        if self.0.kind != DecodeErrorKind::UnknownField {
            self.0.expected = Some(FieldError::expected(expected.to_string()));
        }
        self.0.value = None;
        self
    }

    /// Says that the failed message was flattened into another one.
    #[must_use]
    pub fn within(mut self, outer: &'static str) -> Self {
        self.0.part.get_or_insert(self.0.message);
        self.0.message = outer;
        self
    }

    /// The kind of the failure, to match on.
    pub fn kind(&self) -> DecodeErrorKind {
        self.0.kind
    }

    /// The Rust name of the message type.
    pub fn message(&self) -> &'static str {
        self.0.message
    }

    /// The name of the field; at most its first 64 bytes, with unprintable characters
    /// escaped.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The first 256 bytes of the refused value. Never part of `Display` or `Debug`.
    pub fn value(&self) -> Option<&[u8]> {
        self.0.value.as_deref()
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Decode {
            message,
            part,
            kind,
            field,
            expected,
            ..
        } = &*self.0;
        write!(f, "`{message}`")?;
        if let Some(part) = part {
            write!(f, " (in its `{part}`)")?;
        }
        if let Some(field) = field {
            write!(f, ": field `{field}`")?;
        }
        match kind {
            DecodeErrorKind::Missing => f.write_str(" is missing")?,
            DecodeErrorKind::UnknownField => f.write_str(" is unknown")?,
            _ => {}
        }
        match (kind, expected) {
            (DecodeErrorKind::Missing, Some(expected)) => write!(f, ", {expected}"),
            (_, Some(expected)) => write!(f, ": {expected}"),
            (_, None) => Ok(()),
        }
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({:?}, \"{self}\")", self.0.kind)
    }
}

impl StdError for DecodeError {}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::new(
            ErrorKind::Decode,
            format!("the entry can't be read: {error}"),
        )
    }
}

fn shown(name: &[u8]) -> String {
    let cut = if name.len() > SHOWN { "…" } else { "" };
    let head: Vec<u8> = name.iter().copied().take(SHOWN).collect();
    let mut text = String::with_capacity(head.len());
    for chunk in head.utf8_chunks() {
        for character in chunk.valid().chars() {
            // A name may hold line breaks or terminal sequences.
            if character.is_control() {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            text.extend(byte.escape_ascii().map(char::from));
        }
    }
    text + cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_display_nor_debug_shows_the_value() {
        let error = DecodeError::malformed("M", "f", FieldError::expected("x"), b"secret");
        assert_eq!(error.to_string(), "`M`: field `f`: expected x");
        assert!(!format!("{error:?}").contains("secret"));
        let error = Error::from(error.within("Outer"));
        assert!(!format!("{error:?} {error}").contains("secret"));
        assert!(error.to_string().contains("`Outer` (in its `M`)"));
    }

    #[test]
    fn kept_value_and_shown_name_are_bounded() {
        let error =
            DecodeError::malformed("M", &"n".repeat(900), FieldError::expected("x"), &[7; 900]);
        assert_eq!(error.value().map(<[u8]>::len), Some(256));
        assert!(error.field().unwrap().len() < 80);
    }

    #[test]
    fn foreign_names_are_escaped() {
        let error = DecodeError::unknown_field("M", b"a\xff\n\x1b[2Jb");
        assert_eq!(
            error.to_string(),
            r"`M`: field `a\xff\n\u{1b}[2Jb` is unknown"
        );
    }
}
