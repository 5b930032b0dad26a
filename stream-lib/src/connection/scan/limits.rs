//! The limits of a reply.

/// The most that a server may send. Offsets are 32 bits wide, so `reply` must stay below
/// 4 GiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Arrays within arrays.
    pub(crate) depth: usize,
    /// Values in one reply.
    pub(crate) tokens: usize,
    /// Bytes of one bulk string.
    pub(crate) bulk: usize,
    /// Bytes of one line: a simple string or an error.
    pub(crate) line: usize,
    /// Bytes of one reply.
    pub(crate) reply: usize,
}

impl Limits {
    pub(crate) const DEFAULT: Self = Self {
        depth: 16,
        tokens: 16 << 20,
        bulk: 512 << 20,
        line: 64 << 10,
        reply: 1 << 30,
    };
}
