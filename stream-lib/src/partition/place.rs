//! The partition that a message goes to.

use super::count::Partitions;

/// The hash of a key: the CRC32 of its bytes, as zlib has it.
pub(crate) fn hash_of(key: &[u8]) -> u32 {
    crc32fast::hash(key)
}

/// The partition of a message whose key has this hash: the hash modulo the number of
/// partitions. Programs in any language can compute it.
pub(crate) fn partition_of(hash: u32, partitions: Partitions) -> u16 {
    u16::try_from(hash % u32::from(partitions.count())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(key: &str, count: u16) -> u16 {
        partition_of(hash_of(key.as_bytes()), Partitions::new(count).unwrap())
    }

    #[test]
    fn partitions_are_those_of_zlib() {
        // zlib.crc32(b"123456789") is 0xCBF43926.
        for (count, partition) in [(1, 0), (2, 0), (16, 6), (256, 0x26)] {
            assert_eq!(of("123456789", count), partition);
        }
        // By `python3 -c 'import zlib; print(zlib.crc32(b"…") % 16)'`.
        for (key, partition) in [("", 0), ("customer-1", 13), ("Käse", 3)] {
            assert_eq!(of(key, 16), partition, "{key}");
        }
    }

    #[test]
    fn keys_spread_evenly() {
        for count in [4, 16, 64] {
            let mut hits = vec![0_u32; usize::from(count)];
            for key in 0..64_000 {
                hits[usize::from(of(&format!("customer-{key}"), count))] += 1;
            }
            let fair = 64_000 / u32::from(count);
            for hit in hits {
                assert!(
                    hit > fair * 8 / 10 && hit < fair * 12 / 10,
                    "{hit} of {fair}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn any_key_has_a_partition(key: Vec<u8>, power in 0_u32..=8) {
            let partitions = Partitions::new(1 << power).unwrap();
            let partition = partition_of(hash_of(&key), partitions);
            prop_assert!(partition < partitions.count());
            // Half as many partitions: each takes in two.
            if power > 0 {
                let half = Partitions::new(1 << (power - 1)).unwrap();
                prop_assert_eq!(partition_of(hash_of(&key), half), partition % half.count());
            }
        }
    }
}
