//! What an entry of a stream says: typed messages, their fields, and ids.
//!
//! A message is an ordered list of field names and byte values. A type becomes
//! one with `#[derive(StreamMessage)]`; [`RawMessage`] is the untyped form.

mod error;
mod field;
mod fields;
mod id;
mod raw;
mod schema;
mod writer;

pub use self::error::{DecodeError, EncodeError, FieldError};
pub use self::field::{FromField, ToField};
pub use self::fields::Fields;
pub use self::id::EntryId;
pub use self::raw::RawMessage;
pub use self::schema::{FieldSchema, FieldType, Schema};
pub use self::writer::FieldWriter;

/// A type that can be written as an entry of a stream.
pub trait StreamMessage {
    /// The fields of this type, for tools.
    const SCHEMA: &'static Schema;

    /// Writes every field, in order.
    fn encode(&self, out: &mut FieldWriter<'_>) -> Result<(), EncodeError>;
}

/// A [`StreamMessage`] that owns its fields, and so can be read back.
pub trait OwnedMessage: StreamMessage + Sized {
    /// Reads the message out of an entry's fields, in one pass.
    fn decode(fields: Fields<'_>) -> Result<Self, DecodeError>;
}

/// A message type with a stream of its own: `#[stream(name = "orders")]`.
pub trait Routed {
    /// The stream that `manager.add` writes this type to.
    const STREAM: &'static str;
}
