//! Accessors of replies for tests.

use super::{ReplyRef, Token};

impl<'a> ReplyRef<'a> {
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn is_nil(self) -> bool {
        self.token() == Some(Token::Nil)
    }

    pub(crate) fn is_error(self) -> bool {
        matches!(self.token(), Some(Token::Error { .. }))
    }

    /// The number of elements of an array.
    pub(crate) fn len(self) -> Option<usize> {
        match self.token() {
            Some(Token::Array(count)) => Some(count as usize),
            _ => None,
        }
    }

    /// The elements of an array; none for any other value.
    pub(crate) fn elements(self) -> Elements<'a> {
        Elements {
            bytes: self.bytes,
            tokens: self.tokens.get(1..).unwrap_or_default(),
            left: self.len().unwrap_or_default(),
        }
    }
}

/// Iterates over the elements of an array, each with what is in it.
#[derive(Debug, Clone)]
pub(crate) struct Elements<'a> {
    bytes: &'a [u8],
    tokens: &'a [Token],
    left: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = ReplyRef<'a>;

    fn next(&mut self) -> Option<ReplyRef<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (value, rest) = self.tokens.split_at_checked(width(self.tokens))?;
        self.tokens = rest;
        Some(ReplyRef::new(self.bytes, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// How many tokens the first value takes, with all that is in it.
fn width(tokens: &[Token]) -> usize {
    let mut pending = 1;
    for (index, token) in tokens.iter().enumerate() {
        if let Token::Array(count) = token {
            pending += *count as usize;
        }
        pending -= 1;
        if pending == 0 {
            return index + 1;
        }
    }
    tokens.len()
}
