//! The values of a reply, as offsets into its bytes.

/// One value of a reply, in pre-order: an array is followed by its elements.
///
/// Offsets count from the first byte of the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// An array of this many elements, each followed by its own elements.
    Array(u32),
    Bulk {
        start: u32,
        end: u32,
    },
    /// An absent bulk string or array.
    Nil,
    Int(i64),
    Simple {
        start: u32,
        end: u32,
    },
    /// An error line, without its `-` and line end.
    Error {
        start: u32,
        end: u32,
    },
}
