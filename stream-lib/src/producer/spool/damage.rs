//! Reports of damaged files.

use std::fmt;
use std::path::PathBuf;

use crate::runtime::counted;

/// A spool's file that was found damaged, and the result of its recovery.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolDamage {
    /// The damage.
    pub cause: String,
    /// The damaged file, which is kept.
    pub file: PathBuf,
    /// Messages that could be read from it, and were carried over.
    pub kept: u64,
    /// Messages of which only a part was found. Others may have left no trace.
    pub unreadable: u64,
}

impl fmt::Display for SpoolDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; {} read from it and kept, {} could not be read; the damaged file is now `{}`",
            self.cause,
            counted(self.kept, "message was", "messages were"),
            self.unreadable,
            self.file.display()
        )
    }
}
