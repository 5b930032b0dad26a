//! The search for the message of a request that Redis refuses.
//!
//! A request that fails because of its messages is sent again in halves, down to one
//! message. A message that is refused when it comes alone is the culprit. If the server
//! closes the connection without an answer, a message is the culprit if that happens
//! twice in a row when it comes alone, and if it is so large that Redis may be set to
//! refuse it: a failing network must not convict a sound message.

use std::io;

use crate::connection::ServerError;
use crate::error::{Error, ErrorKind};
use crate::producer::spool::Sequence;

/// The least size that Redis can be set to refuse (`proto-max-bulk-len`,
/// `client-query-buffer-limit`: 1 MiB), and half of that, since a request has more in it
/// than a message.
const SUSPICIOUS: usize = 512 << 10;

/// How often a message fails alone, without an answer, before it is the culprit.
const FAILURES: u32 = 2;

/// Parts of the lines by which a server, or a proxy, refuses a request or a message for
/// its size.
const TOO_LARGE: [&str; 6] = [
    "Protocol error: invalid bulk length",
    "Protocol error: invalid multibulk length",
    "Protocol error: too big",
    "Elements are too large",
    "exceeds maximum allowed size",
    "max request size exceeded",
];

/// Whether Redis refuses a request because of its messages: trying again changes nothing.
pub(super) fn is_for_good(error: &Error) -> bool {
    let line = std::error::Error::source(error)
        .and_then(|source| source.downcast_ref())
        .map(ServerError::line);
    error.kind() == ErrorKind::Encode
        || line.is_some_and(|line| TOO_LARGE.iter().any(|words| line.contains(words)))
}

/// Whether Redis refuses the one message that this answers because of the message itself.
/// A wrong type is that of its idempotency key: that of a stream fails the whole request.
pub(super) fn is_refusal(answer: &Error) -> bool {
    is_for_good(answer) || answer.kind() == ErrorKind::WrongType
}

/// Whether the server has closed the connection in place of an answer.
fn is_cut_off(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    let cause = source.and_then(|source| source.downcast_ref::<io::Error>());
    error.kind() == ErrorKind::OutcomeUnknown
        && cause.is_some_and(|cause| {
            matches!(
                cause.kind(),
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
            )
        })
}

/// A request that failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed {
    pub(super) first: Sequence,
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// The state of the search.
#[derive(Debug)]
pub(super) struct Search {
    most: usize,
    /// The most messages of a request.
    limit: usize,
    suspect: Option<Suspect>,
}

#[derive(Debug)]
struct Suspect {
    number: Sequence,
    failures: u32,
    is_refused: bool,
    error: Error,
}

impl Search {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            most: limit,
            limit,
            suspect: None,
        }
    }

    /// The most messages of the next request.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// The error of the message with this number, if it is the culprit.
    pub(super) fn verdict(&self, number: Sequence) -> Option<&Error> {
        let suspect = self.suspect.as_ref().filter(|s| s.number == number)?;
        let convicted = suspect.is_refused || suspect.failures >= FAILURES;
        convicted.then_some(&suspect.error)
    }

    /// Notes an answer that refuses one message.
    pub(super) fn refused(&mut self, number: Sequence, error: Error) {
        self.suspect = Some(Suspect {
            number,
            failures: 1,
            is_refused: true,
            error,
        });
    }

    /// Notes a request that was carried out. Requests grow again.
    pub(super) fn succeeded(&mut self) {
        self.most = (2 * self.most).min(self.limit);
        self.suspect = None;
    }

    /// Notes a request that failed. Returns whether the next try is smaller, so that it
    /// needs no wait.
    pub(super) fn failed(&mut self, request: Failed, error: &Error) -> bool {
        let is_refused = is_for_good(error);
        let may_be_ours = is_refused || is_cut_off(error);
        if may_be_ours && request.messages > 1 {
            self.most = request.messages / 2;
            self.suspect = None;
            return is_refused;
        }
        if is_refused {
            self.refused(request.first, error.clone());
            return true;
        }
        if !may_be_ours || request.bytes < SUSPICIOUS {
            // As far as can be seen, this is an outage.
            self.suspect = None;
            return false;
        }
        let before = self.suspect.take().filter(|s| s.number == request.first);
        self.suspect = Some(Suspect {
            number: request.first,
            failures: before.map_or(0, |suspect| suspect.failures) + 1,
            is_refused: false,
            error: error.clone(),
        });
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = 2 << 20;

    fn number(n: u64) -> Sequence {
        Sequence::ZERO.plus(n)
    }

    fn request(first: u64, messages: usize, bytes: usize) -> Failed {
        Failed {
            first: number(first),
            messages,
            bytes,
        }
    }

    fn answer(line: &str) -> Error {
        ServerError::new(line.as_bytes()).into_error()
    }

    fn lost(kind: io::ErrorKind) -> Error {
        Error::new(ErrorKind::OutcomeUnknown, "lost").because(io::Error::from(kind))
    }

    #[test]
    fn a_refused_request_is_halved_down_to_its_culprit() {
        let mut search = Search::new(256);
        let error = answer("ERR Protocol error: invalid bulk length");
        let mut messages = search.most();
        while messages > 1 {
            assert!(search.failed(request(1, messages, LARGE), &error));
            assert_eq!(search.most(), messages / 2);
            messages = search.most();
        }
        assert!(search.verdict(number(1)).is_none());
        assert!(search.failed(request(1, 1, 10), &error));
        assert!(search.verdict(number(1)).is_some());
        assert!(search.verdict(number(2)).is_none());
        search.succeeded();
        assert!(search.verdict(number(1)).is_none());
        assert_eq!(search.most(), 2);
    }

    #[test]
    fn a_large_message_that_is_cut_off_alone_twice_is_the_culprit() {
        let mut search = Search::new(256);
        let cut = lost(io::ErrorKind::ConnectionReset);
        search.failed(request(1, 1, LARGE), &cut);
        assert!(search.verdict(number(1)).is_none());
        search.failed(request(1, 1, LARGE), &cut);
        assert!(search.verdict(number(1)).is_some());
    }

    #[test]
    fn an_outage_convicts_nobody() {
        let mut search = Search::new(256);
        let cut = lost(io::ErrorKind::UnexpectedEof);
        let others = [
            lost(io::ErrorKind::TimedOut),
            Error::new(ErrorKind::Unavailable, "no connection"),
            answer("OOM command not allowed"),
            answer("ERR upstream failure"),
            answer("WRONGTYPE Operation against a key"),
        ];
        for other in others {
            search.failed(request(1, 1, LARGE), &cut);
            assert!(!search.failed(request(1, 1, LARGE), &other), "{other}");
            search.failed(request(1, 1, LARGE), &cut);
            assert!(search.verdict(number(1)).is_none(), "{other}");
        }
        for _ in 0..10 {
            search.failed(request(1, 1, SUSPICIOUS - 1), &cut);
        }
        assert!(search.verdict(number(1)).is_none());
        search.failed(request(1, 1, LARGE), &cut);
        search.failed(request(2, 1, LARGE), &cut);
        assert!(search.verdict(number(2)).is_none(), "another message");
    }

    #[test]
    fn answers_about_size_and_keys_are_for_good() {
        for line in [
            "ERR Protocol error: invalid bulk length",
            "ERR Elements are too large to be stored",
            "ERR max request size exceeded. Limit: 1048576 bytes",
        ] {
            assert!(is_for_good(&answer(line)), "{line}");
        }
        for line in ["ERR upstream failure", "OOM no memory", "FULL", ""] {
            let error = answer(line);
            assert!(!is_for_good(&error) && !is_refusal(&error), "{line}");
        }
        let wrong = answer("WRONGTYPE Operation against a key");
        assert!(!is_for_good(&wrong) && is_refusal(&wrong));
    }
}
