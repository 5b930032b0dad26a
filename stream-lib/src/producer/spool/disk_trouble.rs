//! The reasons for which a database can't be used, and their errors.

use std::io;
use std::path::Path;

use crate::error::{Error, ErrorKind};

/// The reason for which the database can't be used.
#[derive(Debug)]
pub(super) enum DiskTrouble {
    /// It holds bytes that the spool never wrote.
    Damaged(String),
    /// The disk refused; nothing was kept.
    Failed(Box<dyn std::error::Error + Send + Sync>),
    /// The disk refused, and its state can't be read either.
    Uncertain(Box<dyn std::error::Error + Send + Sync>),
    /// It is sound, but not this spool's, or of another version.
    Foreign(String),
}

impl DiskTrouble {
    /// The error for the owner of a spool in `directory`.
    pub(super) fn into_error(self, directory: &Path) -> Error {
        let place = directory.display();
        match self {
            DiskTrouble::Damaged(cause) => Error::new(
                ErrorKind::System,
                format!("the spool in `{place}` is damaged, and so is its replacement"),
            )
            .because(cause),
            DiskTrouble::Failed(cause) => Error::new(
                ErrorKind::System,
                format!("the disk refused the spool in `{place}`; nothing was kept"),
            )
            .because(cause),
            DiskTrouble::Uncertain(cause) => Error::new(
                ErrorKind::OutcomeUnknown,
                format!("the disk failed the spool in `{place}`; it is not known what was kept"),
            )
            .because(cause),
            DiskTrouble::Foreign(why) => {
                Error::new(ErrorKind::Config, format!("the spool in `{place}` {why}"))
            }
        }
    }
}

impl From<redb::Error> for DiskTrouble {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::UpgradeRequired(version) => Self::Foreign(format!(
                "is a database of version {version}, which this version of stream-lib can't read"
            )),
            // The kind of the I/O error marks an invalid file.
            redb::Error::Io(e)
                if !matches!(
                    e.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                ) =>
            {
                Self::Failed(e.into())
            }
            error @ (redb::Error::Io(_)
            | redb::Error::Corrupted(_)
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TypeDefinitionChanged { .. }
            | redb::Error::TableDoesNotExist(_)) => Self::Damaged(error.to_string()),
            error => Self::Failed(error.into()),
        }
    }
}

macro_rules! trouble_from {
    ($($error:ty),*) => {
        $(impl From<$error> for DiskTrouble {
            fn from(error: $error) -> Self {
                Self::from(redb::Error::from(error))
            }
        })*
    };
}

trouble_from!(
    redb::StorageError,
    redb::TableError,
    redb::DatabaseError,
    redb::TransactionError,
    redb::CommitError
);

impl From<io::Error> for DiskTrouble {
    fn from(error: io::Error) -> Self {
        Self::from(redb::Error::Io(error))
    }
}
