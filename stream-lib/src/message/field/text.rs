//! Text and bytes.

use std::borrow::Cow;

use super::number::expected;
use super::value::{FromField, ToField};
use crate::message::error::{EncodeError, FieldError};
use crate::message::schema::FieldType;
use crate::message::writer::FieldWriter;

impl ToField for str {
    const TYPE: FieldType = FieldType::Text;

    #[inline]
    fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        out.text(name, self)
    }
}

impl ToField for String {
    const TYPE: FieldType = FieldType::Text;

    #[inline]
    fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        out.text(name, self)
    }
}

impl FromField for String {
    #[inline]
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        utf8(value).map(str::to_owned)
    }
}

impl FromField for Box<str> {
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        utf8(value).map(Self::from)
    }
}

impl FromField for Cow<'_, str> {
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        String::from_field(value).map(Cow::Owned)
    }
}

impl ToField for char {
    const TYPE: FieldType = FieldType::Char;

    fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        out.text(name, self.encode_utf8(&mut [0; 4]))
    }
}

impl FromField for char {
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        let mut characters = str::from_utf8(value).unwrap_or_default().chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(character),
            _ => Err(expected::<Self>()),
        }
    }
}

impl ToField for [u8] {
    const TYPE: FieldType = FieldType::Bytes;

    #[inline]
    fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        out.bytes(name, self)
    }
}

impl ToField for Vec<u8> {
    const TYPE: FieldType = FieldType::Bytes;

    #[inline]
    fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        out.bytes(name, self)
    }
}

impl FromField for Vec<u8> {
    #[inline]
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        Ok(value.to_vec())
    }
}

impl FromField for Box<[u8]> {
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        Ok(Self::from(value))
    }
}

impl FromField for Cow<'_, [u8]> {
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        Ok(Cow::Owned(value.to_vec()))
    }
}

impl<const N: usize> ToField for [u8; N] {
    const TYPE: FieldType = FieldType::ByteArray(N);

    #[inline]
    fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        out.bytes(name, self)
    }
}

impl<const N: usize> FromField for [u8; N] {
    #[inline]
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        Self::try_from(value).map_err(|_| expected::<Self>())
    }
}

#[inline]
fn utf8(value: &[u8]) -> Result<&str, FieldError> {
    str::from_utf8(value).map_err(|_| expected::<str>())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn text_must_be_utf8_and_a_char_exactly_one() {
        assert_eq!(
            String::from_field(b"\xff").unwrap_err().to_string(),
            "expected UTF-8 text"
        );
        assert_eq!(char::from_field("ß".as_bytes()), Ok('ß'));
        for value in [&b""[..], b"ab", b"\xff"] {
            assert!(char::from_field(value).is_err());
        }
    }

    #[test]
    fn arrays_want_their_exact_length() {
        assert_eq!(<[u8; 2]>::from_field(&[1, 2]), Ok([1, 2]));
        let error = <[u8; 2]>::from_field(&[1]).unwrap_err().to_string();
        assert_eq!(error, "expected exactly 2 bytes");
    }

    #[test]
    fn pointers_read_what_they_point_to() {
        assert_eq!(Arc::<str>::from_field(b"a"), Ok(Arc::from("a")));
        assert_eq!(Arc::<[u8]>::from_field(b"a"), Ok(Arc::from(&b"a"[..])));
        assert_eq!(Arc::<u8>::from_field(b"1"), Ok(Arc::new(1)));
        assert_eq!(Box::<Option<u8>>::absent(), Some(Box::new(None)));
    }
}
