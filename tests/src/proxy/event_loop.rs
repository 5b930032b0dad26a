//! The proxy's one thread: a `poll` over all sockets.

use std::io::{self, Read};
use std::mem;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::lane::Broken;
use super::link::{Link, reset};
use super::{Action, Shared, State};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_SIZE: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct EventLoop {
    listener: TcpListener,
    alarm: UnixStream,
    target: SocketAddr,
    shared: Arc<Shared>,
    links: Vec<Link>,
}

impl EventLoop {
    pub(super) fn new(
        listener: TcpListener,
        alarm: UnixStream,
        target: SocketAddr,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        alarm.set_nonblocking(true)?;
        Ok(Self {
            listener,
            alarm,
            target,
            shared,
            links: Vec::new(),
        })
    }

    pub(super) fn run(mut self) {
        let mut buffer = vec![0; READ_SIZE];
        while self.obey() {
            self.accept();
            self.relay(&mut buffer);
            self.wait();
        }
    }

    /// Carries out what was asked; false when the proxy ends.
    fn obey(&mut self) -> bool {
        let mut rings = [0; 64];
        while matches!((&self.alarm).read(&mut rings), Ok(count) if count > 0) {}

        let mut state = self.shared.state.lock();
        let actions = mem::take(&mut state.actions);
        let mut answers = Vec::new();
        for (action, done) in actions {
            match action {
                Action::Reset => self.links.drain(..).for_each(Link::reset),
                Action::Close => self.links.drain(..).for_each(Link::close),
                Action::HalfClose(direction) => {
                    self.links.iter_mut().for_each(|link| link.end(direction));
                }
                Action::Notice => {}
            }
            answers.push(done);
        }
        state.open_connections = self.links.len();
        for done in answers {
            // Fails only where the caller has given up.
            let _ = done.send(());
        }
        !state.closing
    }

    fn accept(&mut self) {
        while let Ok((client, from)) = self.listener.accept() {
            let (refuse, target) = {
                let mut state = self.shared.state.lock();
                state.traffic.connections += 1;
                let stranger = state.guest.is_some_and(|guest| guest != from.ip());
                let refuse = stranger || state.faults.refuse;
                (refuse, state.target.unwrap_or(self.target))
            };
            let server = if refuse {
                None
            } else {
                TcpStream::connect_timeout(&target, CONNECT_TIMEOUT).ok()
            };
            match server {
                Some(server) if prepare(&client).is_ok() && prepare(&server).is_ok() => {
                    self.links.push(Link::new(client, server));
                }
                _ => reset(&client),
            }
        }
    }

    fn relay(&mut self, buffer: &mut [u8]) {
        let mut state = self.shared.state.lock();
        let State {
            faults, traffic, ..
        } = &mut *state;
        let links = mem::take(&mut self.links);
        for mut link in links {
            match link.relay(faults, traffic, buffer) {
                Ok(()) if link.is_over() => {}
                Ok(()) => self.links.push(link),
                Err(Broken) => link.reset(),
            }
        }
        state.open_connections = self.links.len();
    }

    /// Sleeps until a socket is ready, a byte is due, or the bell rings.
    fn wait(&self) {
        let faults = self.shared.state.lock().faults;
        let now = Instant::now();
        let mut fds = vec![
            PollFd::new(&self.alarm, PollFlags::IN),
            PollFd::new(&self.listener, PollFlags::IN),
        ];
        let mut next: Option<Instant> = None;
        for link in &self.links {
            // A socket that nothing is wanted of is left out: `poll` reports a
            // hang-up even where it was not asked for.
            for (socket, flags) in link.interest(&faults, now) {
                if !flags.is_empty() {
                    fds.push(PollFd::from_borrowed_fd(socket.as_fd(), flags));
                }
            }
            next = next.into_iter().chain(link.next_due(&faults, now)).min();
        }
        let timeout = next
            .map(|due| due.saturating_duration_since(now))
            .and_then(|wait| Timespec::try_from(wait).ok());
        // An interrupted wait is a short one.
        let _ = poll(&mut fds, timeout.as_ref());
    }
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_nonblocking(true)
}
