//! Results of checks.

use crate::assess::Severity;
use crate::words::dash;

/// The result of one check.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) severity: Severity,
    pub(super) what: &'static str,
    /// The stream that it is about.
    pub(super) about: Option<String>,
    pub(super) text: String,
    /// What to do, if anything.
    pub(super) advice: Option<String>,
}

impl Line {
    pub(super) fn good(what: &'static str, about: Option<&str>, text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Calm,
            what,
            about: about.map(str::to_owned),
            text: text.into(),
            advice: None,
        }
    }

    /// A value that Redis doesn't tell.
    pub(super) fn unknown(what: &'static str, about: Option<&str>) -> Self {
        Self::good(what, about, dash())
    }

    pub(super) fn at(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub(super) fn advising(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}
