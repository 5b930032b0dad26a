//! TCP and unix sockets: opening them, and what the standard library lacks.

use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Weak;
use std::time::Duration;

use socket2::{Domain, SockAddr, TcpKeepalive, Type};

use super::deadline::Deadline;
use crate::config::Address;
use crate::runtime::Origin;

/// An idle peer is probed after this time, then every `PROBE_INTERVAL`.
const IDLE_BEFORE_PROBE: Duration = Duration::from_secs(15);
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// A peer that acknowledges nothing for this long is gone.
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// A peer that has gone must not end the process by a signal.
#[cfg(not(target_vendor = "apple"))]
const SEND_FLAGS: libc::c_int = libc::MSG_NOSIGNAL;
#[cfg(target_vendor = "apple")]
const SEND_FLAGS: libc::c_int = 0;

/// A connected socket. Reads and writes go through `&Socket`.
#[derive(Debug)]
pub(super) struct Socket(socket2::Socket, Origin);

impl Socket {
    /// Connects to the first of the host's addresses that answers in time.
    pub(super) fn connect(address: &Address, deadline: &mut Deadline) -> io::Result<Self> {
        match address {
            Address::Tcp { host, port, .. } => Self::connect_tcp(host, *port, deadline),
            Address::Unix(path) => Self::connect_unix(path, deadline),
        }
    }

    fn connect_tcp(host: &str, port: u16, deadline: &mut Deadline) -> io::Result<Self> {
        let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for (index, address) in addresses.iter().enumerate() {
            let left = addresses.len() - index;
            let share = remaining(deadline)? / u32::try_from(left).unwrap_or(u32::MAX);
            match Self::connect_one(*address, share.max(Duration::from_millis(1))) {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn connect_one(address: SocketAddr, timeout: Duration) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.connect_timeout(&address.into(), timeout)?;
        if is_connected_to_itself(&socket) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        socket.set_tcp_nodelay(true)?;
        let keepalive = TcpKeepalive::new()
            .with_time(IDLE_BEFORE_PROBE)
            .with_interval(PROBE_INTERVAL);
        socket.set_tcp_keepalive(&keepalive)?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
        Ok(Self(socket, Origin::here()))
    }

    fn connect_unix(path: &Path, deadline: &mut Deadline) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Bounds the wait for a place in a full queue, too.
        socket.set_write_timeout(Some(remaining(deadline)?))?;
        socket.connect(&SockAddr::unix(path)?)?;
        Ok(Self(socket, Origin::here()))
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
        // The connection of a parent goes on when its child closes its copy.
        if !self.1.is_here() {
            return;
        }
        // It fails when the peer was faster: all the same to us.
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

/// Ends a connection from another thread: a blocked call fails at once. Keeps
/// nothing open by itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stopper(Weak<Socket>);

impl Stopper {
    pub(super) fn new(socket: Weak<Socket>) -> Self {
        Self(socket)
    }

    /// Closes the connection in both directions, if it still exists.
    pub(crate) fn stop(&self) {
        if let Some(socket) = self.0.upgrade() {
            socket.shutdown();
        }
    }
}

/// A process that keeps trying a local port where nothing listens is given that
/// very port as its own one day, and then reads its own words as answers.
fn is_connected_to_itself(socket: &socket2::Socket) -> bool {
    match (socket.local_addr(), socket.peer_addr()) {
        (Ok(ours), Ok(theirs)) => ours.as_socket() == theirs.as_socket(),
        _ => false,
    }
}

/// What is left of the deadline, as an I/O result.
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
