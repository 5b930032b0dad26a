//! Addresses of dead letters.

use std::fmt;
use std::str::FromStr;

use super::address::EntryAddress;
use crate::error::Error;
use crate::message::EntryId;

/// The address of a dead letter in a stream: returned by
/// [`DeadLetter::letter_id`](crate::DeadLetter::letter_id), and taken by
/// [`DeadLetters::redrive_letters`](crate::DeadLetters::redrive_letters),
/// [`remove_letters`](crate::DeadLetters::remove_letters) and
/// [`list_from`](crate::DeadLetters::list_from).
///
/// Each partition of a stream has dead letters of its own, whose ids may be equal. The
/// address is printed as `3:1700000000000-0`, in which 3 is the partition, and without
/// partitions as the id alone; `FromStr` reads both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct DeadLetterId {
    /// The partition; `None` for a stream without partitions.
    pub partition: Option<u16>,
    /// The id among the dead letters there.
    pub id: EntryId,
}

impl DeadLetterId {
    /// The dead letter of this id, in a partition if the stream has any.
    pub const fn new(partition: Option<u16>, id: EntryId) -> Self {
        Self { partition, id }
    }
}

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(partition) = self.partition {
            write!(f, "{partition}:")?;
        }
        self.id.fmt(f)
    }
}

/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) for a text of another form.
impl FromStr for DeadLetterId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let EntryAddress { partition, id } = text.parse()?;
        Ok(Self { partition, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_stands_in_front() {
        let id = EntryId::new(17, 2);
        assert_eq!(DeadLetterId::new(Some(3), id).to_string(), "3:17-2");
        assert_eq!(DeadLetterId::new(None, id).to_string(), "17-2");
    }
}
