//! Ids of scheduled messages.

use std::fmt;
use std::str::FromStr;

use super::error::FieldError;

/// The id of a scheduled message, before and after it is due: a number that counts up for
/// each stream or partition, and twelve characters that make it unique.
///
/// Within a partition, ids are in the order in which messages were scheduled, and they
/// never recur. The text is `0000000000000017-k3v9x2m4p7q8`; in a stream with partitions
/// the partition stands in front, as in `3:0000000000000017-k3v9x2m4p7q8`. Keep the text
/// to cancel a message from another process.
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
    partition: Option<u16>,
    number: u64,
    token: [u8; TOKEN],
}

/// The length of the characters that make an id unique.
const TOKEN: usize = 12;

/// How many digits the number has: more than the 53 bits that Lua counts with.
const DIGITS: usize = 16;

impl ScheduleId {
    /// Reads the text of an id.
    ///
    /// # Errors
    ///
    /// If the text isn't such an id.
    pub fn parse(text: &[u8]) -> Result<Self, FieldError> {
        Self::read(text).ok_or_else(|| FieldError::expected("the id of a scheduled message"))
    }

    fn read(text: &[u8]) -> Option<Self> {
        let colon = text.iter().position(|byte| *byte == b':');
        let (partition, text) = match colon.and_then(|at| text.split_at_checked(at)) {
            Some((partition, rest)) => {
                let number: u16 = str::from_utf8(partition).ok()?.parse().ok()?;
                // The library never writes `007` or `+7`.
                let is_ours = number.to_string().as_bytes() == partition;
                (is_ours.then_some(Some(number))?, rest.get(1..)?)
            }
            None => (None, text),
        };
        let (digits, rest) = text.split_at_checked(DIGITS)?;
        let token: [u8; TOKEN] = rest.strip_prefix(b"-")?.try_into().ok()?;
        let is_ours = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !digits.iter().all(u8::is_ascii_digit) || !token.iter().all(is_ours) {
            return None;
        }
        let number = str::from_utf8(digits).ok()?.parse().ok()?;
        Some(Self {
            partition,
            number,
            token,
        })
    }

    /// An id that no stream has given, for recorded messages.
    pub(crate) const fn made_up(number: u64) -> Self {
        Self {
            partition: None,
            number,
            token: *b"recordedonly",
        }
    }

    /// The same id, in a partition.
    pub(crate) const fn in_partition(self, partition: Option<u16>) -> Self {
        Self { partition, ..self }
    }

    /// The partition; `None` for a stream without any.
    pub const fn partition(self) -> Option<u16> {
        self.partition
    }

    /// The number, from 1, which counts up for each stream, or each partition.
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
        if let Some(partition) = self.partition {
            write!(f, "{partition}:")?;
        }
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
            ":0000000000000017-k3v9x2m4p7q8",
            "03:0000000000000017-k3v9x2m4p7q8",
            "+3:0000000000000017-k3v9x2m4p7q8",
            "70000:0000000000000017-k3v9x2m4p7q8",
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
            prop_assert_eq!(id.to_string(), text.clone());
            prop_assert_eq!((id.number(), id.partition()), (number, None));
            let in_part = format!("255:{text}");
            let part: ScheduleId = in_part.parse().unwrap();
            prop_assert_eq!(part.to_string(), in_part);
            prop_assert_eq!(part, id.in_partition(Some(255)));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = ScheduleId::parse(&bytes);
        }
    }
}
