//! The functions that derived code calls: to read and write fields, and to report missing
//! or unknown ones.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::message::fields::Claims;
use crate::message::{
    DecodeError, EncodeError, FieldError, FieldSchema, FieldType, FieldWriter, Fields, FromField,
    Schema, StreamMessage, ToField,
};

/// A writer that appends to `out`: for benchmarks of derived code.
pub fn writer(out: &mut Vec<u8>) -> FieldWriter<'_> {
    FieldWriter::new(out)
}

/// The idempotency key of a message: for tests.
pub fn key_of(message: &impl StreamMessage) -> Result<Option<Box<[u8]>>, EncodeError> {
    let mut out = Vec::new();
    let mut writer = FieldWriter::new(&mut out);
    message.encode(&mut writer)?;
    Ok(writer.take_key())
}

/// Writes a field whose value is the message's idempotency key, with the variant in
/// front.
pub fn write_key<'w>(
    out: &mut FieldWriter<'w>,
    variant: &str,
    write: impl FnOnce(&mut FieldWriter<'w>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    out.keyed(variant, write)
}

/// The hash of the partition key of a message: for tests.
pub fn place_of(message: &impl StreamMessage) -> Result<Option<u32>, EncodeError> {
    let mut out = Vec::new();
    let mut writer = FieldWriter::new(&mut out);
    message.encode(&mut writer)?;
    Ok(writer.place())
}

/// Writes a field whose value is the message's partition key.
#[inline]
pub fn write_place<'w>(
    out: &mut FieldWriter<'w>,
    write: impl FnOnce(&mut FieldWriter<'w>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    out.placed(write)
}

/// Writes a flattened message without changing the outer message's partition key.
#[inline]
pub fn write_unplaced<'w>(
    out: &mut FieldWriter<'w>,
    write: impl FnOnce(&mut FieldWriter<'w>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    out.unplaced(write)
}

/// Puts the variant in front of the key of the message in it.
#[inline]
pub fn tell_key_apart(out: &mut FieldWriter<'_>, variant: &str) {
    out.tell_key_apart(variant);
}

/// The schema of a derived type; with `keyless`, none of its messages has an idempotency
/// key.
pub const fn keyed_unless(schema: Schema, keyless: bool) -> Schema {
    schema.keyless(keyless).by_derive()
}

/// Keeps the value of a sensitive field out of an error.
#[inline]
pub fn concealed<T>(
    read: Result<T, DecodeError>,
    own: &'static [FieldSchema],
    name: &str,
) -> Result<T, DecodeError> {
    read.map_err(|error| conceal(error, own, name))
}

#[cold]
fn conceal(error: DecodeError, own: &'static [FieldSchema], name: &str) -> DecodeError {
    let field = own.iter().find(|field| field.name == name);
    error.concealed(field.map_or(FieldType::Custom, |field| field.ty))
}

/// Writes a sensitive field; an error leaves out the text of the field's own code.
#[inline]
pub fn write_concealed<'w>(
    out: &mut FieldWriter<'w>,
    write: impl FnOnce(&mut FieldWriter<'w>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    write(out).map_err(EncodeError::concealed)
}

/// Whether no message of a type has an idempotency key of its own.
pub const fn is_keyless(schema: &Schema) -> bool {
    schema.is_keyless()
}

/// Writes a flattened message without changing the outer message's idempotency key.
#[inline]
pub fn write_unkeyed<'w>(
    out: &mut FieldWriter<'w>,
    write: impl FnOnce(&mut FieldWriter<'w>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    out.unkeyed(write)
}

/// Reads a field, or the value that its absence stands for. `own` has its schema.
#[inline]
pub fn field<T: FromField>(
    value: Option<&[u8]>,
    message: &'static str,
    name: &str,
    own: &'static [FieldSchema],
) -> Result<T, DecodeError> {
    match value {
        Some(value) => present(value, message, name),
        None => T::absent().ok_or_else(|| missing(message, name, own)),
    }
}

#[cold]
fn missing(message: &'static str, name: &str, own: &'static [FieldSchema]) -> DecodeError {
    let expected = own.iter().find(|field| field.name == name);
    DecodeError::missing(
        message,
        name,
        expected.map_or(FieldType::Custom, |field| field.ty),
    )
}

/// Reads a field that is there.
#[inline]
pub fn present<T: FromField>(
    value: &[u8],
    message: &'static str,
    name: &str,
) -> Result<T, DecodeError> {
    T::from_field(value).map_err(|error| DecodeError::malformed(message, name, error, value))
}

/// Reads a JSON field. An absent one is read as `null`.
pub fn json<T: DeserializeOwned>(
    value: Option<&[u8]>,
    message: &'static str,
    name: &str,
    own: &'static [FieldSchema],
) -> Result<T, DecodeError> {
    match value {
        Some(value) => json_present(value, message, name),
        None => serde_json::from_slice(b"null").map_err(|_| missing(message, name, own)),
    }
}

/// Reads a JSON field that is there.
pub fn json_present<T: DeserializeOwned>(
    value: &[u8],
    message: &'static str,
    name: &str,
) -> Result<T, DecodeError> {
    json_value(value).map_err(|error| DecodeError::malformed(message, name, error, value))
}

/// Reads JSON. serde's own text is left out, since it repeats the value.
pub fn json_value<T: DeserializeOwned>(value: &[u8]) -> Result<T, FieldError> {
    serde_json::from_slice(value).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => "another shape",
            serde_json::error::Category::Eof => "the document ends too early",
            serde_json::error::Category::Io | serde_json::error::Category::Syntax => "not JSON",
        };
        let (line, column) = (error.line(), error.column());
        FieldError::expected(FieldType::Json.to_string())
            .because(format_args!("{what}, at line {line} column {column}"))
    })
}

/// Writes a JSON field; no field for `null`, as for every `None`.
pub fn write_json<T: Serialize + ?Sized>(
    value: &T,
    name: &str,
    out: &mut FieldWriter<'_>,
) -> Result<(), EncodeError> {
    out.json_unless_null(name, value)
}

/// Writes a JSON field, even for `null`, if its absence means a default.
pub fn write_json_or_null<T: Serialize + ?Sized>(
    value: &T,
    name: &str,
    out: &mut FieldWriter<'_>,
) -> Result<(), EncodeError> {
    out.json(name, value)
}

/// Writes a field of `with = "module"`.
#[inline]
pub fn write_with(
    value: impl AsRef<[u8]>,
    name: &str,
    out: &mut FieldWriter<'_>,
) -> Result<(), EncodeError> {
    out.bytes(name, value.as_ref())
}

/// Reads a value by the `decode` of `module`.
#[inline]
pub fn read_with<'a, T, E: fmt::Display>(
    decode: impl FnOnce(&'a [u8]) -> Result<T, E>,
    value: &'a [u8],
    module: &'static str,
) -> Result<T, FieldError> {
    decode(value).map_err(|error| refused(module, error))
}

#[cold]
fn refused(module: &str, error: impl fmt::Display) -> FieldError {
    FieldError::expected(format!("what `{module}` reads")).because(error)
}

/// Writes a field as `Display` shows it.
#[inline]
pub fn write_text<T: fmt::Display + ?Sized>(
    value: &T,
    name: &str,
    out: &mut FieldWriter<'_>,
) -> Result<(), EncodeError> {
    out.display(name, value)
}

/// Reads a field by `FromStr`. The type's own error is left out, since it may
/// repeat the value.
#[inline]
pub fn read_text<T: FromStr>(value: &[u8], expected: &'static str) -> Result<T, FieldError> {
    let text = str::from_utf8(value).ok();
    let read = text.and_then(|text| text.parse().ok());
    read.ok_or_else(|| FieldError::expected(expected))
}

/// Names the field whose value was refused.
#[inline]
pub fn in_field<T>(
    read: Result<T, FieldError>,
    message: &'static str,
    name: &str,
    value: &[u8],
) -> Result<T, DecodeError> {
    read.map_err(|error| DecodeError::malformed(message, name, error, value))
}

/// Takes the bytes of a field that must be there. `own` has its schema.
#[inline]
pub fn required<'a>(
    value: Option<&'a [u8]>,
    message: &'static str,
    name: &str,
    own: &'static [FieldSchema],
) -> Result<&'a [u8], DecodeError> {
    value.ok_or_else(|| missing(message, name, own))
}

/// The error for a tag that is absent or names no variant.
#[cold]
pub fn bad_tag(schema: &'static Schema, tag: &str, value: Option<&[u8]>) -> DecodeError {
    let expected = Variants(schema);
    match value {
        Some(value) => {
            let expected = FieldError::expected(expected.to_string());
            DecodeError::unknown_variant(schema.name, tag, expected, value)
        }
        None => DecodeError::missing(schema.name, tag, expected),
    }
}

struct Variants(&'static Schema);

impl fmt::Display for Variants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of ")?;
        for (position, variant) in self.0.variants.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}`{}`", variant.name)?;
        }
        Ok(())
    }
}

/// The error for a word that is not one of an enum's.
#[cold]
pub fn bad_choice<T: ToField>() -> FieldError {
    FieldError::expected(T::TYPE.to_string())
}

/// The fields of one variant.
pub const fn variant_fields(schema: &'static Schema, variant: usize) -> &'static [FieldSchema] {
    match schema.variants.split_at_checked(variant) {
        Some((_, [variant, ..])) => variant.fields,
        _ => &[],
    }
}

/// The view of an entry for a flattened field.
#[inline]
pub fn flattened<'a>(fields: Fields<'a>, claims: &'a Claims<'a>) -> Fields<'a> {
    fields.flattened(claims)
}

/// Whether no flattened message among `own`, and no message around this one, has the
/// field.
pub fn is_unknown(name: &[u8], own: &'static [FieldSchema], view: Fields<'_>) -> bool {
    !own.iter().any(|field| field.claims(name)) && !view.is_claimed(name)
}
