//! The traits of typed messages, and the pointers and options that pass them on.

use std::sync::Arc;

use super::error::{DecodeError, EncodeError};
use super::fields::Fields;
use super::schema::Schema;
use super::writer::FieldWriter;

/// A type that can be written as an entry of a stream.
///
/// Implemented by `#[derive(StreamMessage)]`; by hand for a type with a form of its own.
///
/// # Examples
///
/// ```
/// use stream_lib::message::{EncodeError, FieldType, FieldSchema, FieldWriter, Schema};
/// use stream_lib::{RawMessage, StreamMessage};
///
/// struct Point {
///     x: f64,
///     y: f64,
/// }
///
/// impl StreamMessage for Point {
///     const SCHEMA: &'static Schema = &Schema::new("Point").with_fields(&[
///         FieldSchema::new("at", FieldType::Text),
///     ]);
///
///     fn encode(&self, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
///         out.display("at", format_args!("{},{}", self.x, self.y))
///     }
/// }
///
/// let raw = RawMessage::from_message(&Point { x: 1.0, y: 2.5 })?;
/// assert_eq!(raw.get_str("at"), Some("1,2.5"));
/// # Ok::<(), EncodeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message",
    label = "not a `StreamMessage`",
    note = "put `#[derive(StreamMessage)]` on it; an enum needs `#[stream(tag = \"..\")]` to be a message"
)]
pub trait StreamMessage {
    /// The fields of this type, for tools.
    const SCHEMA: &'static Schema;

    /// Writes every field, in order.
    ///
    /// # Errors
    ///
    /// More than 1,000 fields, a name that starts with `~`, a name or value
    /// above 512 MiB, or a value that its serializer refuses. The caller discards
    /// the fields written before the error.
    fn encode(&self, out: &mut FieldWriter<'_>) -> Result<(), EncodeError>;
}

/// A [`StreamMessage`] that owns its fields, and so can be read back.
///
/// Implemented by `#[derive(StreamMessage)]` for every type that borrows
/// nothing.
///
/// # Examples
///
/// By hand, here for a message that another program writes in one of two ways:
///
/// ```
/// use stream_lib::message::{
///     DecodeError, EncodeError, FieldSchema, FieldType, FieldWriter, Fields, FromField, Schema,
/// };
/// use stream_lib::{OwnedMessage, RawMessage, StreamMessage};
///
/// struct Reading {
///     celsius: f64,
/// }
///
/// impl StreamMessage for Reading {
///     const SCHEMA: &'static Schema = &Schema::new("Reading")
///         .with_fields(&[FieldSchema::new("celsius", FieldType::Float { bits: 64 })]);
///
///     fn encode(&self, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
///         out.field("celsius", &self.celsius)
///     }
/// }
///
/// impl OwnedMessage for Reading {
///     fn decode(fields: Fields<'_>) -> Result<Self, DecodeError> {
///         let number = |name, value| {
///             f64::from_field(value)
///                 .map_err(|error| DecodeError::malformed("Reading", name, error, value))
///         };
///         match (fields.get("celsius"), fields.get("fahrenheit")) {
///             (Some(value), _) => Ok(Self { celsius: number("celsius", value)? }),
///             (None, Some(value)) => {
///                 let fahrenheit = number("fahrenheit", value)?;
///                 Ok(Self { celsius: (fahrenheit - 32.0) / 1.8 })
///             }
///             (None, None) => Err(DecodeError::missing("Reading", "celsius", "a number")),
///         }
///     }
/// }
///
/// let reading: Reading = RawMessage::new().with("fahrenheit", "212").decode()?;
/// assert_eq!(reading.celsius, 100.0);
/// # Ok::<(), DecodeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be read from an entry",
    label = "not an `OwnedMessage`",
    note = "`#[derive(StreamMessage)]` implements it for types that borrow nothing"
)]
pub trait OwnedMessage: StreamMessage + Sized {
    /// Reads the message out of an entry's fields, in one pass.
    ///
    /// # Errors
    ///
    /// A field is missing or malformed, or the type refuses unknown fields and
    /// there is one.
    fn decode(fields: Fields<'_>) -> Result<Self, DecodeError>;
}

/// A message type with a stream of its own: `#[stream(name = "orders")]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no stream of its own",
    label = "no `#[stream(name = \"..\")]`",
    note = "name the stream with `#[stream(name = \"..\")]` on the type, or say where it goes with `add_to`"
)]
pub trait Routed {
    /// The stream that `manager.add` writes this type to.
    const STREAM: &'static str;
}

macro_rules! message_through_pointer {
    ($($pointer:ty),*) => {$(
        impl<M: StreamMessage + ?Sized> StreamMessage for $pointer {
            const SCHEMA: &'static Schema = M::SCHEMA;

            fn encode(&self, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
                (**self).encode(out)
            }
        }

        impl<M: Routed + ?Sized> Routed for $pointer {
            const STREAM: &'static str = M::STREAM;
        }
    )*};
}

message_through_pointer!(&M, Box<M>, Arc<M>);

impl<M: OwnedMessage> OwnedMessage for Box<M> {
    fn decode(fields: Fields<'_>) -> Result<Self, DecodeError> {
        M::decode(fields).map(Self::new)
    }
}

impl<M: OwnedMessage> OwnedMessage for Arc<M> {
    fn decode(fields: Fields<'_>) -> Result<Self, DecodeError> {
        M::decode(fields).map(Self::new)
    }
}

/// A flattened message that may be absent: `None` writes no field, and an entry without a
/// field of `M` is read as `None`.
impl<M: StreamMessage> StreamMessage for Option<M> {
    const SCHEMA: &'static Schema = &M::SCHEMA.optional();

    fn encode(&self, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        self.as_ref().map_or(Ok(()), |message| message.encode(out))
    }
}

impl<M: OwnedMessage> OwnedMessage for Option<M> {
    fn decode(fields: Fields<'_>) -> Result<Self, DecodeError> {
        if fields.rest().any(|(name, _)| M::SCHEMA.claims(name)) {
            M::decode(fields).map(Some)
        } else {
            Ok(None)
        }
    }
}
