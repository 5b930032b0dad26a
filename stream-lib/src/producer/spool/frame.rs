//! The form of one message on disk.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | a mark, by which a damaged file can be searched |
//! | 4 | CRC-32 of all that follows |
//! | 4 | length of the message |
//! | 8 | its number |
//! | 8 | up to which number messages had been sent when it was written |
//! | 24 | the spool's id |
//! | … | the message |
//!
//! Numbers are little-endian. A frame is self-contained, so that it can be read without
//! the database around it.

use super::sequence::{Sequence, SpoolId};

/// The first bytes of a frame, which are no text in any encoding.
pub(super) const MARK: [u8; 8] = *b"\xF5\xFEspool\x01";

/// The length of the part before the message.
pub(super) const HEADER: usize = 8 + 4 + 4 + 8 + 8 + SpoolId::LEN;

/// A message with its name and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) spool: SpoolId,
    pub(crate) sequence: Sequence,
    pub(crate) message: Vec<u8>,
}

impl Record {
    /// Its share of the spool's bound, in bytes.
    pub(super) fn cost(&self) -> u64 {
        cost(self.message.len())
    }
}

/// The share of the spool's bound that a message of this length takes.
pub(super) fn cost(length: usize) -> u64 {
    (HEADER + length) as u64
}

/// The frame of a record, written after all records up to `sent` had been sent.
pub(super) fn encode(record: &Record, sent: Sequence) -> Option<Vec<u8>> {
    let length = u32::try_from(record.message.len()).ok()?;
    let mut body = Vec::with_capacity(HEADER + record.message.len());
    body.extend_from_slice(&MARK);
    body.extend_from_slice(&[0; 4]);
    body.extend_from_slice(&length.to_le_bytes());
    body.extend_from_slice(&record.sequence.raw().to_le_bytes());
    body.extend_from_slice(&sent.raw().to_le_bytes());
    body.extend_from_slice(record.spool.as_bytes());
    body.extend_from_slice(&record.message);
    let (head, rest) = body.split_at_mut(12);
    let sum = crc32fast::hash(rest).to_le_bytes();
    for (slot, byte) in head.iter_mut().skip(MARK.len()).zip(sum) {
        *slot = byte;
    }
    Some(body)
}

/// Reads a frame back, with the number up to which all had been sent when it was written.
/// `None` for anything but a whole and sound frame.
pub(super) fn decode(frame: &[u8]) -> Option<(Record, Sequence)> {
    if frame.len() != frame_length(frame)? {
        return None;
    }
    let (sum, rest) = frame.get(MARK.len()..)?.split_first_chunk::<4>()?;
    if crc32fast::hash(rest) != u32::from_le_bytes(*sum) {
        return None;
    }
    let (_, rest) = rest.split_first_chunk::<4>()?;
    let (sequence, rest) = rest.split_first_chunk::<8>()?;
    let (sent, rest) = rest.split_first_chunk::<8>()?;
    let (spool, message) = rest.split_first_chunk::<{ SpoolId::LEN }>()?;
    let record = Record {
        spool: SpoolId::from_bytes(spool)?,
        sequence: Sequence::from_raw(u64::from_le_bytes(*sequence)),
        message: message.to_vec(),
    };
    Some((record, Sequence::from_raw(u64::from_le_bytes(*sent))))
}

/// The length that the frame beginning here gives for itself.
pub(super) fn frame_length(start: &[u8]) -> Option<usize> {
    let rest = start.strip_prefix(&MARK)?;
    let (_, rest) = rest.split_first_chunk::<4>()?;
    let (length, _) = rest.split_first_chunk::<4>()?;
    HEADER.checked_add(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(message: &[u8]) -> Record {
        Record {
            spool: SpoolId::random(),
            sequence: Sequence::start_of(3).plus(7),
            message: message.to_vec(),
        }
    }

    #[test]
    fn frame_comes_back_whole() {
        for message in [&b""[..], b"x", &[7; 5_000]] {
            let record = record(message);
            let frame = encode(&record, Sequence::start_of(2)).unwrap();
            assert_eq!(frame.len() as u64, record.cost());
            assert_eq!(decode(&frame), Some((record, Sequence::start_of(2))));
        }
    }

    proptest! {
        #[test]
        fn no_frame_with_a_changed_byte_is_taken(
            message in prop::collection::vec(any::<u8>(), 0..200),
            at: prop::sample::Index,
            change in 1_u8..,
        ) {
            let mut frame = encode(&record(&message), Sequence::ZERO).unwrap();
            let at = at.index(frame.len());
            frame[at] ^= change;
            prop_assert_eq!(decode(&frame), None);
        }

        #[test]
        fn nothing_else_is_taken_for_a_frame(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&bytes), None);
        }
    }
}
