//! Answers of Redis to requests that aren't the library's own.

use crate::connection::{ReplyRef, Token};

/// An answer of Redis, as received.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A nil.
    Nil,
    /// A number.
    Int(i64),
    /// A string of any bytes.
    Bytes(Vec<u8>),
    /// Several values.
    List(Vec<Answer>),
    /// The line of an error: `CODE text`.
    Error(String),
}

impl Answer {
    pub(crate) fn read(reply: ReplyRef<'_>) -> Self {
        Self::next(reply, &mut reply.tokens().iter().copied())
    }

    /// The scanner's limit on depth bounds the recursion.
    fn next(reply: ReplyRef<'_>, tokens: &mut impl Iterator<Item = Token>) -> Self {
        match tokens.next() {
            None | Some(Token::Nil) => Self::Nil,
            Some(Token::Int(number)) => Self::Int(number),
            Some(Token::Bulk { start, end } | Token::Simple { start, end }) => {
                Self::Bytes(reply.slice(start, end).to_vec())
            }
            Some(Token::Error { start, end }) => {
                Self::Error(String::from_utf8_lossy(reply.slice(start, end)).into_owned())
            }
            Some(Token::Array(count)) => {
                Self::List((0..count).map(|_| Self::next(reply, tokens)).collect())
            }
        }
    }
}
