//! The message types of this process, stored with their streams.
//!
//! The *book* has a *note* of each type of one manager, with the stream it is written to
//! or read from. *types* are those that one producer writes: they see to it that a type
//! with sensitive fields is stored before its first message goes out.

mod book;
mod note;
mod types;

pub(crate) use self::book::SchemaBook;
pub(crate) use self::types::Types;
