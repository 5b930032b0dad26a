//! Functions for the code of `#[derive(StreamMessage)]`. They are not public API and may
//! change in any release.
//!
//! *derive* has the functions, and *problem* those that the compiler evaluates.
//! *callers*, *counting* and *replies* open up three parts of the library to benchmarks,
//! allocation counts and the fuzzer.

mod callers;
mod counting;
mod derive;
mod problem;
mod replies;

pub use std::default::Default;
pub use std::fmt::Display;
pub use std::str::FromStr;

pub use serde::Serialize;
pub use serde::de::DeserializeOwned;

pub use crate::message::fields::Claims;
pub use crate::message::schema::is_open_twice;
pub use crate::message::{
    DecodeError, EncodeError, FieldError, FieldSchema, FieldType, FieldWriter, Fields, FromField,
    OwnedMessage, Routed, Schema, StreamMessage, ToField, VariantSchema,
};

pub use self::callers::Callers;
pub use self::counting::Counting;
pub use self::derive::{
    bad_choice, bad_tag, concealed, field, flattened, in_field, is_keyless, is_unknown, json,
    json_present, json_value, key_of, keyed_unless, place_of, present, read_text, read_with,
    required, tell_key_apart, variant_fields, write_concealed, write_json, write_json_or_null,
    write_key, write_place, write_text, write_unkeyed, write_unplaced, write_with, writer,
};
pub use self::problem::{Problem, name_problem, overlaps};
pub use self::replies::{Came, ReadEntries, ReplyReader, ReplyValue};
