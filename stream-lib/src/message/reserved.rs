//! The mark of the names that belong to the library.

/// Field names that start with this byte belong to the library.
pub(crate) const RESERVED: u8 = b'~';
