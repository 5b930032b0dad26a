//! The process that made a thing.
//!
//! A child that was forked off has a copy of all that its parent had, but for the
//! threads: connections that both would talk on, numbers that both would give out,
//! and locks of threads that are not there any more. So each use asks first, before
//! it takes a lock, and a drop in the child leaves alone what it shares with the
//! parent.

use std::fmt;
use std::process;

use crate::error::{Error, ErrorKind, Result};

/// The process in which this was made.
#[derive(Clone)]
pub(crate) struct Origin {
    process: u32,
    /// Knows by a counter that a handler of `fork` raises, at the cost of one load.
    /// `None` where that couldn't be set up: then a system call asks for the
    /// process.
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
    /// `Closed` in a process that was forked off.
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
                "process {} was forked off process {}, to which this belongs: connect in the \
                 child, with a manager of its own",
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
    /// As what a child has of its parent's.
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
