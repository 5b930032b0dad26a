//! The slot of a key.

/// The number of slots.
pub(super) const COUNT: u16 = 16_384;

/// The slot of a key, or of the text in its first pair of braces, if there is any.
pub(super) fn of(key: &[u8]) -> u16 {
    crc16(tag_of(key)) % COUNT
}

fn tag_of(key: &[u8]) -> &[u8] {
    let position = |bytes: &[u8], wanted| bytes.iter().position(|&b| b == wanted);
    let inside = position(key, b'{').and_then(|open| key.get(open + 1..));
    let tag = inside.and_then(|rest| rest.get(..position(rest, b'}')?));
    tag.filter(|tag| !tag.is_empty()).unwrap_or(key)
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
            let next = crc << 1;
            if crc & 0x8000 == 0 {
                next
            } else {
                next ^ 0x1021
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_manual() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(of(b"foo"), 12_182);
        assert_eq!(of(b"{foo}:dead"), 12_182);
        assert_eq!(of(b"a{foo}{bar}"), 12_182);
        assert_eq!(tag_of(b"{}foo"), b"{}foo");
        assert_eq!(tag_of(b"foo{"), b"foo{");
    }
}
