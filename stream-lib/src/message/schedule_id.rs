//! Ids of scheduled messages.

use std::fmt;
use std::str::FromStr;

use super::error::FieldError;

/// The id of a scheduled message, until it is due and after: a number that counts up
/// for each stream, and twelve characters of the process that scheduled it.
///
/// Ids are ordered as messages were scheduled, and never recur. The text has 29
/// characters, `0000000000000017-k3v9x2m4p7q8`. Keep it as a text to cancel a message
/// from another process; more may stand in front of it in later versions.
///
/// # Examples
///
/// ```
/// use stream_lib::ScheduleId;
///
/// let id: ScheduleId = "0000000000000017-k3v9x2m4p7q8".parse()?;
/// assert_eq!(id.number(), 17);
/// assert_eq!(id.to_string(), "0000000000000017-k3v9x2m4p7q8");
/// # Ok::<(), stream_lib::message::FieldError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScheduleId {
    number: u64,
    token: [u8; TOKEN],
}

/// How many characters each process's part has.
const TOKEN: usize = 12;

/// How many digits the number has: more than the 53 bits that Lua counts with.
const DIGITS: usize = 16;

impl ScheduleId {
    /// Reads the text of an id.
    ///
    /// # Errors
    ///
    /// Any other text.
    pub fn parse(text: &[u8]) -> Result<Self, FieldError> {
        Self::read(text).ok_or_else(|| FieldError::expected("the id of a scheduled message"))
    }

    fn read(text: &[u8]) -> Option<Self> {
        let (digits, rest) = text.split_at_checked(DIGITS)?;
        let token: [u8; TOKEN] = rest.strip_prefix(b"-")?.try_into().ok()?;
        let is_ours = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !digits.iter().all(u8::is_ascii_digit) || !token.iter().all(is_ours) {
            return None;
        }
        let number = str::from_utf8(digits).ok()?.parse().ok()?;
        Some(Self { number, token })
    }

    /// An id that no stream has given, for a record in place of Redis.
    pub(crate) const fn made_up(number: u64) -> Self {
        Self {
            number,
            token: *b"recordedonly",
        }
    }

    /// The number, from 1, which counts up for each stream.
    pub const fn number(self) -> u64 {
        self.number
    }
}

impl FromStr for ScheduleId {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Letters and digits only.
        let token = str::from_utf8(&self.token).unwrap_or_default();
        write!(f, "{:0DIGITS$}-{token}", self.number)
    }
}

impl fmt::Debug for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScheduleId({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "17",
            "0000000000000017-",
            "000000000000017-k3v9x2m4p7q8",
            "00000000000000017-k3v9x2m4p7q8",
            "0000000000000017-k3v9x2m4p7q",
            "0000000000000017-k3v9x2m4p7q88",
            "0000000000000017-K3v9x2m4p7q8",
            "+000000000000017-k3v9x2m4p7q8",
            "0000000000000017_k3v9x2m4p7q8",
            "0000000000000017-k3v9x2m4p7é",
        ] {
            assert!(text.parse::<ScheduleId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn ids_are_ordered_as_their_texts() {
        let id = |text: &str| text.parse::<ScheduleId>().unwrap();
        assert!(id("0000000000000009-zzzzzzzzzzzz") < id("0000000000000010-aaaaaaaaaaaa"));
        assert!(id("0000000000000010-aaaaaaaaaaaa") < id("0000000000000010-aaaaaaaaaaab"));
    }

    proptest! {
        #[test]
        fn text_reads_back(number in 0_u64..10_000_000_000_000_000, token in "[a-z2-9]{12}") {
            let text = format!("{number:016}-{token}");
            let id: ScheduleId = text.parse().unwrap();
            prop_assert_eq!(id.to_string(), text);
            prop_assert_eq!(id.number(), number);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = ScheduleId::parse(&bytes);
        }
    }
}
