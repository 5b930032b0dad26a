//! One connection through the proxy: a client's socket, ours to the server, and
//! a lane each way.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use socket2::SockRef;

use super::faults::{Direction, Faults, Traffic};
use super::lane::{Broken, Lane};

/// A client's connection and ours to the server.
#[derive(Debug)]
pub(super) struct Link {
    client: TcpStream,
    server: TcpStream,
    requests: Lane,
    replies: Lane,
    /// The direction of the last bytes.
    last: Option<Direction>,
}

impl Link {
    pub(super) fn new(client: TcpStream, server: TcpStream) -> Self {
        Self {
            client,
            server,
            requests: Lane::default(),
            replies: Lane::default(),
            last: None,
        }
    }

    /// Reads and writes what is possible without waiting.
    ///
    /// Replies are written last, so a client that answers one is read in a
    /// later call, and its round trip is counted.
    pub(super) fn relay(
        &mut self,
        faults: &mut Faults,
        traffic: &mut Traffic,
        buffer: &mut [u8],
    ) -> Result<(), Broken> {
        for direction in Direction::BOTH {
            let (lane, source, _) = self.lane(direction);
            let count = lane.read(source, faults.way(direction), buffer)?;
            if count > 0 {
                traffic.count(direction, count);
                if direction == Direction::Requests && self.last != Some(direction) {
                    traffic.round_trips += 1;
                }
                self.last = Some(direction);
            }
        }
        for direction in Direction::BOTH {
            let (lane, _, sink) = self.lane(direction);
            lane.write(sink, faults.way_mut(direction))?;
        }
        Ok(())
    }

    /// Whether both directions have ended.
    pub(super) fn is_over(&self) -> bool {
        self.requests.is_over() && self.replies.is_over()
    }

    /// The events to wait for on each socket.
    pub(super) fn interest(&self, faults: &Faults, now: Instant) -> [(&TcpStream, PollFlags); 2] {
        let to_server = self
            .requests
            .can_write(faults.way(Direction::Requests), now);
        let to_client = self.replies.can_write(faults.way(Direction::Replies), now);
        [
            (&self.client, flags(self.requests.can_read(), to_client)),
            (&self.server, flags(self.replies.can_read(), to_server)),
        ]
    }

    /// When a byte that waits now may be written.
    pub(super) fn next_due(&self, faults: &Faults, now: Instant) -> Option<Instant> {
        let requests = self.requests.next_due(faults.way(Direction::Requests), now);
        let replies = self.replies.next_due(faults.way(Direction::Replies), now);
        requests.into_iter().chain(replies).min()
    }

    /// Ends one direction; what it still held is lost.
    pub(super) fn end(&mut self, direction: Direction) {
        let (lane, _, sink) = self.lane(direction);
        lane.end(sink);
    }

    /// Ends both directions in order.
    pub(super) fn close(mut self) {
        for direction in Direction::BOTH {
            self.end(direction);
        }
    }

    pub(super) fn reset(self) {
        reset(&self.client);
        reset(&self.server);
    }

    /// The lane of a direction, and the sockets it reads and writes.
    fn lane(&mut self, direction: Direction) -> (&mut Lane, &TcpStream, &TcpStream) {
        match direction {
            Direction::Requests => (&mut self.requests, &self.client, &self.server),
            Direction::Replies => (&mut self.replies, &self.server, &self.client),
        }
    }
}

/// Makes the coming close of a socket a reset (RST).
pub(super) fn reset(socket: &TcpStream) {
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

fn flags(reads: bool, writes: bool) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, reads);
    flags.set(PollFlags::OUT, writes);
    flags
}
