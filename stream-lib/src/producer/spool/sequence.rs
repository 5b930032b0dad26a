//! The name of a message: its spool, and its number there.

use std::fmt;

use crate::runtime::random_suffix;

/// The random name of a spool, which lasts as long as its directory.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SpoolId([u8; SpoolId::LEN]);

impl SpoolId {
    pub(super) const LEN: usize = 24;

    /// 120 random bits as text.
    pub(super) fn random() -> Self {
        let text = random_suffix() + &random_suffix();
        let mut id = [b'a'; Self::LEN];
        for (slot, byte) in id.iter_mut().zip(text.bytes()) {
            *slot = byte;
        }
        Self(id)
    }

    /// The id in these bytes, if they are one.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let id: [u8; Self::LEN] = bytes.try_into().ok()?;
        id.iter().all(u8::is_ascii_alphanumeric).then_some(Self(id))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        // Only ASCII is ever let in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for SpoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The number of a message within its spool.
///
/// The high 24 bits count the lives of the spool (how often a process has opened it), the
/// low 40 bits the messages of that life. A life is on disk before its first number is
/// given out, so no number is given out twice and none is lower than an earlier one,
/// however the process ends; and giving one out costs no disk access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Sequence(u64);

impl Sequence {
    const COUNT_BITS: u32 = 40;
    /// Lower than any number given out.
    pub(crate) const ZERO: Self = Self(0);

    /// The number before the first one of `life`.
    pub(super) const fn start_of(life: u64) -> Self {
        Self(life << Self::COUNT_BITS)
    }

    pub(super) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    pub(super) const fn raw(self) -> u64 {
        self.0
    }

    pub(super) const fn life(self) -> u64 {
        self.0 >> Self::COUNT_BITS
    }

    /// The number `n` later. A life that ran out of numbers goes on in those of the next;
    /// that takes a million million messages.
    pub(crate) const fn plus(self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    /// A stand-in for the hash of a key: the same for some numbers in a row.
    pub(crate) const fn turn(self) -> u32 {
        const IN_A_ROW: u64 = 64;
        let [a, b, c, d, ..] = (self.0 / IN_A_ROW).to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// The number before this one.
    pub(crate) const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Sequence {
    /// Twenty digits, so that texts compare as the numbers do: Lua's own numbers end at
    /// 53 bits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_text_and_differ() {
        let (one, two) = (SpoolId::random(), SpoolId::random());
        assert_ne!(one, two);
        assert_eq!(one.as_str().len(), SpoolId::LEN);
        assert_eq!(SpoolId::from_bytes(one.as_bytes()), Some(one));
        assert_eq!(SpoolId::from_bytes(b"short"), None);
        assert_eq!(SpoolId::from_bytes(&[0xFF; SpoolId::LEN]), None);
    }

    #[test]
    fn numbers_of_a_later_life_are_higher_as_numbers_and_as_text() {
        let old = Sequence::start_of(9).plus(1 << 39);
        let new = Sequence::start_of(10).plus(1);
        assert!(old < new);
        assert!(old.to_string() < new.to_string());
        assert_eq!(new.life(), 10);
    }
}
