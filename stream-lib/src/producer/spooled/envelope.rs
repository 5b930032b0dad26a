//! The form of a message in the spool: the length of its idempotency key (two bytes, `FF
//! FF` for none), the key, the number of fields (four bytes), the fields as they go over
//! the wire. Numbers are little-endian. If a message has a partition key, `FE FF` and the
//! key's hash (four bytes) stand in front.

use crate::command::{self, Encoded, Outgoing};

const NO_KEY: u16 = u16::MAX;

/// Longer than any key: the hash of a partition key follows.
const PLACE: u16 = u16::MAX - 1;

/// All messages of a batch, each by itself.
pub(crate) fn seal_all(batch: &Outgoing) -> Vec<Vec<u8>> {
    batch.iter().map(seal).collect()
}

fn seal(message: Encoded<'_>) -> Vec<u8> {
    let key = message.key.unwrap_or_default();
    let mut out = Vec::with_capacity(12 + key.len() + message.fields.len());
    if let Some(place) = message.place {
        out.extend_from_slice(&PLACE.to_le_bytes());
        out.extend_from_slice(&place.to_le_bytes());
    }
    // A key has at most 512 bytes, a message at most a few thousand fields.
    let length = match message.key {
        Some(key) => u16::try_from(key.len()).unwrap_or(PLACE - 1),
        None => NO_KEY,
    };
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(key);
    let count = u32::try_from(message.count).unwrap_or(u32::MAX);
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(message.fields);
    out
}

/// The message in these bytes, if they are one.
pub(crate) fn open(kept: &[u8]) -> Option<Encoded<'_>> {
    let (length, rest) = kept.split_first_chunk::<2>()?;
    let (length, rest, place) = if u16::from_le_bytes(*length) == PLACE {
        let (place, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        (length, rest, Some(u32::from_le_bytes(*place)))
    } else {
        (length, rest, None)
    };
    let (key, rest) = match u16::from_le_bytes(*length) {
        NO_KEY => (None, rest),
        length => {
            let (key, rest) = rest.split_at_checked(usize::from(length))?;
            (Some(key), rest)
        }
    };
    let (count, fields) = rest.split_first_chunk::<4>()?;
    Some(Encoded {
        fields,
        count: usize::try_from(u32::from_le_bytes(*count)).ok()?,
        key,
        place,
    })
}

/// The message in these bytes, as the command that adds it to `stream`, in the form that
/// goes over the wire; the bytes unchanged if they can't be read.
pub(super) fn as_command(kept: &[u8], stream: &str) -> Vec<u8> {
    let Some(message) = open(kept) else {
        return kept.to_vec();
    };
    let mut batch = Outgoing::default();
    batch.push_encoded(message);
    let mut command = Vec::new();
    command::pack_adds(&mut command, stream, &batch);
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Extras;
    use crate::message::RawMessage;

    #[test]
    fn message_comes_back_with_and_without_its_key() {
        let mut batch = Outgoing::default();
        let message = RawMessage::from_iter([("order_id", "A-1"), ("status", "")]);
        batch.push(&message, &Extras::NONE).unwrap();
        batch.push(&message, &Extras::of_key("key")).unwrap();
        let mut extras = Extras::of_key("key");
        extras.set_partition_key(b"123456789");
        batch.push(&message, &extras).unwrap();
        let sealed = seal_all(&batch);
        for (sealed, message) in sealed.iter().zip(batch.iter()) {
            let opened = open(sealed).unwrap();
            assert_eq!(opened.fields, message.fields);
            assert_eq!(opened.count, message.count);
            assert_eq!((opened.key, opened.place), (message.key, message.place));
        }
        assert_eq!(open(&sealed[2]).unwrap().place, Some(0xCBF4_3926));
        assert_eq!(batch.iter().nth(1).unwrap().key, Some(&b"key"[..]));
    }

    #[test]
    fn message_can_be_read_back_as_a_command() {
        let mut batch = Outgoing::default();
        let message = RawMessage::from_iter([("order_id", "A-1")]);
        batch.push(&message, &Extras::NONE).unwrap();
        let sealed = seal_all(&batch).remove(0);
        let command = b"*5\r\n$4\r\nXADD\r\n$6\r\norders\r\n$1\r\n*\r\n\
            $8\r\norder_id\r\n$3\r\nA-1\r\n";
        assert_eq!(as_command(&sealed, "orders"), command);
        assert_eq!(as_command(b"\x01", "orders"), b"\x01");
    }

    #[test]
    fn what_ends_too_early_is_no_message() {
        for kept in [&b""[..], b"\x01", b"\x05\x00abc", b"\xFF\xFF\x01\x00"] {
            assert!(open(kept).is_none(), "{kept:?}");
        }
    }
}
