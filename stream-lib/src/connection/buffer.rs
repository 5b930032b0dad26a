//! Bytes that were read and not consumed yet.

use std::ops::Range;

/// The least and most room kept between replies.
const SMALLEST: usize = 16 << 10;
const LARGEST_KEPT: usize = 1 << 20;

/// A read is offered at least this much room.
const LEAST_READ: usize = 4 << 10;

/// Bytes of the connection, in order: those of replies already handed out,
/// unread ones, then room for more.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    /// All of it is initialised; bytes after `end` have no meaning.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// The length of recent replies: the largest, slowly forgotten.
    usual: usize,
}

impl ReadBuffer {
    pub(crate) fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Marks a reply's bytes as used. They stay readable as the range given
    /// back until the next call of [`room`](Self::room).
    pub(crate) fn consume(&mut self, length: usize) -> Range<usize> {
        let reply = self.start..self.end.min(self.start + length);
        self.start = reply.end;
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        self.usual = length.max(self.usual - self.usual / 8);
        reply
    }

    pub(crate) fn slice(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// Hands off the bytes of a reply just consumed: the buffer itself if the reply fills
    /// most of it, else a copy.
    pub(crate) fn take(&mut self, reply: Range<usize>) -> Vec<u8> {
        let length = reply.len();
        if reply.start != 0 || length * 2 < self.bytes.len() {
            return self.slice(reply).to_vec();
        }
        let size = self.usual_size();
        let rest = self.unread();
        let mut fresh = Vec::with_capacity(size.max(rest.len() + LEAST_READ));
        fresh.extend_from_slice(rest);
        self.start = 0;
        self.end = fresh.len();
        fresh.resize(fresh.capacity(), 0);
        let mut taken = std::mem::replace(&mut self.bytes, fresh);
        taken.truncate(length);
        taken
    }

    /// Room to read into, when `missing` more bytes are known to come.
    ///
    /// It grows with the bytes that came, not with the length in a header.
    pub(crate) fn room(&mut self, missing: usize) -> &mut [u8] {
        self.shrink();
        let unread = self.end - self.start;
        let most = (unread * 3).max(SMALLEST);
        let wanted = missing.clamp(LEAST_READ, most);
        if self.bytes.len() - self.end < wanted {
            if self.start > 0 {
                self.bytes.copy_within(self.start..self.end, 0);
                self.start = 0;
                self.end = unread;
            }
            if self.bytes.len() - self.end < wanted {
                let size = (unread + wanted.max(unread)).max(self.usual_size());
                self.bytes.resize(size, 0);
            }
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Counts bytes that were read into the room.
    pub(crate) fn fill(&mut self, count: usize) {
        self.end = self.bytes.len().min(self.end + count);
    }

    /// Releases memory that only an unusually large reply needed.
    pub(crate) fn shrink(&mut self) {
        let size = self.usual_size();
        if self.start == self.end && self.bytes.len() > size * 4 {
            self.bytes = vec![0; size];
        }
    }

    fn usual_size(&self) -> usize {
        let size = self.usual.saturating_mul(2).clamp(SMALLEST, LARGEST_KEPT);
        size.next_power_of_two()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(buffer: &mut ReadBuffer, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = buffer.room(rest.len());
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            buffer.fill(count);
            rest = &rest[count..];
        }
    }

    #[test]
    fn replies_come_out_as_they_went_in() {
        let mut buffer = ReadBuffer::default();
        read(&mut buffer, b"one");
        read(&mut buffer, b"two");
        let one = buffer.consume(3);
        assert_eq!(buffer.slice(one), b"one");
        assert_eq!(buffer.unread(), b"two");
        read(&mut buffer, b"three");
        let two = buffer.consume(3);
        assert_eq!(buffer.take(two), b"two");
        assert_eq!(buffer.unread(), b"three");
    }

    #[test]
    fn a_large_reply_is_handed_off_and_what_follows_stays() {
        let mut buffer = ReadBuffer::default();
        let large: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        read(&mut buffer, &large);
        read(&mut buffer, b"rest");
        let capacity = buffer.bytes.capacity();
        let reply = buffer.consume(large.len());
        let taken = buffer.take(reply);
        assert_eq!(taken, large);
        assert_eq!(taken.capacity(), capacity);
        assert_eq!(buffer.unread(), b"rest");
        assert!(buffer.bytes.len() <= LARGEST_KEPT);
    }

    #[test]
    fn room_grows_with_what_came_and_shrinks_again() {
        let mut buffer = ReadBuffer::default();
        assert!(buffer.room(512 << 20).len() <= SMALLEST);
        read(&mut buffer, &vec![7; 8 << 20]);
        assert!(buffer.bytes.len() <= 32 << 20);
        let reply = buffer.consume(8 << 20);
        assert_eq!(buffer.slice(reply), vec![7; 8 << 20]);
        buffer.shrink();
        assert!(buffer.bytes.len() <= 4 * LARGEST_KEPT);
        for _ in 0..200 {
            read(&mut buffer, b"small");
            buffer.consume(5);
        }
        assert!(buffer.bytes.len() <= 4 * SMALLEST);
    }
}
