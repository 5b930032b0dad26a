//! How much may be changed.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// How much a token allows. Each role includes the ones before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// To look.
    #[default]
    View,
    /// And to have entries handled again or set aside, and to hold groups: nothing is lost
    /// by it.
    Retry,
    /// And to remove entries, and to add some.
    Admin,
}

impl Role {
    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Retry => "retry",
            Self::Admin => "admin",
        }
    }

    /// What somebody with this role may do, as a sentence begins.
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
