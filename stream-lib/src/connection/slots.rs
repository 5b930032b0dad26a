//! The slot of a key in a Redis Cluster.

/// How many slots a cluster has.
pub(crate) const SLOTS: u16 = 16_384;

/// The slot of a key, 0 to 16,383: CRC16 (XMODEM) of its hash tag, or of the whole key
/// without one.
pub(crate) fn slot_of(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) % SLOTS
}

/// The part of a key that decides on its slot: between its first `{` and the next `}`,
/// unless that is empty.
fn hash_tag(key: &[u8]) -> &[u8] {
    let position = |bytes: &[u8], wanted: u8| bytes.iter().position(|byte| *byte == wanted);
    let tag = position(key, b'{').and_then(|open| {
        let behind = key.get(open + 1..)?;
        behind.get(..position(behind, b'}')?)
    });
    tag.filter(|tag| !tag.is_empty()).unwrap_or(key)
}

/// The checksum of each byte.
const TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    const POLYNOMIAL: u16 = 0x1021;
    let mut table = [0; 256];
    let mut rest: &mut [u16] = &mut table;
    let mut byte: u16 = 0;
    while let [entry, behind @ ..] = rest {
        let mut crc = byte << 8;
        let mut bit = 0;
        while bit < 8 {
            let carry = crc & 0x8000 != 0;
            crc <<= 1;
            if carry {
                crc ^= POLYNOMIAL;
            }
            bit += 1;
        }
        *entry = crc;
        byte += 1;
        rest = behind;
    }
    table
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        let [high, _] = crc.to_be_bytes();
        let entry = TABLE.get(usize::from(high ^ byte)).copied();
        (crc << 8) ^ entry.unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn checksums_are_those_of_xmodem() {
        assert_eq!(crc16(b""), 0);
        assert_eq!(crc16(b"123456789"), 0x31C3);
    }

    #[test]
    fn slots_are_those_that_redis_says() {
        // By CLUSTER KEYSLOT.
        for (key, slot) in [
            ("foo", 12_182),
            ("bar", 5_061),
            ("123456789", 12_739),
            ("", 0),
            ("orders", 105),
            ("{orders:0}", 8_578),
            ("{orders:15}", 9_092),
            ("{}foo", 9_500),
            ("foo{}{bar}", 8_363),
            ("{{foo}}", 13_308),
        ] {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key}");
        }
    }

    #[test]
    fn the_first_hash_tag_decides_unless_it_is_empty() {
        let slot = |key: &str| slot_of(key.as_bytes());
        for key in ["{foo}", "{foo}:dead", "a{foo}b", "{foo}{bar}", "}{foo}"] {
            assert_eq!(slot(key), slot("foo"), "{key}");
        }
        assert_eq!(slot("{{foo}}"), slot("{foo"));
        for key in ["{}foo", "{foo", "foo}", "foo{}{bar}"] {
            assert_eq!(
                slot_of(key.as_bytes()),
                crc16(key.as_bytes()) % SLOTS,
                "{key}"
            );
        }
        assert_ne!(slot("{}foo"), slot("foo"));
    }

    /// The checksum bit by bit, as its definition has it.
    fn plain(bytes: &[u8]) -> u16 {
        let mut crc = 0_u16;
        for byte in bytes {
            crc ^= u16::from(*byte) << 8;
            for _ in 0..8 {
                crc = if crc & 0x8000 == 0 {
                    crc << 1
                } else {
                    (crc << 1) ^ 0x1021
                };
            }
        }
        crc
    }

    proptest! {
        #[test]
        fn the_table_is_right(bytes: Vec<u8>) {
            prop_assert_eq!(crc16(&bytes), plain(&bytes));
        }

        #[test]
        fn any_key_has_a_slot(key: Vec<u8>) {
            prop_assert!(slot_of(&key) < SLOTS);
        }

        #[test]
        fn keys_of_one_tag_share_a_slot(tag in "[^{}]{1,20}", before in "[^{]{0,9}", behind: String) {
            let key = format!("{before}{{{tag}}}{behind}");
            prop_assert_eq!(slot_of(key.as_bytes()), slot_of(tag.as_bytes()));
        }
    }
}
