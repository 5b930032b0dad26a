//! The state of a connection: whether anything may be sent on it, and what a failure
//! means for the requests under way.

use std::io;

use super::answer::AfterIt;
use super::endpoint::Endpoint;
use super::redirect::Redirect;
use super::reply::ReplyRef;
use super::scan::Token;
use super::server_error::ServerError;
#[cfg(feature = "tls")]
use super::tls_trouble;
use crate::error::{Error, ErrorKind};

/// The most error lines of one reply that are looked at: a script answers for many
/// messages, each with the same line.
const MOST_HEEDED: usize = 4;

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Standing {
    /// Why nothing may be sent any more. Answers may still be read.
    over: Option<String>,
    /// The server reads no request after one that it has refused.
    unread_behind: bool,
    /// The last answer of the server was no error.
    has_served: bool,
    /// A key of this use is on another node of the cluster.
    was_sent_on: bool,
    /// Connections of one generation were made while their server, as far as known, had
    /// the same role.
    generation: u64,
}

impl Standing {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        Self {
            over: None,
            unread_behind: false,
            has_served: false,
            was_sent_on: false,
            generation: endpoint.generation(),
        }
    }

    /// Whether anything may be sent.
    pub(super) fn is_good(&self) -> bool {
        self.over.is_none()
    }

    /// Whether the server has changed its role or state since the connection was made.
    pub(super) fn is_outdated(&self, endpoint: &Endpoint) -> bool {
        self.generation != endpoint.generation()
    }

    /// Whether a request of this use was answered without an error.
    pub(super) fn has_served(&self) -> bool {
        self.has_served
    }

    /// Forgets all earlier errors of the server.
    pub(super) fn forgive(&mut self) {
        self.over = None;
        self.unread_behind = false;
    }

    /// Whether a key of this use has moved to another node.
    pub(super) fn was_sent_on(&self) -> bool {
        self.was_sent_on
    }

    pub(super) fn begin_use(&mut self) {
        self.has_served = false;
        self.was_sent_on = false;
    }

    pub(super) fn serves(&mut self) {
        self.has_served = true;
    }

    /// Stops sending. The first reason counts.
    pub(super) fn end(&mut self, reason: String) {
        self.over.get_or_insert(reason);
    }

    /// Applies the error lines in a reply.
    #[cold]
    pub(super) fn heed(&mut self, reply: ReplyRef<'_>, endpoint: &Endpoint) {
        let lines = reply.tokens().iter().filter_map(|token| match *token {
            Token::Error { start, end } => Some(ServerError::new(reply.slice(start, end))),
            _ => None,
        });
        for line in lines.take(MOST_HEEDED) {
            if let Some(redirect) = Redirect::read(line.line().as_bytes())
                && let Some(guide) = endpoint.guided.guide()
                && !redirect.is_ask
            {
                self.was_sent_on = true;
                guide.note(&redirect, endpoint.address());
            }
            let after = line.answer().wire;
            if after == AfterIt::Keep {
                continue;
            }
            self.unread_behind |= after == AfterIt::Ends;
            self.end(format!("it said: {}", line.line()));
            if after == AfterIt::DropAll {
                endpoint.outdate(self.generation);
            }
        }
    }

    /// The error of a request on a connection on which nothing may be sent.
    pub(super) fn unsent(&self, endpoint: &Endpoint) -> Error {
        self.gone(ErrorKind::Unavailable, endpoint)
    }

    /// The error of a request whose answer can't come any more.
    pub(super) fn unanswered(&self, endpoint: &Endpoint) -> Error {
        self.gone(self.kind_of_unanswered(), endpoint)
    }

    /// The error of the requests under way at a failure, which ends all sending and
    /// reading. `did` is what the server failed to do in time.
    pub(super) fn lost(
        &mut self,
        kind: ErrorKind,
        did: &str,
        endpoint: &Endpoint,
        error: io::Error,
    ) -> Error {
        let server = endpoint.named();
        let mut text = match error.kind() {
            io::ErrorKind::TimedOut => {
                // The server may go on with them later.
                self.unread_behind = false;
                format!("{server} did not {did}")
            }
            io::ErrorKind::UnexpectedEof => format!("{server} closed the connection"),
            _ => format!("the connection to {server} was lost"),
        };
        #[cfg(feature = "tls")]
        if let Some(words) = tls_trouble::in_words(&error) {
            text = format!("{text}: the server {words}");
        }
        let kind = match kind {
            ErrorKind::OutcomeUnknown => self.kind_of_unanswered(),
            kind => kind,
        };
        if let Some(reason) = &self.over {
            text = format!("{text}, after {reason}");
        }
        self.end(text.clone());
        Error::new(kind, text).because(error)
    }

    /// After closing at a request, a server reads none that was sent after it.
    fn kind_of_unanswered(&self) -> ErrorKind {
        if self.unread_behind {
            ErrorKind::Unavailable
        } else {
            ErrorKind::OutcomeUnknown
        }
    }

    fn gone(&self, kind: ErrorKind, endpoint: &Endpoint) -> Error {
        let server = endpoint.named();
        let reason = self.over.as_deref().unwrap_or("not connected yet");
        Error::new(kind, format!("no connection to {server}: {reason}"))
    }
}
