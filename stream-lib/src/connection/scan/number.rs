//! Decimal numbers, as lengths and integers are written.

/// The digits of the largest number.
const MOST_DIGITS: usize = 19;

pub(super) const BAD_LINE_END: &str = "a line doesn't end in CR LF";
const NOT_A_NUMBER: &str = "not a number";
const TOO_LARGE: &str = "a number is too large";

/// Reads a number and its line end, and returns how many bytes they take; `None` if they
/// aren't complete.
#[inline]
pub(super) fn read(bytes: &[u8]) -> Result<Option<(i64, usize)>, &'static str> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        _ => (false, bytes),
    };
    let mut value: u64 = 0;
    for (count, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 && count < MOST_DIGITS {
            // Any number of this many digits fits.
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            continue;
        }
        return match (byte, digits.get(count + 1)) {
            (b'\r', _) if count == 0 => Err(NOT_A_NUMBER),
            (b'\r', None) => Ok(None),
            (b'\r', Some(b'\n')) => match signed(negative, value) {
                Some(value) => Ok(Some((value, usize::from(negative) + count + 2))),
                None => Err(TOO_LARGE),
            },
            (b'\r', Some(_)) => Err(BAD_LINE_END),
            _ if digit <= 9 => Err(TOO_LARGE),
            _ => Err(NOT_A_NUMBER),
        };
    }
    Ok(None)
}

fn signed(negative: bool, magnitude: u64) -> Option<i64> {
    if negative {
        0_i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_a_server_writes_is_a_number() {
        for bytes in [
            &b"\r\n"[..],
            b"-\r\n",
            b"+1\r\n",
            b" 1\r\n",
            b"1 \r\n",
            b"1\n",
            b"--1\r\n",
        ] {
            assert_eq!(read(bytes), Err(NOT_A_NUMBER), "{bytes:?}");
        }
        assert_eq!(read(b"1\r\r"), Err(BAD_LINE_END));
        assert_eq!(read(b"9223372036854775808\r\n"), Err(TOO_LARGE));
        assert_eq!(read(b"-9223372036854775809\r\n"), Err(TOO_LARGE));
        assert_eq!(read(b"00000000000000000001\r\n"), Err(TOO_LARGE));
    }

    proptest! {
        #[test]
        fn every_number_is_read_once_it_is_whole(value in any::<i64>()) {
            let bytes = format!("{value}\r\n");
            for cut in 0..bytes.len() {
                prop_assert_eq!(read(&bytes.as_bytes()[..cut]), Ok(None));
            }
            prop_assert_eq!(read(bytes.as_bytes()), Ok(Some((value, bytes.len()))));
        }
    }
}
