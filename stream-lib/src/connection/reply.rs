//! Replies: their bytes, and the place of each value in them.

use super::scan::Token;

/// A reply that owns its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tokens: Vec<Token>,
}

impl Reply {
    pub(crate) fn as_ref(&self) -> ReplyRef<'_> {
        ReplyRef::new(&self.bytes, &self.tokens)
    }
}

/// A reply, or one value of it, in a borrowed buffer.
///
/// Offsets in `tokens` count from the first byte of `bytes`, which is always the whole
/// reply. The first token is the value; the tokens after it are its elements, elements'
/// elements, and so on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReplyRef<'a> {
    bytes: &'a [u8],
    tokens: &'a [Token],
}

impl<'a> ReplyRef<'a> {
    pub(crate) fn new(bytes: &'a [u8], tokens: &'a [Token]) -> Self {
        Self { bytes, tokens }
    }

    pub(crate) fn tokens(self) -> &'a [Token] {
        self.tokens
    }

    /// The value itself: for an array, its header.
    pub(crate) fn token(self) -> Option<Token> {
        self.tokens.first().copied()
    }

    pub(crate) fn int(self) -> Option<i64> {
        match self.token() {
            Some(Token::Int(value)) => Some(value),
            _ => None,
        }
    }

    /// The bytes of a bulk or simple string.
    pub(crate) fn text(self) -> Option<&'a [u8]> {
        match self.token() {
            Some(Token::Bulk { start, end } | Token::Simple { start, end }) => {
                Some(self.slice(start, end))
            }
            _ => None,
        }
    }

    /// The line of a server error, `CODE text`.
    pub(crate) fn error(self) -> Option<&'a [u8]> {
        match self.token() {
            Some(Token::Error { start, end }) => Some(self.slice(start, end)),
            _ => None,
        }
    }

    /// The bytes between two offsets of a token.
    pub(crate) fn slice(self, start: u32, end: u32) -> &'a [u8] {
        self.bytes
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }
}

#[cfg(test)]
#[path = "tests/reply.rs"]
mod elements;

#[cfg(test)]
mod tests {
    use super::super::scan::{Limits, Progress, Scanner};
    use super::*;

    fn reply(bytes: &[u8]) -> Reply {
        let mut scanner = Scanner::new(Limits::DEFAULT);
        assert_eq!(scanner.scan(bytes), Ok(Progress::Whole(bytes.len())));
        Reply {
            bytes: bytes.to_vec(),
            tokens: scanner.take_tokens(),
        }
    }

    #[test]
    fn elements_keep_what_is_in_them() {
        let reply = reply(b"*4\r\n*2\r\n:1\r\n*1\r\n$1\r\na\r\n*0\r\n$-1\r\n+OK\r\n");
        let elements: Vec<_> = reply.as_ref().elements().collect();
        assert_eq!(elements.len(), 4);
        assert_eq!(elements[0].len(), Some(2));
        assert_eq!(elements[0].elements().next().unwrap().int(), Some(1));
        let inner = elements[0].elements().nth(1).unwrap();
        assert_eq!(inner.elements().next().unwrap().text(), Some(&b"a"[..]));
        assert_eq!(elements[1].elements().count(), 0);
        assert!(elements[2].is_nil());
        assert_eq!(elements[3].text(), Some(&b"OK"[..]));
    }

    #[test]
    fn scalars_have_no_elements_and_one_meaning() {
        let error = reply(b"-ERR no\r\n");
        assert_eq!(error.as_ref().error(), Some(&b"ERR no"[..]));
        assert!(error.as_ref().is_error());
        assert_eq!(error.as_ref().text(), None);
        assert_eq!(error.as_ref().elements().count(), 0);
        assert_eq!(reply(b":-7\r\n").as_ref().int(), Some(-7));
        assert_eq!(reply(b"$0\r\n\r\n").as_ref().text(), Some(&b""[..]));
    }
}
