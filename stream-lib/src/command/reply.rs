//! Replies, read token by token.

use crate::connection::{Reply, ReplyRef, ServerError, Token};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{EntryId, Span};

/// Walks the tokens of one reply, each call taking the kind it expects.
pub(super) struct Tokens<'a> {
    reply: ReplyRef<'a>,
    rest: std::slice::Iter<'a, Token>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(reply: &'a Reply) -> Self {
        Self::of(reply.as_ref())
    }

    pub(super) fn of(reply: ReplyRef<'a>) -> Self {
        Self {
            reply,
            rest: reply.tokens().iter(),
        }
    }

    /// How many values are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The length of the array that begins here.
    pub(super) fn array(&mut self) -> Result<u32> {
        match self.rest.next() {
            Some(Token::Array(len)) => Ok(*len),
            _ => Err(unexpected("an array")),
        }
    }

    /// Takes a nil, if it is next.
    pub(super) fn nil(&mut self) -> bool {
        let nil = matches!(self.rest.as_slice().first(), Some(Token::Nil));
        if nil {
            self.rest.next();
        }
        nil
    }

    /// Takes an error, if it is next: its line.
    pub(super) fn error(&mut self) -> Option<&'a [u8]> {
        let Some(&Token::Error { start, end }) = self.rest.as_slice().first() else {
            return None;
        };
        self.rest.next();
        Some(self.reply.slice(start, end))
    }

    pub(super) fn bulk(&mut self) -> Result<Span> {
        match self.rest.next() {
            Some(&Token::Bulk { start, end }) => Ok(Span { start, end }),
            _ => Err(unexpected("a string")),
        }
    }

    pub(super) fn int(&mut self) -> Result<i64> {
        match self.rest.next() {
            Some(Token::Int(number)) => Ok(*number),
            _ => Err(unexpected("a number")),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8]> {
        let span = self.bulk()?;
        Ok(self.reply.slice(span.start, span.end))
    }

    /// Whether a string begins with this byte.
    pub(super) fn starts_with(&self, span: Span, byte: u8) -> bool {
        self.reply.slice(span.start, span.end).first() == Some(&byte)
    }

    pub(super) fn text(&mut self) -> Result<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| unexpected("text"))
    }

    pub(super) fn entry_id(&mut self) -> Result<EntryId> {
        EntryId::parse(self.bytes()?).map_err(|_| unexpected("an entry id"))
    }
}

/// The error for a reply that doesn't fit the command, from a proxy for example.
pub(super) fn unexpected(wanted: &str) -> Error {
    Error::new(
        ErrorKind::Protocol,
        format!("Redis answered with something other than {wanted}"),
    )
}

/// Turns an error reply into an error.
pub(super) fn checked(reply: Reply) -> Result<Reply> {
    match reply.as_ref().error() {
        Some(line) => Err(ServerError::new(line).into_error()),
        None => Ok(reply),
    }
}

/// The answer to one `XADD`.
pub(super) fn entry_id(reply: ReplyRef<'_>) -> Result<EntryId> {
    if let Some(line) = reply.error() {
        return Err(ServerError::new(line).into_error());
    }
    reply
        .text()
        .and_then(|id| EntryId::parse(id).ok())
        .ok_or_else(|| unexpected("an entry id"))
}

/// An answer that is a number.
pub(super) fn int(reply: ReplyRef<'_>) -> Result<i64> {
    if let Some(line) = reply.error() {
        return Err(ServerError::new(line).into_error());
    }
    reply.int().ok_or_else(|| unexpected("a number"))
}
