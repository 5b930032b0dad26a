//! Commands in the form that goes over the wire.

/// Begins a command of `len` arguments, its name included.
pub(super) fn array(out: &mut Vec<u8>, len: usize) {
    header(out, b'*', len);
}

/// Appends one argument.
pub(super) fn bulk(out: &mut Vec<u8>, value: &[u8]) {
    header(out, b'$', value.len());
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends one argument that is a number.
pub(super) fn number(out: &mut Vec<u8>, value: u64) {
    bulk(out, itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a whole command.
pub(super) fn command(out: &mut Vec<u8>, args: &[&[u8]]) {
    array(out, args.len());
    for arg in args {
        bulk(out, arg);
    }
}

fn header(out: &mut Vec<u8>, kind: u8, len: usize) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(len).as_bytes());
    out.extend_from_slice(b"\r\n");
}
