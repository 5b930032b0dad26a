//! Why there is no plan.

use std::fmt;

use stream_lib::Error;

use crate::server::with_causes;

/// Why nothing was planned.
#[derive(Debug)]
pub enum Refused {
    /// There is no such thing. The text says what, and how to see those that there are.
    NoSuch(String),
    /// What is wished makes no sense. The text says why.
    Wrong(String),
    /// Redis, or the library, refuses.
    Failed(Error),
    /// Redis refuses a request of the tools' own, by this line.
    Redis(String),
}

/// A plan, or why there is none.
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
