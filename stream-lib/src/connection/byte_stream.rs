//! A byte stream to the server, plain or TLS, that moves one step at a time.
//!
//! A step makes at most one read or write call on the socket, so that the
//! caller can look at its deadline in between: a peer that trickles bytes
//! can't stretch it.

use std::io::{self, Read, Write};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::socket::{Socket, remaining};
#[cfg(feature = "tls")]
use super::tls_trouble::Silence;
#[cfg(feature = "tls")]
use crate::runtime::Interrupt;

/// The shortest timeout a socket takes; zero would mean none.
const SHORTEST: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(super) struct ByteStream {
    socket: Arc<Socket>,
    #[cfg(feature = "tls")]
    tls: Option<Box<rustls::ClientConnection>>,
    /// The timeouts the socket has now.
    read_timeout: Duration,
    write_timeout: Duration,
    /// How long one read waits at most.
    longest_read: Duration,
    /// The last read got no bytes.
    is_silent: bool,
}

impl ByteStream {
    /// Connects, with the TLS handshake if the server uses TLS.
    pub(super) fn connect(endpoint: &Endpoint, deadline: &mut Deadline) -> io::Result<Self> {
        // The time of a name lookup counts as well.
        remaining(deadline)?;
        let socket = Socket::connect(&endpoint.address, deadline)?;
        let stream = Self {
            socket,
            #[cfg(feature = "tls")]
            tls: None,
            read_timeout: Duration::ZERO,
            write_timeout: Duration::ZERO,
            longest_read: Duration::MAX,
            is_silent: false,
        };
        #[cfg(feature = "tls")]
        let stream = match &endpoint.tls {
            Some(setup) => stream.tls_handshake(setup.client()?, deadline)?,
            None => stream,
        };
        Ok(stream)
    }

    /// Bounds the wait of one read, whatever the deadline.
    pub(super) fn set_longest_read(&mut self, wait: Duration) {
        self.longest_read = wait;
    }

    /// Reads available bytes, at most `buffer` full. `None` means that a part of the
    /// deadline passed without a result; `Some(0)` that the peer has closed.
    pub(super) fn read_step(
        &mut self,
        buffer: &mut [u8],
        deadline: &mut Deadline,
    ) -> io::Result<Option<usize>> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done.map(Some),
            }
        }
        self.arm_read(remaining(deadline)?.min(self.longest_read))?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let came = went_on(tls.read_tls(&mut &*self.socket))?;
            self.is_silent = came.is_none();
            if self.is_silent {
                return Ok(None);
            }
            process(tls, &self.socket)?;
            return went_on(tls.reader().read(buffer));
        }
        let came = went_on((&*self.socket).read(buffer))?;
        self.is_silent = came.is_none();
        Ok(came)
    }

    /// Whether the peer sent nothing in the last read. A part of a TLS record counts as
    /// sent, though it gives no bytes.
    pub(super) fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// Writes some of `bytes` and moves it past them. Returns the number of bytes that
    /// the socket took, which differs for TLS.
    pub(super) fn write_step(
        &mut self,
        bytes: &mut &[u8],
        deadline: &mut Deadline,
    ) -> io::Result<usize> {
        self.arm_write(remaining(deadline)?)?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            if !tls.wants_write() {
                let count = tls.writer().write(bytes)?;
                *bytes = bytes.get(count..).unwrap_or_default();
            }
            return written(went_on(tls.write_tls(&mut &*self.socket)));
        }
        let count = written(went_on((&*self.socket).write(bytes)))?;
        *bytes = bytes.get(count..).unwrap_or_default();
        Ok(count)
    }

    /// Whether all that was written has left the process.
    #[cfg_attr(
        not(feature = "tls"),
        expect(clippy::unused_self, reason = "TLS has a buffer")
    )]
    pub(super) fn is_flushed(&self) -> bool {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return !tls.wants_write();
        }
        true
    }

    /// Whether the peer has neither closed nor sent anything unread.
    pub(super) fn is_quiet(&self) -> bool {
        self.socket.is_quiet()
    }

    pub(super) fn socket(&self) -> Weak<Socket> {
        Arc::downgrade(&self.socket)
    }

    #[cfg(feature = "tls")]
    fn tls_handshake(
        mut self,
        mut tls: rustls::ClientConnection,
        deadline: &mut Deadline,
    ) -> io::Result<Self> {
        let mut is_silent = true;
        while tls.is_handshaking() {
            if let Err(error) = self.handshake_step(&mut tls, deadline, &mut is_silent) {
                let is_ended = deadline.interrupt().is_some_and(Interrupt::is_over);
                return Err(match error.kind() {
                    kind if is_silent && !is_ended => io::Error::new(kind, Silence),
                    _ => error,
                });
            }
        }
        self.tls = Some(Box::new(tls));
        Ok(self)
    }

    /// Clears `is_silent` once the server has sent anything.
    #[cfg(feature = "tls")]
    fn handshake_step(
        &mut self,
        tls: &mut rustls::ClientConnection,
        deadline: &mut Deadline,
        is_silent: &mut bool,
    ) -> io::Result<()> {
        let left = remaining(deadline)?;
        self.arm_read(left)?;
        self.arm_write(left)?;
        if tls.wants_write() {
            written(went_on(tls.write_tls(&mut &*self.socket)))?;
        } else if let Some(count) = went_on(tls.read_tls(&mut &*self.socket))? {
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            *is_silent = false;
            process(tls, &self.socket)?;
        }
        Ok(())
    }

    fn arm_read(&mut self, left: Duration) -> io::Result<()> {
        if needs_arming(self.read_timeout, left) {
            self.read_timeout = left.max(SHORTEST);
            self.socket.set_read_timeout(self.read_timeout)?;
        }
        Ok(())
    }

    fn arm_write(&mut self, left: Duration) -> io::Result<()> {
        if needs_arming(self.write_timeout, left) {
            self.write_timeout = left.max(SHORTEST);
            self.socket.set_write_timeout(self.write_timeout)?;
        }
        Ok(())
    }
}

impl Drop for ByteStream {
    fn drop(&mut self) {
        self.socket.shutdown();
    }
}

/// Whether the socket's timeout is wrong for a step that may take `left`.
///
/// A timeout that is a little too long stays: replies in a few pieces then cost no system
/// calls except their reads.
fn needs_arming(armed: Duration, left: Duration) -> bool {
    armed
        .checked_sub(left)
        .is_none_or(|excess| excess > armed / 16)
}

/// Turns an interrupt or a timeout of a step into no progress: the deadline decides what
/// follows.
fn went_on(step: io::Result<usize>) -> io::Result<Option<usize>> {
    match step {
        Ok(count) => Ok(Some(count)),
        Err(error) => match error.kind() {
            io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

fn written(step: io::Result<Option<usize>>) -> io::Result<usize> {
    match step? {
        Some(0) => Err(io::ErrorKind::WriteZero.into()),
        count => Ok(count.unwrap_or_default()),
    }
}

#[cfg(feature = "tls")]
fn process(tls: &mut rustls::ClientConnection, mut socket: &Socket) -> io::Result<()> {
    match tls.process_new_packets() {
        Ok(_) => Ok(()),
        Err(error) => {
            // Sends the reason to the peer, if it still listens.
            let _ = tls.write_tls(&mut socket);
            Err(io::Error::new(io::ErrorKind::InvalidData, error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_timeout_is_set_anew_only_where_it_matters() {
        let seconds = Duration::from_secs;
        assert!(needs_arming(Duration::ZERO, seconds(5)));
        assert!(!needs_arming(seconds(5), seconds(5)));
        assert!(!needs_arming(seconds(5), Duration::from_millis(4_900)));
        assert!(needs_arming(seconds(5), seconds(4)));
        assert!(needs_arming(seconds(4), seconds(5)));
    }
}
