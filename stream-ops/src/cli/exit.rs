//! Exit statuses, and errors that end the program.

use std::io;
use std::process::ExitCode;

use stream_lib::{Error, ErrorKind};

use crate::server::with_causes;

/// The status that the program ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All was done.
    Done,
    /// It failed, or only a part was done.
    Failed,
    /// Wrong usage.
    Usage,
    /// `check` or `doctor` has found trouble.
    Trouble,
    /// Redis wasn't reached.
    Unreached,
    /// No such stream, group or entry.
    NoSuch,
    /// It was interrupted.
    Interrupted,
    /// As Nagios has it: 0 OK, 1 warning, 2 critical, 3 unknown.
    Nagios(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Trouble => 3,
            Exit::Unreached => 4,
            Exit::NoSuch => 5,
            Exit::Interrupted => 130,
            Exit::Nagios(code) => code,
        })
    }
}

/// The reason of an early end. Nothing is printed where the text is empty.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) exit: Exit,
    pub(crate) text: String,
}

impl Fault {
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self {
            exit,
            text: text.into(),
        }
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(Exit::Usage, text)
    }

    pub(crate) fn no_such(text: impl Into<String>) -> Self {
        Self::new(Exit::NoSuch, text)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::Unavailable | ErrorKind::OutcomeUnknown | ErrorKind::Authentication => {
                Exit::Unreached
            }
            ErrorKind::NoGroup | ErrorKind::NotFound => Exit::NoSuch,
            ErrorKind::Config => Exit::Usage,
            _ => Exit::Failed,
        };
        Self::new(exit, with_causes(&error))
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        // The reader has read enough.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Done, "");
        }
        Self::new(Exit::Failed, format!("can't write: {error}"))
    }
}

pub(crate) type Outcome<T = Exit> = Result<T, Fault>;
