//! Why an entry is among the dead letters.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// Why an entry is among the dead letters.
///
/// Its text, by [`as_str`](Self::as_str), `Display` and `FromStr`, is the word
/// that is stored with the dead letter, in the field `~reason`.
///
/// ```
/// use stream_lib::DeadReason;
///
/// assert_eq!(DeadReason::RetriesExhausted.to_string(), "retries-exhausted");
/// assert_eq!("permanent".parse::<DeadReason>()?, DeadReason::Permanent);
/// # Ok::<(), stream_lib::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DeadReason {
    /// The last delivery that the [`RetryPolicy`](crate::RetryPolicy) allows
    /// failed: `retries-exhausted`.
    RetriesExhausted,
    /// The handler returned
    /// [`HandlerError::permanent`](crate::HandlerError::permanent): `permanent`.
    Permanent,
    /// The entry can't be read as the handler's message type: `undecodable`.
    Undecodable,
    /// Each delivery ended with the death of its process, or of the connection that it
    /// arrived on: `crashed`.
    Crashed,
    /// Moved there with [`Pending::bury`](crate::Pending::bury): `by-hand`.
    ByHand,
}

impl DeadReason {
    const ALL: [Self; 5] = [
        Self::RetriesExhausted,
        Self::Permanent,
        Self::Undecodable,
        Self::Crashed,
        Self::ByHand,
    ];

    /// The word that is stored with the dead letter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RetriesExhausted => "retries-exhausted",
            Self::Permanent => "permanent",
            Self::Undecodable => "undecodable",
            Self::Crashed => "crashed",
            Self::ByHand => "by-hand",
        }
    }
}

impl fmt::Display for DeadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// # Errors
///
/// [`ErrorKind::Decode`] for any other word, which a later version of the library may
/// have written.
impl FromStr for DeadReason {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|reason| reason.as_str() == word);
        known.ok_or_else(|| {
            let word: String = word.chars().take(64).collect();
            let text = format!("unknown reason of a dead letter: `{word}`");
            Error::new(ErrorKind::Decode, text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_read_back_from_its_word() {
        for reason in DeadReason::ALL {
            assert_eq!(reason.as_str().parse::<DeadReason>().unwrap(), reason);
        }
        let error = "Permanent".parse::<DeadReason>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.to_string().contains("`Permanent`"), "{error}");
    }
}
