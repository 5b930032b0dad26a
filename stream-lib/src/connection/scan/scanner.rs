//! The incremental RESP2 scanner.
//!
//! One pass checks that a reply is whole, valid and within the limits, and finds each
//! value. The scanner keeps its place between reads, so no byte is looked at twice.

use std::fmt;

use super::limits::Limits;
use super::number;
use super::token::Token;

/// The progress of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The reply is whole and this long.
    Whole(usize),
    /// At least this many bytes are missing; never 0.
    Missing(usize),
}

/// The bytes are no RESP2 reply, or one beyond the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProtocolError {
    problem: &'static str,
    offset: usize,
}

const TLS: &str = "the server speaks TLS";

impl ProtocolError {
    /// Whether the bytes are those of TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.problem == TLS
    }
}

/// The place in one reply. [`begin`](Self::begin) starts the next one.
#[derive(Debug)]
pub(crate) struct Scanner {
    limits: Limits,
    tokens: Vec<Token>,
    /// Where the next value starts.
    position: usize,
    /// How much of an unfinished line has been searched for its end.
    searched: usize,
    /// Values still to come in the innermost open array, then in those around it.
    remaining: u32,
    outer: Vec<u32>,
    /// Whether an error is among the values.
    has_errors: bool,
}

/// How many tokens the scanner keeps room for between replies.
const KEPT_TOKENS: usize = 64 << 10;

impl Scanner {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            tokens: Vec::new(),
            position: 0,
            searched: 0,
            remaining: 1,
            outer: Vec::new(),
            has_errors: false,
        }
    }

    /// Forgets the reply scanned so far.
    pub(crate) fn begin(&mut self) {
        self.tokens.clear();
        if self.tokens.capacity() > KEPT_TOKENS {
            self.tokens.shrink_to(KEPT_TOKENS);
        }
        self.position = 0;
        self.searched = 0;
        self.remaining = 1;
        self.outer.clear();
        self.has_errors = false;
    }

    /// Continues with the reply that starts at the first byte of `bytes`; more bytes may
    /// have come since the last call.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Result<Progress, ProtocolError> {
        loop {
            let unread = bytes.get(self.position..).unwrap_or_default();
            let Some((&kind, rest)) = unread.split_first() else {
                // The shortest value is `+` with its line end.
                return Ok(Progress::Missing(3));
            };
            let step = match kind {
                b'$' => self.bulk(rest)?,
                b'*' => self.array(rest)?,
                b':' => self.integer(rest)?,
                b'+' | b'-' => self.line(kind, rest)?,
                // A TLS alert, the answer to a request without TLS.
                0x15 if self.position == 0 => return Err(self.error(TLS)),
                _ => return Err(self.error("a value starts with an unknown type byte")),
            };
            match step {
                Step::Missing(bytes) => return Ok(Progress::Missing(bytes)),
                Step::Value(token, length) => {
                    if self.tokens.len() >= self.limits.tokens {
                        return Err(self.error("the reply has too many values"));
                    }
                    self.tokens.push(token);
                    self.position += 1 + length;
                    if self.position > self.limits.reply {
                        return Err(self.error("the reply is too long"));
                    }
                    if self.value_ends_the_reply() {
                        return Ok(Progress::Whole(self.position));
                    }
                }
            }
        }
    }

    /// The values of the reply scanned last.
    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Whether an error is among the values.
    pub(crate) fn has_errors(&self) -> bool {
        self.has_errors
    }

    /// Hands off the values and makes room for as many again.
    pub(crate) fn take_tokens(&mut self) -> Vec<Token> {
        let room = self.tokens.len().min(KEPT_TOKENS);
        std::mem::replace(&mut self.tokens, Vec::with_capacity(room))
    }

    fn bulk(&mut self, rest: &[u8]) -> Result<Step, ProtocolError> {
        let Some((length, header)) = self.number(rest)? else {
            return Ok(Step::Missing(1));
        };
        if length == -1 {
            return Ok(Step::Value(Token::Nil, header));
        }
        let length = match usize::try_from(length) {
            Ok(length) if length <= self.limits.bulk => length,
            Ok(_) => return Err(self.error("a bulk string is too long")),
            Err(_) => return Err(self.error("a bulk string has a negative length")),
        };
        let whole = header + length + 2;
        if self.position + whole > self.limits.reply {
            return Err(self.error("the reply is too long"));
        }
        match rest.get(header + length..) {
            Some([b'\r', b'\n', ..]) => Ok(Step::Value(
                Token::Bulk {
                    start: self.offset(1 + header),
                    end: self.offset(1 + header + length),
                },
                whole,
            )),
            Some([] | [b'\r']) | None => Ok(Step::Missing(whole - rest.len())),
            Some(_) => Err(self.error("a bulk string doesn't end in CR LF")),
        }
    }

    fn array(&mut self, rest: &[u8]) -> Result<Step, ProtocolError> {
        let Some((length, header)) = self.number(rest)? else {
            return Ok(Step::Missing(1));
        };
        if length == -1 {
            return Ok(Step::Value(Token::Nil, header));
        }
        let Ok(count) = u32::try_from(length) else {
            return Err(self.error("an array has an impossible length"));
        };
        if count as usize > self.limits.tokens {
            return Err(self.error("the reply has too many values"));
        }
        if count > 0 {
            if self.outer.len() >= self.limits.depth {
                return Err(self.error("arrays are nested too deeply"));
            }
            // The array itself counts as the last value before its elements:
            // the count around it is one less already.
            self.outer.push(self.remaining.saturating_sub(1));
            self.remaining = count.saturating_add(1);
        }
        Ok(Step::Value(Token::Array(count), header))
    }

    fn integer(&mut self, rest: &[u8]) -> Result<Step, ProtocolError> {
        Ok(match self.number(rest)? {
            Some((value, length)) => Step::Value(Token::Int(value), length),
            None => Step::Missing(1),
        })
    }

    fn line(&mut self, kind: u8, rest: &[u8]) -> Result<Step, ProtocolError> {
        let fresh = rest.get(self.searched..).unwrap_or_default();
        let Some(length) = fresh.iter().position(|b| matches!(b, b'\r' | b'\n')) else {
            self.searched = rest.len();
            if self.searched > self.limits.line {
                return Err(self.error("a line is too long"));
            }
            return Ok(Step::Missing(2));
        };
        let length = self.searched + length;
        if length > self.limits.line {
            return Err(self.error("a line is too long"));
        }
        match rest.get(length..) {
            Some([b'\r', b'\n', ..]) => {}
            Some([b'\r']) => {
                self.searched = length;
                return Ok(Step::Missing(1));
            }
            _ => return Err(self.error(number::BAD_LINE_END)),
        }
        self.searched = 0;
        let (start, end) = (self.offset(1), self.offset(1 + length));
        let token = if kind == b'+' {
            Token::Simple { start, end }
        } else {
            self.has_errors = true;
            Token::Error { start, end }
        };
        Ok(Step::Value(token, length + 2))
    }

    fn number(&self, rest: &[u8]) -> Result<Option<(i64, usize)>, ProtocolError> {
        number::read(rest).map_err(|problem| self.error(problem))
    }

    /// Counts one value as read; true when it was the reply's last.
    fn value_ends_the_reply(&mut self) -> bool {
        self.remaining = self.remaining.saturating_sub(1);
        while self.remaining == 0 {
            match self.outer.pop() {
                Some(outer) => self.remaining = outer,
                None => return true,
            }
        }
        false
    }

    /// The offset in the reply of the byte `ahead` of the current value's start.
    /// `Limits::reply` keeps it within 32 bits.
    fn offset(&self, ahead: usize) -> u32 {
        u32::try_from(self.position + ahead).unwrap_or(u32::MAX)
    }

    fn error(&self, problem: &'static str) -> ProtocolError {
        ProtocolError {
            problem,
            offset: self.position,
        }
    }
}

enum Step {
    /// A value, and its length after the type byte. An array's elements are
    /// values of their own.
    Value(Token, usize),
    Missing(usize),
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.problem, self.offset)
    }
}

impl std::error::Error for ProtocolError {}
