//! The blocking connection to a server.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::buffer::ReadBuffer;
use super::byte_stream::ByteStream;
use super::credentials::Given;
use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::reauth::Reauth;
use super::reply::{Reply, ReplyRef};
use super::scan::Scanner;
use super::socket::Stopper;
use super::standing::Standing;
#[cfg(feature = "tls")]
use super::tls_trouble;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Patience;

/// The least time of an exchange that begins: without an answer, its outcome is unknown.
const LEAST_ANSWER: Duration = Duration::from_millis(20);

/// Replies that take longer than this are unusual for commands that don't block.
pub(crate) const USUAL_REPLY: Duration = Duration::from_millis(250);

/// A blocking RESP2 connection to one server.
///
/// Requests go out with [`send`](Self::send), several at a time if wanted; their replies
/// come back in order with [`receive`](Self::receive). Any irregularity (an I/O error, a
/// deadline, bytes that are no reply) breaks the connection for good: the socket is
/// closed, and every later call fails at once, except for the replies that had come by
/// then. A server's error reply is a reply like any other; after some of them nothing
/// more is sent, as the table of [answers](super::answer) says.
pub(crate) struct Wire {
    pub(super) endpoint: Arc<Endpoint>,
    /// `None` before connecting and once broken.
    pub(super) stream: Option<ByteStream>,
    pub(super) standing: Standing,
    pub(super) buffer: ReadBuffer,
    pub(super) scanner: Scanner,
    pub(super) outstanding: usize,
    client_id: Option<i64>,
    rests_since: Option<Instant>,
    /// The time by which everything must be answered, in this use.
    answer_by: Option<Instant>,
    /// Set while one request follows another, and all are answered at once.
    pub(super) in_steady_use: bool,
    pub(super) patience: Patience,
    pub(super) reauth: Reauth,
    /// Each command of this use has an `ASKING` in front.
    pub(super) asks: bool,
    /// The answer to the `ASKING` in front of the next answer has come.
    pub(super) has_skipped: bool,
}

impl Wire {
    /// Opens the socket. Nothing is sent yet: see [`connect_by`](Self::connect_by).
    pub(super) fn open(endpoint: &Arc<Endpoint>, deadline: &mut Deadline) -> Result<Self> {
        endpoint.origin.ensure_here()?;
        let wire = Self::unconnected(endpoint);
        let stream = ByteStream::connect(endpoint, deadline);
        let stream = stream.map_err(|e| cannot_connect(endpoint, deadline, e))?;
        Ok(Self {
            stream: Some(stream),
            ..wire
        })
    }

    /// Sets the id under which the server knows this connection.
    pub(super) fn set_client_id(&mut self, id: Option<i64>) {
        self.client_id = id;
        // Errors that the handshake accepted have no effect.
        self.standing.forgive();
        self.standing.begin_use();
    }

    /// Sets the credentials that it has authenticated with. Before they expire, it
    /// authenticates again, in front of some request.
    pub(super) fn authenticated_by(&mut self, given: &Given) {
        self.reauth.begin(given);
    }

    /// A connection that is broken from the start: an empty place of the pool.
    pub(super) fn unconnected(endpoint: &Arc<Endpoint>) -> Self {
        Self {
            endpoint: Arc::clone(endpoint),
            stream: None,
            standing: Standing::new(endpoint),
            buffer: ReadBuffer::default(),
            scanner: Scanner::new(endpoint.limits),
            outstanding: 0,
            client_id: None,
            rests_since: None,
            answer_by: None,
            in_steady_use: false,
            patience: Patience::default(),
            reauth: Reauth::default(),
            asks: false,
            has_skipped: false,
        }
    }

    /// Writes whole requests, which `replies` replies will answer.
    ///
    /// # Blocking
    ///
    /// Until the system has taken all of them, at most the response timeout.
    ///
    /// # Errors
    ///
    /// `Unavailable` if not one byte has gone out, else `OutcomeUnknown`. If the server
    /// has sent anything before it closed, this succeeds, and [`receive`](Self::receive)
    /// reads those bytes first.
    pub(crate) fn send(&mut self, packed: &[u8], replies: usize) -> Result<()> {
        let mut deadline = Deadline::of(self.response_timeout());
        self.send_within(packed, replies, &mut deadline)
    }

    /// Waits until the next reply begins to come; blocks and fails like
    /// [`receive`](Self::receive), which then reads it.
    pub(crate) fn await_reply(&mut self, timeout: Duration) -> Result<()> {
        self.must_owe()?;
        let mut deadline = Deadline::of(timeout);
        self.receive_own(&mut deadline)?;
        if self.buffer.unread().is_empty() {
            self.read(1, &mut deadline)?;
        }
        Ok(())
    }

    /// As [`await_reply`](Self::await_reply), but a timeout breaks nothing, unless an
    /// answer to a request of the connection itself (`AUTH`, `ASKING`) is due first.
    /// Returns whether the reply begins to come.
    pub(crate) fn reply_begins(&mut self, timeout: Duration) -> Result<bool> {
        self.must_owe()?;
        let mut deadline = Deadline::of(timeout);
        self.receive_own(&mut deadline)?;
        while self.buffer.unread().is_empty() {
            let Some(stream) = &mut self.stream else {
                return Err(self.standing.unanswered(&self.endpoint));
            };
            match stream.read_step(self.buffer.room(1), &mut deadline) {
                Ok(Some(0)) => {
                    let closed = io::ErrorKind::UnexpectedEof.into();
                    return Err(self.lost(ErrorKind::OutcomeUnknown, "", closed));
                }
                Ok(Some(count)) => self.buffer.fill(count),
                Ok(None) if stream.is_silent() => self.endpoint.guided.stalls(),
                Ok(None) => {}
                Err(e) if e.kind() == io::ErrorKind::TimedOut => return Ok(false),
                Err(e) => return Err(self.lost(ErrorKind::OutcomeUnknown, "", e)),
            }
        }
        Ok(true)
    }

    /// Breaks the connection because no reply has begun to come for `waited`.
    pub(crate) fn overdue(&mut self, waited: Duration) -> Error {
        let did = format!("answer within {waited:?}");
        let late = io::ErrorKind::TimedOut.into();
        self.lost(ErrorKind::OutcomeUnknown, &did, late)
    }

    /// The next reply, borrowed from the buffer until the next call.
    ///
    /// # Blocking
    ///
    /// Until the reply is whole, at most `timeout`; a [`Stopper`] wakes it.
    ///
    /// # Errors
    ///
    /// `OutcomeUnknown` if no reply came, `Unavailable` if the server closed at an
    /// earlier request that it refused, `Protocol` if the bytes are no reply.
    pub(crate) fn receive(&mut self, timeout: Duration) -> Result<ReplyRef<'_>> {
        self.receive_within(&mut Deadline::of(timeout))
    }

    /// As [`receive`](Self::receive), with a deadline that several replies share.
    pub(crate) fn receive_within(&mut self, deadline: &mut Deadline) -> Result<ReplyRef<'_>> {
        let range = self.next_reply(deadline)?;
        Ok(ReplyRef::new(
            self.buffer.slice(range),
            self.scanner.tokens(),
        ))
    }

    /// The next reply, owned; blocks and fails like [`receive`](Self::receive), but
    /// `timeout` counts from the last bytes that came. A large reply takes the buffer
    /// with it, without a copy.
    pub(crate) fn receive_owned(&mut self, timeout: Duration) -> Result<Reply> {
        let least = || Instant::now() + LEAST_ANSWER;
        let latest = self.answer_by.map(|at| at.max(least()));
        let range = self.next_reply(&mut Deadline::renewed(timeout, latest))?;
        Ok(Reply {
            bytes: self.buffer.take(range),
            tokens: self.scanner.take_tokens(),
        })
    }

    /// Closes the connection for a reason of the caller, such as a server that is no
    /// longer the master. Outstanding replies are lost.
    pub(crate) fn abandon(&mut self, reason: impl Into<String>) {
        self.hang_up(reason.into());
        self.buffer = ReadBuffer::default();
    }

    /// Whether nothing can be sent any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.stream.is_none() || !self.standing.is_good()
    }

    /// Whether the server has changed its role or state since the connection was made, so
    /// that a new one may reach another server.
    pub(crate) fn is_outdated(&self) -> bool {
        self.standing.is_outdated(&self.endpoint)
    }

    /// Whether a request of this use was answered without an error.
    pub(super) fn has_served(&self) -> bool {
        self.standing.has_served()
    }

    /// Replies not received yet.
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Whether the peer has closed the connection or sent something unasked. One
    /// system call that doesn't block; only meaningful while nothing is
    /// outstanding.
    pub(crate) fn is_stale(&self) -> bool {
        match &self.stream {
            Some(stream) => !self.buffer.unread().is_empty() || !stream.is_quiet(),
            None => true,
        }
    }

    /// The server's number for this connection (`CLIENT ID`); `None` if the user may not
    /// ask.
    pub(crate) fn client_id(&self) -> Option<i64> {
        self.client_id
    }

    /// A stopper, which ends a blocked call from another thread.
    pub(crate) fn stopper(&self) -> Stopper {
        let socket = self.stream.as_ref().map(ByteStream::socket);
        Stopper::new(socket.unwrap_or_default())
    }

    /// How long one exchange may take, unless the caller gives another time.
    pub(crate) fn response_timeout(&self) -> Duration {
        let longest = self.endpoint.response_timeout();
        match self.answer_by {
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now());
                longest.min(left.max(LEAST_ANSWER))
            }
            None => longest,
        }
    }

    /// Sets a deadline for all exchanges of this use together, except for the least time
    /// of each.
    pub(crate) fn answer_by(&mut self, deadline: Instant) {
        self.answer_by = Some(deadline);
    }

    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Reports replies that take longer than `usual`: in a cluster, the node may stand
    /// still and have been replaced.
    pub(crate) fn expect_within(&mut self, usual: Duration) {
        if self.endpoint.guided.is_some()
            && let Some(stream) = &mut self.stream
        {
            stream.set_longest_read(usual);
        }
    }

    /// Begins a use, in which every request is answered at once. If it follows the
    /// previous use closely, polling for a reply before sleeping may pay.
    pub(super) fn begin(&mut self, closely: bool) {
        self.in_steady_use = closely;
        self.standing.begin_use();
    }

    /// Sets whether each command has an `ASKING` in front from now on: the node is taking
    /// the slot over. Only while nothing is outstanding.
    pub(super) fn set_asking(&mut self, asks: bool) {
        self.asks = asks;
        self.has_skipped = false;
    }

    /// Whether the node has said that a key is on another one.
    pub(super) fn was_sent_on(&self) -> bool {
        self.standing.was_sent_on()
    }

    /// Ends a use: releases memory that only an unusually large reply needed, and records
    /// the time.
    pub(super) fn rest(&mut self) {
        self.buffer.shrink();
        self.answer_by = None;
        self.asks = false;
        self.rests_since = Some(Instant::now());
    }

    pub(super) fn was_used_within(&self, time: Duration) -> bool {
        self.rests_since.is_some_and(|since| since.elapsed() < time)
    }

    fn hang_up(&mut self, reason: String) {
        if self.stream.take().is_some() {
            self.standing.end(reason);
        }
    }
}

fn cannot_connect(endpoint: &Endpoint, deadline: &Deadline, error: io::Error) -> Error {
    let server = endpoint.named();
    #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "TLS says more"))]
    let mut text = match error.kind() {
        io::ErrorKind::TimedOut => {
            let total = deadline.total();
            format!("can't connect to {server} within {total:?}")
        }
        _ => format!("can't connect to {server}"),
    };
    #[cfg(feature = "tls")]
    if let Some(words) = tls_trouble::in_words(&error) {
        text = format!("{text}: the server {words}");
    }
    Error::new(ErrorKind::Unavailable, text).because(error)
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("address", &self.endpoint.address)
            .field("broken", &self.is_broken())
            .field("outstanding", &self.outstanding)
            .finish_non_exhaustive()
    }
}
