//! The body of a scheduled message, as scripts read it: `MessagePack`.

use super::outgoing::Encoded;

/// The names and values of a message, one after the other, as an array of strings.
pub(super) fn body_of(message: Encoded<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.fields.len() + 8);
    let count = u32::try_from(2 * message.count).unwrap_or(u32::MAX);
    match count {
        0..=15 => out.push(0x90 | low(count)),
        16..=0xffff => {
            out.push(0xdc);
            out.extend_from_slice(&[low(count >> 8), low(count)]);
        }
        _ => {
            out.push(0xdd);
            out.extend_from_slice(&count.to_be_bytes());
        }
    }
    for value in values(message.fields) {
        push(&mut out, value);
    }
    out
}

fn push(out: &mut Vec<u8>, value: &[u8]) {
    // Redis takes no argument of more than 4 GiB.
    let len = u32::try_from(value.len()).unwrap_or(u32::MAX);
    match len {
        0..=31 => out.push(0xa0 | low(len)),
        32..=0xff => out.extend_from_slice(&[0xd9, low(len)]),
        0x100..=0xffff => out.extend_from_slice(&[0xda, low(len >> 8), low(len)]),
        _ => {
            out.push(0xdb);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
    out.extend_from_slice(value);
}

/// The lowest eight bits.
const fn low(number: u32) -> u8 {
    number.to_be_bytes()[3]
}

/// The arguments in a text that goes over the wire: `$3\r\nabc\r\n…`.
fn values(mut packed: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let rest = packed.strip_prefix(b"$")?;
        let end = rest.iter().position(|byte| *byte == b'\r')?;
        let len: usize = str::from_utf8(rest.get(..end)?).ok()?.parse().ok()?;
        let begin = end + 2;
        let value = rest.get(begin..begin + len)?;
        packed = rest.get(begin + len + 2..)?;
        Some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Extras, Outgoing};
    use crate::message::RawMessage;

    fn packed(message: &RawMessage) -> Vec<u8> {
        let mut batch = Outgoing::default();
        batch.push(message, &Extras::NONE).unwrap();
        body_of(batch.iter().next().unwrap())
    }

    #[test]
    fn each_length_has_its_own_form() {
        let body = packed(&RawMessage::new().with("a", "1").with("b", "$1\r\nx"));
        assert_eq!(body, b"\x94\xa1a\xa11\xa1b\xa5$1\r\nx");
        for (len, head) in [
            (0, &b"\xa0"[..]),
            (31, b"\xbf"),
            (32, b"\xd9\x20"),
            (255, b"\xd9\xff"),
            (256, b"\xda\x01\x00"),
            (65_535, b"\xda\xff\xff"),
            (65_536, b"\xdb\x00\x01\x00\x00"),
        ] {
            let value = vec![b'v'; len];
            let body = packed(&RawMessage::new().with("a", &value));
            assert_eq!(body, [b"\x92\xa1a", head, &value].concat());
        }
        let many = (0..8).fold(RawMessage::new(), |m, n| m.with(n.to_string(), ""));
        assert!(packed(&many).starts_with(b"\xdc\x00\x10\xa10\xa0"));
        let most = (0..1_000).fold(RawMessage::new(), |m, n| m.with(n.to_string(), ""));
        assert!(packed(&most).starts_with(b"\xdc\x07\xd0"));
    }
}
