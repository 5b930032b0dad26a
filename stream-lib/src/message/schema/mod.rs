//! Descriptions of message types, for tools and error texts.
//!
//! *shape* has the description of a type, in constants; *owned* has one that went through
//! Redis, for tools that don't have the type.

mod overlap;
mod owned;
mod shape;
mod text;

pub use self::overlap::is_open_twice;
pub(crate) use self::overlap::{Overlap, overlap};
pub(crate) use self::owned::SchemaText;
pub use self::owned::{SchemaField, SchemaShape, SchemaVariant};
pub use self::shape::{FieldSchema, FieldType, Schema, VariantSchema};
