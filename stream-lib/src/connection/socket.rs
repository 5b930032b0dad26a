//! TCP and unix sockets: opening them, and calls that the standard library lacks.

use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use socket2::{Domain, SockAddr, TcpKeepalive, Type};

use super::deadline::Deadline;
use super::lookup;
use crate::config::Address;
use crate::runtime::Origin;

/// An idle peer is probed after this time, then every `PROBE_INTERVAL`.
const IDLE_BEFORE_PROBE: Duration = Duration::from_secs(15);
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// A peer that acknowledges nothing for this long is gone.
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long one try waits for a place in a unix socket's full queue.
const QUEUE_STEP: Duration = Duration::from_millis(100);

/// Writing to a closed connection must not end the process by a signal.
#[cfg(not(target_vendor = "apple"))]
const SEND_FLAGS: libc::c_int = libc::MSG_NOSIGNAL;
#[cfg(target_vendor = "apple")]
const SEND_FLAGS: libc::c_int = 0;

/// A connected socket. Reads and writes go through `&Socket`.
#[derive(Debug)]
pub(super) struct Socket(socket2::Socket, Origin);

impl Socket {
    /// Connects to the first of the host's addresses that answers in time.
    pub(super) fn connect(address: &Address, deadline: &mut Deadline) -> io::Result<Arc<Self>> {
        match address {
            Address::Tcp { host, port, .. } => Self::connect_tcp(host, *port, deadline),
            Address::Unix(path) => Self::connect_unix(path, deadline),
        }
    }

    fn connect_tcp(host: &str, port: u16, deadline: &mut Deadline) -> io::Result<Arc<Self>> {
        let addresses = lookup::addresses(host, port, deadline)?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for (index, address) in addresses.iter().enumerate() {
            let left = addresses.len() - index;
            let share = remaining(deadline)? / u32::try_from(left).unwrap_or(u32::MAX);
            match Self::connect_one(*address, share.max(Duration::from_millis(1)), deadline) {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn connect_one(
        address: SocketAddr,
        timeout: Duration,
        deadline: &Deadline,
    ) -> io::Result<Arc<Self>> {
        let socket = Self::watched(Domain::for_address(address), deadline)?;
        let Self(inner, _) = &*socket;
        inner.connect_timeout(&address.into(), timeout)?;
        if is_connected_to_itself(inner) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        inner.set_tcp_nodelay(true)?;
        let keepalive = TcpKeepalive::new()
            .with_time(IDLE_BEFORE_PROBE)
            .with_interval(PROBE_INTERVAL);
        inner.set_tcp_keepalive(&keepalive)?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        inner.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
        Ok(socket)
    }

    fn connect_unix(path: &Path, deadline: &mut Deadline) -> io::Result<Arc<Self>> {
        let address = SockAddr::unix(path)?;
        let socket = Self::watched(Domain::UNIX, deadline)?;
        let Self(inner, _) = &*socket;
        loop {
            // Bounds the wait for a place in a full queue, which closing the
            // socket doesn't end.
            let wait = remaining(deadline)?.min(QUEUE_STEP);
            inner.set_write_timeout(Some(wait))?;
            match inner.connect(&address) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                connected => return connected.map(|()| socket),
            }
        }
    }

    /// A new socket, which an interrupt of the deadline closes.
    fn watched(domain: Domain, deadline: &Deadline) -> io::Result<Arc<Self>> {
        let inner = socket2::Socket::new(domain, Type::STREAM, None)?;
        let socket = Arc::new(Self(inner, Origin::here()));
        if let Some(interrupt) = deadline.interrupt() {
            let watched = Arc::downgrade(&socket);
            interrupt.on_end(move || {
                if let Some(socket) = watched.upgrade() {
                    socket.shutdown();
                }
            });
        }
        Ok(socket)
    }

    pub(super) fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.0.set_read_timeout(Some(timeout))
    }

    pub(super) fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.0.set_write_timeout(Some(timeout))
    }

    /// Whether nothing waits to be read and the peer hasn't closed. One system
    /// call, which doesn't block.
    pub(super) fn is_quiet(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        match self.0.recv_with_flags(&mut byte, flags) {
            Ok(_) => false,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    /// Ends reads and writes on this socket, in whichever thread they block.
    pub(super) fn shutdown(&self) {
        // A parent's connection goes on when its child closes its copy.
        if !self.1.is_here() {
            return;
        }
        // Fails if the peer was faster, which does no harm.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }
}

impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send_with_flags(bytes, SEND_FLAGS)
    }

    /// TLS writes its records this way.
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.send_vectored_with_flags(slices, SEND_FLAGS)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Ends a connection from another thread: a blocked call fails at once. A stopper doesn't
/// keep the connection open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stopper(Weak<Socket>);

impl Stopper {
    pub(super) fn new(socket: Weak<Socket>) -> Self {
        Self(socket)
    }

    /// Whether the connection still exists.
    pub(super) fn is_live(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Closes the connection in both directions, if it still exists.
    pub(crate) fn stop(&self) {
        if let Some(socket) = self.0.upgrade() {
            socket.shutdown();
        }
    }
}

/// A process that keeps trying a local port without a listener may get that very port as
/// its own, and then reads its own requests as answers.
fn is_connected_to_itself(socket: &socket2::Socket) -> bool {
    match (socket.local_addr(), socket.peer_addr()) {
        (Ok(ours), Ok(theirs)) => ours.as_socket() == theirs.as_socket(),
        _ => false,
    }
}

/// The time left, as an I/O result.
pub(super) fn remaining(deadline: &mut Deadline) -> io::Result<Duration> {
    deadline
        .remaining()
        .ok_or_else(|| io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_connection_to_itself_is_noticed() {
        let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(&any_port.into()).unwrap();
        let own = socket.local_addr().unwrap();
        socket.connect(&own).unwrap();
        assert!(is_connected_to_itself(&socket));
    }
}
