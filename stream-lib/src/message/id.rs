//! Ids of entries.

use std::fmt;
use std::str::FromStr;

use super::error::{EncodeError, FieldError};
use super::field::{FromField, ToField};
use super::schema::FieldType;
use super::writer::FieldWriter;

/// The id of an entry: milliseconds of the server's clock, and a sequence
/// number within them.
///
/// Ids are ordered as the entries of a stream are.
///
/// # Examples
///
/// ```
/// use stream_lib::EntryId;
///
/// let id: EntryId = "1700000000000-3".parse()?;
/// assert_eq!(id.ms(), 1_700_000_000_000);
/// assert_eq!(id.next().to_string(), "1700000000000-4");
/// assert!(id < EntryId::MAX);
/// # Ok::<(), stream_lib::message::FieldError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EntryId {
    ms: u64,
    seq: u64,
}

impl EntryId {
    /// `0-0`, before the first id: no entry has it.
    pub const MIN: Self = Self::new(0, 0);

    /// The largest id.
    pub const MAX: Self = Self::new(u64::MAX, u64::MAX);

    /// An id of its two parts.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// Reads `ms-seq`, or `ms` alone for `ms-0`, as Redis does.
    ///
    /// # Errors
    ///
    /// If the text is anything but digits with at most one `-` between them, or a part is
    /// above [`u64::MAX`].
    pub fn parse(text: &[u8]) -> Result<Self, FieldError> {
        let mut parts = text.splitn(2, |byte| *byte == b'-');
        let ms = parts.next().and_then(digits);
        let seq = parts.next().map_or(Some(0), digits);
        match (ms, seq) {
            (Some(ms), Some(seq)) => Ok(Self { ms, seq }),
            _ => Err(FieldError::expected(Self::TYPE.to_string())),
        }
    }

    /// The id right after this one; [`EntryId::MAX`] stays as it is.
    #[must_use]
    pub const fn next(self) -> Self {
        match (self.ms.checked_add(1), self.seq.checked_add(1)) {
            (_, Some(seq)) => Self { ms: self.ms, seq },
            (Some(ms), None) => Self { ms, seq: 0 },
            (None, None) => Self::MAX,
        }
    }

    /// The id right before this one; [`EntryId::MIN`] stays as it is.
    #[must_use]
    pub const fn previous(self) -> Self {
        match (self.ms.checked_sub(1), self.seq.checked_sub(1)) {
            (_, Some(seq)) => Self { ms: self.ms, seq },
            (Some(ms), None) => Self { ms, seq: u64::MAX },
            (None, None) => Self::MIN,
        }
    }

    /// Milliseconds since 1970 by the server's clock, for ids that the server
    /// made.
    pub const fn ms(self) -> u64 {
        self.ms
    }

    /// The number within the millisecond.
    pub const fn seq(self) -> u64 {
        self.seq
    }

    /// Appends `ms-seq`.
    pub(crate) fn write_to(self, out: &mut Vec<u8>) {
        out.extend_from_slice(itoa::Buffer::new().format(self.ms).as_bytes());
        out.push(b'-');
        out.extend_from_slice(itoa::Buffer::new().format(self.seq).as_bytes());
    }
}

fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl FromStr for EntryId {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        Self::parse(text.as_bytes())
    }
}

impl ToField for EntryId {
    const TYPE: FieldType = FieldType::EntryId;

    fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        out.display(name, self)
    }
}

impl FromField for EntryId {
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        Self::parse(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_form_means_sequence_zero() {
        assert_eq!("7".parse(), Ok(EntryId::new(7, 0)));
    }

    #[test]
    fn anything_but_digits_is_refused() {
        for text in [
            "",
            "-",
            "1-",
            "-1",
            "+1-0",
            "1-2-3",
            " 1-0",
            "1-0\n",
            "a-0",
            "18446744073709551616-0",
        ] {
            assert!(text.parse::<EntryId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn successor_carries_and_saturates() {
        assert_eq!(EntryId::new(1, u64::MAX).next(), EntryId::new(2, 0));
        assert_eq!(EntryId::MAX.next(), EntryId::MAX);
        assert_eq!(EntryId::new(2, 0).previous(), EntryId::new(1, u64::MAX));
        assert_eq!(EntryId::MIN.previous(), EntryId::MIN);
    }

    proptest! {
        #[test]
        fn text_reads_back(ms: u64, seq: u64) {
            let id = EntryId::new(ms, seq);
            let mut written = Vec::new();
            id.write_to(&mut written);
            prop_assert_eq!(&written, &id.to_string().into_bytes());
            prop_assert_eq!(EntryId::parse(&written), Ok(id));
        }

        #[test]
        fn successor_is_the_next_in_order(ms: u64, seq: u64) {
            let id = EntryId::new(ms, seq);
            prop_assume!(id != EntryId::MAX);
            prop_assert!(id.next() > id);
            prop_assert_eq!(id.next().previous(), id);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = EntryId::parse(&bytes);
        }
    }
}
