//! The seam at which tests make the disk fail, or the process die: before each step that
//! changes a file.

#[cfg(test)]
pub(super) mod faults;
#[cfg(not(test))]
mod plain;

#[cfg(test)]
pub(super) use self::faults::{backend, step};
#[cfg(not(test))]
pub(super) use self::plain::{backend, step};
