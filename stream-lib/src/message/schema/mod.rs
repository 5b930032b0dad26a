//! What a message type looks like from outside, for tools and error texts.

mod overlap;
mod shape;
mod text;

pub use self::overlap::is_open_twice;
pub(crate) use self::overlap::{Overlap, overlap};
pub use self::shape::{FieldSchema, FieldType, Schema, VariantSchema};
