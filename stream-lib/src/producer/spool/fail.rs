//! Where tests let the process die: before each step that changes a file.

/// A step that a crash may come before. Nothing, outside of tests.
#[cfg(not(test))]
#[inline]
pub(super) fn step() {}

#[cfg(not(test))]
pub(super) use self::plain::backend;

#[cfg(not(test))]
mod plain {
    use std::fs::File;

    use redb::backends::FileBackend;
    use redb::{DatabaseError, StorageBackend};

    /// The file, as redb reads and writes it.
    pub(in super::super) fn backend(file: File) -> Result<impl StorageBackend, DatabaseError> {
        FileBackend::new(file)
    }
}

#[cfg(test)]
pub(super) use super::tests::faults::{backend, step};
