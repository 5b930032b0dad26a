//! The streams of partitions.

use super::count::Partitions;

/// The stream of one partition of `stream`: `{orders:0}` of `orders`, `{shop:3}:orders`
/// of `{shop}:orders`. Its keys are those of any stream of this name, in a slot of
/// their own.
pub(crate) fn partition_stream(stream: &str, partition: u16) -> String {
    match split(stream) {
        Some((before, tag, behind)) => format!("{before}{{{tag}:{partition}}}{behind}"),
        None => format!("{{{stream}:{partition}}}"),
    }
}

/// The inverse of [`partition_stream`]: the stream of which `name` would be a partition,
/// and the partition. `None` if `name` isn't a partition of a stream with this many.
pub(crate) fn partitioned_by(name: &str, partitions: Partitions) -> Option<(String, u16)> {
    let (before, tag, behind) = split(name)?;
    let (tag, number) = tag.rsplit_once(':')?;
    let partition = number.parse().ok()?;
    let is_plain = before.is_empty() && behind.is_empty();
    let stream = if is_plain {
        tag.to_owned()
    } else {
        format!("{before}{{{tag}}}{behind}")
    };
    // The library never writes `007` or `+7`.
    let is_own = partition < partitions.count() && partition_stream(&stream, partition) == name;
    (is_own && !tag.is_empty()).then_some((stream, partition))
}

/// The parts of a name before, in, and after its hash tag, if it has one.
fn split(name: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = name.split_once('{')?;
    let (tag, behind) = rest.split_once('}')?;
    Some((before, tag, behind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::StreamKeys;

    fn of(count: u16) -> Partitions {
        Partitions::new(count).unwrap()
    }

    #[test]
    fn the_number_stands_in_the_hash_tag() {
        assert_eq!(partition_stream("orders", 0), "{orders:0}");
        assert_eq!(partition_stream("{shop}:orders", 3), "{shop:3}:orders");
        assert_eq!(partition_stream("a{b}", 255), "a{b:255}");
    }

    #[test]
    fn a_partition_has_the_keys_of_a_stream() {
        for stream in ["orders", "{shop}:orders", "a{b}"] {
            let keys = StreamKeys::new(stream).unwrap().partition(3);
            assert_eq!(
                keys,
                StreamKeys::of_any(&partition_stream(stream, 3)).unwrap()
            );
        }
    }

    #[test]
    fn names_that_are_no_partitions_are_told_apart() {
        let known = |name: &str| partitioned_by(name, of(16));
        assert_eq!(known("{orders:15}"), Some(("orders".into(), 15)));
        assert_eq!(known("{shop:3}:orders"), Some(("{shop}:orders".into(), 3)));
        // Of a stream whose own name ends like this.
        assert_eq!(known("{a:1:2}"), Some(("a:1".into(), 2)));
        for name in [
            "orders",
            "orders:1",
            "{orders}",
            "{orders}:1",
            "{orders:16}",
            "{orders:01}",
            "{orders:+1}",
            "{orders:}",
            "{:1}",
            "{orders:1",
            "",
        ] {
            assert_eq!(known(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(
            stream in "([^{}~]{1,12})|([^{}~]{0,5}\\{[^{}]{1,9}\\}[^{}]{1,9})",
            partition in 0_u16..256,
        ) {
            let name = partition_stream(&stream, partition);
            prop_assert_eq!(partitioned_by(&name, of(256)), Some((stream, partition)));
        }

        #[test]
        fn no_two_partitions_share_a_name(
            one in "[a-z:0-9]{1,6}", other in "[a-z:0-9]{1,6}", m in 0_u16..256, n in 0_u16..256,
        ) {
            let same = partition_stream(&one, m) == partition_stream(&other, n);
            prop_assert_eq!(same, (one, m) == (other, n));
        }
    }
}
