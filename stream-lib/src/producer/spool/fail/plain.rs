//! The file of the database without faults.

use std::fs::File;

use redb::backends::FileBackend;
use redb::{DatabaseError, StorageBackend};

/// A step before which a crash may come: it does nothing outside of tests.
#[inline]
pub(in super::super) fn step() {}

/// The file, as redb reads and writes it.
pub(in super::super) fn backend(file: File) -> Result<impl StorageBackend, DatabaseError> {
    FileBackend::new(file)
}
