//! One direction of one connection: bytes read, held for a while, written.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::faults::Way;

/// Past this the sender is held up, as by a full socket buffer.
const MOST_HELD: usize = 1 << 20;

const SHORTEST_GAP: Duration = Duration::from_nanos(1);

/// One direction of one connection.
#[derive(Debug, Default)]
pub(super) struct Lane {
    parcels: VecDeque<Parcel>,
    held: usize,
    /// The sender has ended its side.
    source_ended: bool,
    /// We have ended ours.
    sink_ended: bool,
    /// No write before this, by a trickle.
    rest_until: Option<Instant>,
}

#[derive(Debug)]
struct Parcel {
    due: Instant,
    bytes: Vec<u8>,
    written: usize,
}

/// A connection has come to its end and is to be reset.
#[derive(Debug)]
pub(super) struct Broken;

impl Lane {
    pub(super) fn can_read(&self) -> bool {
        !self.source_ended && self.held < MOST_HELD
    }

    pub(super) fn can_write(&self, way: &Way, now: Instant) -> bool {
        !way.hold && self.next_write().is_some_and(|due| due <= now)
    }

    /// When the next byte may be written, if one waits for its time.
    pub(super) fn next_due(&self, way: &Way, now: Instant) -> Option<Instant> {
        self.next_write().filter(|due| !way.hold && *due > now)
    }

    pub(super) fn is_over(&self) -> bool {
        self.sink_ended
    }

    /// Reads what has come. Returns how many bytes.
    pub(super) fn read(
        &mut self,
        mut from: &TcpStream,
        way: &Way,
        buffer: &mut [u8],
    ) -> Result<usize, Broken> {
        if !self.can_read() {
            return Ok(0);
        }
        let count = match from.read(buffer) {
            Ok(0) => {
                self.source_ended = true;
                return Ok(0);
            }
            Ok(count) => count,
            Err(e) if is_transient(&e) => return Ok(0),
            Err(_) => return Err(Broken),
        };
        if !way.swallow && !self.sink_ended {
            self.held += count;
            self.parcels.push_back(Parcel {
                due: Instant::now() + way.delay,
                bytes: buffer.get(..count).unwrap_or(buffer).to_vec(),
                written: 0,
            });
        }
        Ok(count)
    }

    /// Writes what is due, and passes on the end behind the last byte.
    pub(super) fn write(&mut self, to: &TcpStream, way: &mut Way) -> Result<(), Broken> {
        let now = Instant::now();
        while self.can_write(way, now) {
            let Some(parcel) = self.parcels.front_mut() else {
                break;
            };
            let count = match parcel.write(to, way) {
                Ok(0) => {
                    way.cut_after = None;
                    return Err(Broken);
                }
                Ok(count) => count,
                Err(e) if is_transient(&e) => return Ok(()),
                Err(_) => return Err(Broken),
            };
            self.held = self.held.saturating_sub(count);
            if parcel.written == parcel.bytes.len() {
                self.parcels.pop_front();
            }
            if let Some((_, gap)) = way.trickle {
                self.rest_until = Some(now + gap.max(SHORTEST_GAP));
            }
        }
        if self.source_ended && !self.sink_ended && self.parcels.is_empty() && !way.hold {
            self.end(to);
        }
        Ok(())
    }

    /// Ends this direction now, whatever is still held.
    pub(super) fn end(&mut self, to: &TcpStream) {
        self.parcels.clear();
        self.held = 0;
        self.source_ended = true;
        self.sink_ended = true;
        let _ = to.shutdown(Shutdown::Write);
    }

    fn next_write(&self) -> Option<Instant> {
        let due = self.parcels.front()?.due;
        Some(self.rest_until.map_or(due, |rest| rest.max(due)))
    }
}

impl Parcel {
    /// Writes as much as the trickle and the cut allow; 0 bytes mean that the
    /// cut has come.
    fn write(&mut self, mut to: &TcpStream, way: &mut Way) -> io::Result<usize> {
        let rest = self.bytes.get(self.written..).unwrap_or_default();
        let mut most = way.trickle.map_or(rest.len(), |(size, _)| size);
        if let Some(left) = way.cut_after {
            most = most.min(usize::try_from(left).unwrap_or(usize::MAX));
            if most == 0 {
                return Ok(0);
            }
        }
        let count = to.write(rest.get(..most).unwrap_or(rest))?;
        self.written += count;
        if let Some(left) = &mut way.cut_after {
            *left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        }
        Ok(count)
    }
}

fn is_transient(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
