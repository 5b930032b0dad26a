//! Messages of streams: typed messages, their fields, and ids.
//!
//! A message is an ordered list of field names and byte values. A type becomes
//! one with `#[derive(StreamMessage)]`; [`RawMessage`] is the untyped form.
//!
//! # How values are written
//!
//! As text, in the same way as go-redis and users of redis-cli, so that programs in other
//! languages can read and write the same streams:
//!
//! | Rust | in the entry |
//! |---|---|
//! | integers, `NonZero` | decimal: `42`, `-7`; `7.0` and `1e+3`, from programs that pass integers through a float, are read too |
//! | `f32`, `f64` | shortest decimal that reads back the same, without an exponent (one is read too): `99.99`, `1`; `NaN`, `inf`, `-inf` |
//! | `bool` | `1` or `0`; `true` and `false` are read too |
//! | `char`, `String`, `&str`, `Box<str>`, `Arc<str>`, `Cow<str>` | UTF-8 as it is |
//! | `Vec<u8>`, `&[u8]`, `[u8; N]`, `Box<[u8]>`, `Cow<[u8]>` | the bytes as they are |
//! | [`Duration`](std::time::Duration) | milliseconds, with a fraction if there is one: `1500`, `0.25` |
//! | [`SystemTime`](std::time::SystemTime) | milliseconds since 1970 in the same form; negative before |
//! | [`EntryId`] | `1700000000000-0` |
//! | `Option<T>` | no field at all for `None` |
//! | enum of unit variants, with the derive | the variant's name |
//!
//! White space around a number or a boolean is refused.
//!
//! Other types are written by `Display` and read by `FromStr` (`#[stream(text)]`),
//! written as JSON (`#[stream(json)]`), or have a form of their own
//! (`#[stream(with = "module")]`).
//!
//! # Reserved names
//!
//! Field names that start with `~` belong to the library. They carry headers
//! such as the origin of a dead letter, are refused when a message is written
//! and are invisible to [`Fields::iter`].

pub(crate) mod dead_reason;
mod error;
mod field;
pub(crate) mod fields;
mod fit;
pub(crate) mod id;
mod json;
pub(crate) mod raw;
mod reserved;
pub(crate) mod schedule_id;
pub(crate) mod schema;
pub(crate) mod typed;
mod writer;

pub use self::error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, FieldError};
pub use self::field::{FromField, ToField};
pub use self::fields::Fields;
pub(crate) use self::fields::Span;
pub use self::fit::Misfit;
pub(crate) use self::fit::{MASK, misfits};
pub(crate) use self::reserved::RESERVED;
pub use self::schema::{
    FieldSchema, FieldType, Schema, SchemaField, SchemaShape, SchemaVariant, VariantSchema,
};
pub use self::writer::FieldWriter;
pub(crate) use self::writer::MAX_FIELDS;

// Public in the root of the crate; these paths remain for earlier programs.
#[doc(hidden)]
pub use self::id::EntryId;
#[doc(hidden)]
pub use self::raw::RawMessage;
#[doc(hidden)]
pub use self::typed::{OwnedMessage, Routed, StreamMessage};
