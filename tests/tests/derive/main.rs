//! `#[derive(StreamMessage)]`: writing, reading and refusing.

mod behaviour;
mod enums;
mod evolution;
mod forms;
mod keys;
mod nested;
mod partition_keys;
mod round_trip;
mod schema;
mod sensitive;
mod ui;
mod values;

use stream_lib::{RawMessage, StreamMessage};

/// What a message looks like in an entry.
fn raw(message: &impl StreamMessage) -> RawMessage {
    RawMessage::from_message(message).expect("a message that can be written")
}

/// An entry of text fields.
fn fields<const N: usize>(fields: [(&str, &str); N]) -> RawMessage {
    fields.into_iter().collect()
}
