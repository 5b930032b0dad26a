//! Replies of a server, read as a connection reads them, but without one: for the fuzzer
//! and for allocation counts.

use crate::command::Entries;
use crate::connection::{Limits, Progress, Reply, Scanner, Token};
use crate::error::Result;
use crate::message::Fields;

/// Reads a reply from bytes that come in pieces.
#[derive(Debug)]
pub struct ReplyReader {
    scanner: Scanner,
    limits: Limits,
}

/// The progress of a [`ReplyReader`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// The reply is whole and this long.
    Whole(usize),
    /// At least this many bytes are missing.
    Missing(usize),
    /// The bytes are no reply; the text says why, and where.
    Odd(String),
}

/// One value of a reply; an array is followed by its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyValue {
    /// An array of this many elements.
    Array(usize),
    /// A string, from one offset to another.
    Text(usize, usize),
    /// An error, likewise.
    Error(usize, usize),
    /// A number.
    Int(i64),
    /// No value.
    Nil,
}

impl Default for ReplyReader {
    fn default() -> Self {
        Self::within(Limits::DEFAULT)
    }
}

impl ReplyReader {
    /// A reader whose limits a few bytes can reach.
    pub fn small() -> Self {
        Self::within(Limits {
            depth: 3,
            tokens: 12,
            bulk: 16,
            line: 8,
            reply: 64,
        })
    }

    fn within(limits: Limits) -> Self {
        Self {
            scanner: Scanner::new(limits),
            limits,
        }
    }

    /// Continues with the reply that starts at the first byte.
    pub fn read(&mut self, bytes: &[u8]) -> Came {
        match self.scanner.scan(bytes) {
            Ok(Progress::Whole(length)) => Came::Whole(length),
            Ok(Progress::Missing(bytes)) => Came::Missing(bytes),
            Err(error) => Came::Odd(error.to_string()),
        }
    }

    /// Continues with the next reply.
    pub fn begin(&mut self) {
        self.scanner.begin();
    }

    /// The values of the last reply.
    pub fn values(&self) -> Vec<ReplyValue> {
        let values = self.scanner.tokens().iter().map(|token| match *token {
            Token::Array(count) => ReplyValue::Array(count as usize),
            Token::Bulk { start, end } | Token::Simple { start, end } => {
                ReplyValue::Text(start as usize, end as usize)
            }
            Token::Error { start, end } => ReplyValue::Error(start as usize, end as usize),
            Token::Int(number) => ReplyValue::Int(number),
            Token::Nil => ReplyValue::Nil,
        });
        values.collect()
    }

    /// The most values and bytes of a reply.
    pub fn most(&self) -> (usize, usize) {
        (self.limits.tokens, self.limits.reply)
    }

    /// Reads `bytes`, the last reply, as the answer to `XREADGROUP` on one stream.
    pub fn entries(&mut self, bytes: Vec<u8>) -> Result<ReadEntries> {
        let tokens = self.scanner.take_tokens();
        Entries::from_read(Reply { bytes, tokens }).map(ReadEntries)
    }
}

/// Entries, as a consumer's reader hands them to workers.
#[derive(Debug)]
pub struct ReadEntries(Entries);

impl ReadEntries {
    /// The number of entries.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The fields of one entry; none beyond the last.
    pub fn fields(&self, index: usize) -> Fields<'_> {
        self.0.fields(index)
    }
}
