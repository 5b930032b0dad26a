//! The slots of a cluster.

/// The slot of a key, as Redis Cluster computes it.
pub fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = key.get(open + 1..)?;
        let length = rest.iter().position(|byte| *byte == b'}')?;
        rest.get(..length).filter(|tag| !tag.is_empty())
    });
    crc16(tag.unwrap_or(key)) % 16_384
}

/// A key in one of the slots `first` to `last`, by which their server is reached. `None`
/// only for an empty range.
pub fn key_in_slot(first: u16, last: u16) -> Option<String> {
    // A single slot takes about 16,384 tries; this is enough for each of them.
    (0..1_000_000_u32)
        .map(|number| number.to_string())
        .find(|key| (first..=last).contains(&slot_of(key.as_bytes())))
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        let mixed = crc ^ (u16::from(*byte) << 8);
        (0..8).fold(mixed, |crc, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // As `CLUSTER KEYSLOT` says.
        assert_eq!(slot_of(b"123456789"), 0x31c3);
        assert_eq!(slot_of(b"foo"), 12_182);
        assert_eq!(slot_of(b"{foo}:dead"), 12_182);
        assert_eq!(slot_of(b"{}foo"), slot_of(b"{}foo"));
        assert_ne!(slot_of(b"{}foo"), 12_182);
    }

    #[test]
    fn each_slot_has_a_key() {
        for slot in [0, 1, 5_460, 16_383] {
            let key = key_in_slot(slot, slot).unwrap();
            assert_eq!(slot_of(key.as_bytes()), slot);
        }
        assert_eq!(key_in_slot(2, 1), None);
    }
}
