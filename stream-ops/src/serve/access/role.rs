//! The roles of the dashboard.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The changes that a token allows. Each role includes the ones before it.
///
/// A role doesn't reveal sensitive fields: no page shows their values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// None: pages can be read.
    #[default]
    View,
    /// Setting entries aside, putting dead letters back (also with edited fields),
    /// holding groups, pausing and running jobs, and running scheduled messages now.
    Retry,
    /// Removing dead letters, cancelling scheduled messages, and sending corrected
    /// copies.
    Admin,
}

impl Role {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Retry => "retry",
            Self::Admin => "admin",
        }
    }

    /// The start of a sentence that tells a viewer with this role what is allowed.
    pub(crate) fn may(self) -> &'static str {
        match self {
            Self::View => "You may look",
            Self::Retry => "You may look and retry",
            Self::Admin => "You may look, retry and remove",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::View, Self::Retry, Self::Admin]
            .into_iter()
            .find(|role| role.name() == name)
            .ok_or_else(|| format!("`{name}` is no role: use view, retry or admin"))
    }
}
