//! Refusals of plans.

use std::fmt;

use stream_lib::Error;

use crate::server::with_causes;

/// The reason why nothing was planned.
#[derive(Debug)]
pub enum Refused {
    /// Something doesn't exist. The text names it, and the command that lists the rest.
    NoSuch(String),
    /// The request makes no sense. The text says why.
    Wrong(String),
    /// A call of the library failed.
    Failed(Error),
    /// Redis answered a request of the tools with this error line.
    Redis(String),
}

/// A plan, or the reason why there is none.
pub type Planned<T = super::plan::Plan> = Result<T, Refused>;

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuch(text) | Self::Wrong(text) => f.write_str(text),
            Self::Failed(error) => f.write_str(&with_causes(error)),
            Self::Redis(line) => write!(f, "Redis refuses: {line}"),
        }
    }
}
