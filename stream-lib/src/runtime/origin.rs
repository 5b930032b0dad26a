//! The process that made a thing.
//!
//! A forked child has a copy of everything of its parent except the threads: connections
//! that both would use, numbers that both would give out, and locks of threads that don't
//! exist there. So each use checks the process first, before it takes a lock, and a drop
//! in the child leaves alone what it shares with the parent.

use std::fmt;
use std::process;
use std::sync::OnceLock;

use crate::error::{Error, ErrorKind, Result};

/// The process in which a thing was made.
#[derive(Clone)]
pub(crate) struct Origin {
    process: u32,
    /// Detects a fork by a counter that a handler of `fork` raises, at the cost of one
    /// load. `None` if that couldn't be set up: then a system call returns the process
    /// id.
    #[cfg(unix)]
    forks: Option<forkguard::atfork::Guard>,
}

impl Origin {
    pub(crate) fn here() -> Self {
        Self {
            process: process::id(),
            #[cfg(unix)]
            forks: forkguard::atfork::Guard::try_new().ok(),
        }
    }

    /// Notes that this process uses the library.
    ///
    /// # Errors
    ///
    /// `Closed` in a process forked from one that uses the library. Threads that slept in
    /// the parent don't exist here, but the lists of sleepers name them: a wait, or a
    /// wake-up, may never end.
    pub(crate) fn of_first_use() -> Result<Self> {
        static FIRST: OnceLock<Origin> = OnceLock::new();
        let first = FIRST.get_or_init(Self::here);
        first.ensure_here()?;
        Ok(first.clone())
    }

    /// Whether this is the process in which it was made.
    #[inline]
    pub(crate) fn is_here(&self) -> bool {
        #[cfg(unix)]
        if let Some(forks) = &self.forks {
            return !forks.clone().detected_fork();
        }
        self.process == process::id()
    }

    /// # Errors
    ///
    /// `Closed` in a forked child.
    #[inline]
    pub(crate) fn ensure_here(&self) -> Result<()> {
        if self.is_here() {
            return Ok(());
        }
        Err(self.elsewhere())
    }

    #[cold]
    fn elsewhere(&self) -> Error {
        Error::new(
            ErrorKind::Closed,
            format!(
                "process {} was forked off process {}, which had used stream-lib before: fork \
                 first, and connect then",
                process::id(),
                self.process
            ),
        )
    }
}

impl Default for Origin {
    fn default() -> Self {
        Self::here()
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.process)
    }
}

#[cfg(test)]
impl Origin {
    /// The origin of a thing that a child has from its parent.
    pub(crate) fn of_another_process() -> Self {
        Self {
            process: process::id() + 1,
            #[cfg(unix)]
            forks: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_process_that_made_it_may_use_it() {
        assert!(Origin::here().ensure_here().is_ok());
        let error = Origin::of_another_process().ensure_here().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert!(error.to_string().contains("forked off"), "{error}");
    }
}
