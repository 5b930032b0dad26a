//! Addresses of entries: an id, and a partition if there are any.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};
use crate::message::EntryId;

/// The address of an entry in a stream. Ids are unique within a partition only, so for a
/// stream with partitions the address holds the partition, too.
///
/// It is printed as `3:1700000000000-0`, in which 3 is the partition, and without
/// partitions as the id alone; `FromStr` reads both.
///
/// ```
/// use stream_lib::{EntryAddress, EntryId};
///
/// let at: EntryAddress = "3:1700000000000-0".parse()?;
/// assert_eq!(at, EntryAddress::new(Some(3), EntryId::new(1_700_000_000_000, 0)));
/// # Ok::<(), stream_lib::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct EntryAddress {
    /// The partition; `None` for a stream without partitions.
    pub partition: Option<u16>,
    /// The id in that partition or stream.
    pub id: EntryId,
}

impl EntryAddress {
    /// The entry of this id, in a partition if the stream has any.
    pub const fn new(partition: Option<u16>, id: EntryId) -> Self {
        Self { partition, id }
    }
}

impl From<EntryId> for EntryAddress {
    fn from(id: EntryId) -> Self {
        Self::new(None, id)
    }
}

impl fmt::Display for EntryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(partition) = self.partition {
            write!(f, "{partition}:")?;
        }
        self.id.fmt(f)
    }
}

/// # Errors
///
/// [`ErrorKind::Config`] for a text of another form.
impl FromStr for EntryAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (partition, id) = match text.split_once(':') {
            Some((partition, id)) => (Some(partition.parse().ok()), id),
            None => (None, text),
        };
        match (partition, id.parse()) {
            (Some(None), _) | (_, Err(_)) => {
                let text: String = text.chars().take(64).collect();
                Err(Error::new(
                    ErrorKind::Config,
                    format!(
                        "`{text}` is no entry of a stream: give an id such as \
                         `1700000000000-0`, with its partition in front where there are \
                         partitions, as in `3:1700000000000-0`"
                    ),
                ))
            }
            (partition, Ok(id)) => Ok(Self::new(partition.flatten(), id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back_from_its_text() {
        for at in [
            EntryAddress::new(None, EntryId::new(17, 2)),
            EntryAddress::new(Some(255), EntryId::new(0, 1)),
        ] {
            assert_eq!(at.to_string().parse::<EntryAddress>().unwrap(), at);
        }
        for wrong in ["", "x", "3:", ":1-0", "300000:1-0", "3:1-0:2", "-1:1-0"] {
            let error = wrong.parse::<EntryAddress>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{wrong}");
        }
    }
}
