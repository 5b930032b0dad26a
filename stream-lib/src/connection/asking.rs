//! Requests to a node that is taking a slot over: each command has an `ASKING` in front,
//! whose answer is dropped.

/// `ASKING`, as it goes over the wire.
const ASKING: &[u8] = b"*1\r\n$6\r\nASKING\r\n";

/// The commands with an `ASKING` in front of each.
pub(super) fn with_asking(packed: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(packed.len() + packed.len() / 4 + ASKING.len());
    for command in commands(packed) {
        out.extend_from_slice(ASKING);
        out.extend_from_slice(command);
    }
    out
}

/// The commands of a request, one by one. The library has packed them, so a part that
/// can't be read counts as one command.
pub(super) fn commands(packed: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = packed;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (command, more) = length_of_first(rest)
            .and_then(|length| rest.split_at_checked(length))
            .unwrap_or((rest, &[]));
        rest = more;
        Some(command)
    })
}

/// The length of the first command in bytes.
fn length_of_first(packed: &[u8]) -> Option<usize> {
    let (count, mut at) = header(packed, 0, b'*')?;
    for _ in 0..count {
        let (length, start) = header(packed, at, b'$')?;
        // The value and its line end.
        at = start.checked_add(length)?.checked_add(2)?;
    }
    Some(at)
}

/// The number of a header at this place, and the place after the header.
fn header(packed: &[u8], at: usize, kind: u8) -> Option<(usize, usize)> {
    let line = packed.get(at..)?.strip_prefix(&[kind])?;
    let end = line.iter().position(|&byte| byte == b'\r')?;
    let number = std::str::from_utf8(line.get(..end)?).ok()?;
    Some((number.parse().ok()?, at + 1 + end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_is_asked_for() {
        let one = b"*2\r\n$3\r\nGET\r\n$4\r\n\r\n*1\r\n".as_slice();
        let two = b"*1\r\n$4\r\nPING\r\n".as_slice();
        let both = [one, two].concat();
        assert_eq!(commands(&both).collect::<Vec<_>>(), [one, two]);
        assert_eq!(
            with_asking(&both),
            [ASKING, one, ASKING, two].concat(),
            "{both:?}"
        );
        assert!(with_asking(b"").is_empty());
    }

    #[test]
    fn what_can_not_be_read_stays_whole() {
        for odd in [
            &b"*2\r\n$3\r\nGET\r\n"[..],
            b"PING\r\n",
            b"*1\r\n$9\r\nab\r\n",
        ] {
            assert_eq!(commands(odd).collect::<Vec<_>>(), [odd]);
        }
    }
}
