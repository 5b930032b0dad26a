//! The number of partitions.

use crate::error::{Error, ErrorKind, Result};

/// The most partitions of a stream.
const MOST: u16 = 256;

/// A number of partitions: a power of two, 1 to 256.
///
/// It never changes for a stream, since keys would move to other partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Partitions(u16);

impl Partitions {
    /// # Errors
    ///
    /// `Config` for another number.
    pub(crate) fn new(count: u16) -> Result<Self> {
        if count.is_power_of_two() && count <= MOST {
            return Ok(Self(count));
        }
        Err(Error::new(
            ErrorKind::Config,
            format!("`partitions` is {count}, and must be a power of two, 1 to {MOST}"),
        ))
    }

    pub(crate) fn count(self) -> u16 {
        self.0
    }

    /// All of them, in order.
    pub(crate) fn all(self) -> impl Iterator<Item = u16> {
        0..self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_taken_and_others_named() {
        for count in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
            assert_eq!(Partitions::new(count).unwrap().count(), count);
        }
        for count in [0, 3, 6, 100, 255, 257, 512, u16::MAX] {
            let error = Partitions::new(count).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let words = format!("`partitions` is {count}, and must be a power of two, 1 to 256");
            assert_eq!(error.to_string(), words);
        }
    }
}
