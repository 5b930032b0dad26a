//! Sending requests and receiving replies on a [`Wire`], and handling of failures.

use std::io;
use std::ops::Range;
use std::time::Duration;

use super::asking::with_asking;
use super::deadline::Deadline;
use super::glance;
use super::reply::ReplyRef;
use super::scan::Progress;
use super::wire::Wire;
use crate::error::{Error, ErrorKind, Result};

/// Time for the bytes that are left in the socket of a lost connection.
const LAST_WORDS: Duration = Duration::from_millis(5);

impl Wire {
    pub(super) fn send_within(
        &mut self,
        packed: &[u8],
        replies: usize,
        deadline: &mut Deadline,
    ) -> Result<()> {
        if self.outstanding == 0 && !self.buffer.unread().is_empty() {
            self.abandon("it sent bytes that nobody asked for");
        }
        if !self.is_broken()
            && let Some(auth) = self.reauth.request(&self.endpoint, self.outstanding)
        {
            // No byte of the caller's request has gone out.
            let sent = self.write(&auth, deadline);
            sent.map_err(|e| e.of_kind(ErrorKind::Unavailable))?;
        }
        if self.asks {
            self.write(&with_asking(packed), deadline)?;
        } else {
            self.write(packed, deadline)?;
        }
        self.outstanding += replies;
        Ok(())
    }

    fn write(&mut self, packed: &[u8], deadline: &mut Deadline) -> Result<()> {
        let Some(stream) = self.stream.as_mut().filter(|_| self.standing.is_good()) else {
            return Err(self.standing.unsent(&self.endpoint));
        };
        let mut rest = packed;
        let mut kind = ErrorKind::Unavailable;
        while !rest.is_empty() || !stream.is_flushed() {
            match stream.write_step(&mut rest, deadline) {
                Ok(0) => {}
                Ok(_) => kind = ErrorKind::OutcomeUnknown,
                Err(error) => {
                    self.read_last_words();
                    let did = format!("accept a request within {:?}", deadline.total());
                    let error = self.lost(kind, &did, error);
                    let untold = self.buffer.unread().is_empty();
                    if untold || kind == ErrorKind::Unavailable {
                        return Err(error);
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    pub(super) fn next_reply(&mut self, deadline: &mut Deadline) -> Result<Range<usize>> {
        self.must_owe()?;
        self.receive_own(deadline)?;
        self.has_skipped = false;
        let range = self.scan(deadline)?;
        self.outstanding -= 1;
        self.reauth.other_answered();
        if self.scanner.has_errors() {
            let reply = ReplyRef::new(self.buffer.slice(range.clone()), self.scanner.tokens());
            self.standing.heed(reply, &self.endpoint);
        } else {
            self.standing.serves();
        }
        Ok(range)
    }

    /// Receives answers to the connection's own requests, if they are next.
    pub(super) fn receive_own(&mut self, deadline: &mut Deadline) -> Result<()> {
        if self.reauth.is_next() {
            let range = self.scan(deadline)?;
            let reply = ReplyRef::new(self.buffer.slice(range), self.scanner.tokens());
            self.reauth.answered(&self.endpoint, reply.error());
        }
        if self.asks && !self.has_skipped {
            // If anything is wrong, the answer to the command itself says so.
            self.scan(deadline)?;
            self.has_skipped = true;
        }
        Ok(())
    }

    /// Reads the next reply.
    fn scan(&mut self, deadline: &mut Deadline) -> Result<Range<usize>> {
        self.scanner.begin();
        loop {
            match self.scanner.scan(self.buffer.unread()) {
                Ok(Progress::Whole(length)) => return Ok(self.buffer.consume(length)),
                Ok(Progress::Missing(bytes)) => self.read(bytes, deadline)?,
                Err(error) => {
                    self.abandon(format!("its reply was unreadable: {error}"));
                    let text = format!("{} sent bytes that are no reply", self.endpoint.address);
                    return Err(Error::new(ErrorKind::Protocol, text).because(error));
                }
            }
        }
    }

    pub(super) fn must_owe(&self) -> Result<()> {
        if self.outstanding > 0 {
            return Ok(());
        }
        let text = format!("{} owes no reply", self.endpoint.address);
        Err(Error::new(ErrorKind::Protocol, text))
    }

    /// Reads at least `missing` bytes, and all others that have come.
    pub(super) fn read(&mut self, mut missing: usize, deadline: &mut Deadline) -> Result<()> {
        while missing > 0 {
            let Some(stream) = &mut self.stream else {
                return Err(self.standing.unanswered(&self.endpoint));
            };
            if self.in_steady_use {
                glance::wait(&mut self.patience, || !stream.is_quiet());
            }
            let step = match stream.read_step(self.buffer.room(missing), deadline) {
                Ok(Some(0)) => Err(io::ErrorKind::UnexpectedEof.into()),
                step => step,
            };
            match step {
                Ok(count) => {
                    if count.is_none() && stream.is_silent() {
                        self.endpoint.guided.stalls();
                    }
                    let count = count.unwrap_or_default();
                    self.buffer.fill(count);
                    deadline.progressed(count);
                    missing = missing.saturating_sub(count);
                }
                Err(error) => {
                    let did = format!("answer within {:?}", deadline.total());
                    return Err(self.lost(ErrorKind::OutcomeUnknown, &did, error));
                }
            }
        }
        Ok(())
    }

    /// Reads the bytes that the server sent before the connection was lost: answers to
    /// earlier requests, and often the reason.
    fn read_last_words(&mut self) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        let mut deadline = Deadline::of(LAST_WORDS);
        while let Ok(Some(count @ 1..)) = stream.read_step(self.buffer.room(1), &mut deadline) {
            self.buffer.fill(count);
        }
    }

    /// Breaks the connection and returns the error. `did` is what the server failed to do
    /// in time.
    pub(super) fn lost(&mut self, kind: ErrorKind, did: &str, error: io::Error) -> Error {
        self.stream = None;
        self.standing.lost(kind, did, &self.endpoint, error)
    }
}
