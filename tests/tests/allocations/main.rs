//! Allocations per message: encoding writes into the buffer that is sent, and decoding
//! reads from the reply into the struct.
//!
//! All counts are those of one thread.
#![expect(
    clippy::unwrap_used,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod adding;
mod decoding;
mod encoding;

use stream_lib::__private::{Came, ReadEntries, ReplyReader};
use stream_lib::{RawMessage, StreamMessage};

/// How often `work` allocates; growing what is there already counts too.
fn allocations<T>(work: impl FnOnce() -> T) -> u64 {
    let mut result = None;
    let counted = allocation_counter::measure(|| result = Some(work()));
    drop(result);
    counted.count_total
}

/// The answer to `XREADGROUP` with these messages.
fn reply_of<M: StreamMessage>(messages: &[M]) -> Vec<u8> {
    let mut reply = format!("*1\r\n*2\r\n$6\r\norders\r\n*{}\r\n", messages.len()).into_bytes();
    for (n, message) in messages.iter().enumerate() {
        let entry = RawMessage::from_message(message).unwrap();
        let fields: Vec<_> = entry.fields().iter().collect();
        let id = format!("1700000000000-{n}");
        let head = format!("*2\r\n${}\r\n{id}\r\n*{}\r\n", id.len(), 2 * fields.len());
        reply.extend(head.as_bytes());
        for text in fields.iter().flat_map(|(name, value)| [name, value]) {
            reply.extend(format!("${}\r\n", text.len()).as_bytes());
            reply.extend_from_slice(text);
            reply.extend(b"\r\n");
        }
    }
    reply
}

/// Reads a reply that has come whole.
fn read(reader: &mut ReplyReader, reply: Vec<u8>) -> ReadEntries {
    reader.begin();
    assert_eq!(reader.read(&reply), Came::Whole(reply.len()));
    reader.entries(reply).unwrap()
}
