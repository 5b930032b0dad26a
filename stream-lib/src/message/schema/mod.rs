//! What a message type looks like from outside, for tools and error texts.
//!
//! A *shape* is a type's own, in constants. *Owned*, it has gone through Redis: then it
//! is for tools that haven't the type.

mod overlap;
mod owned;
mod shape;
mod text;

pub use self::overlap::is_open_twice;
pub(crate) use self::overlap::{Overlap, overlap};
pub(crate) use self::owned::told;
pub use self::owned::{SchemaField, SchemaShape, SchemaVariant};
pub use self::shape::{FieldSchema, FieldType, Schema, VariantSchema};
