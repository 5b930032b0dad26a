//! The decision when to log an outage.

use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};

/// How long an outage lasts before it is logged here. The adds and the consumers of this
/// process, if there are any, log it at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// The duration of an outage.
#[derive(Debug, Default)]
pub(super) struct Outage {
    since: Option<Instant>,
}

impl Outage {
    /// Records a failure. Returns whether to log it: an outage that lasts, or any other
    /// error.
    pub(super) fn tells(&mut self, error: &Error, now: Instant) -> bool {
        match error.kind() {
            ErrorKind::Closed => false,
            ErrorKind::OutcomeUnknown | ErrorKind::Unavailable => {
                let since = *self.since.get_or_insert(now);
                now.saturating_duration_since(since) >= PATIENCE
            }
            _ => true,
        }
    }

    /// Records a success.
    pub(super) fn ends(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_when_it_lasts_and_a_refusal_at_once() {
        let of = |kind| Error::new(kind, "it has failed");
        let (mut outage, now) = (Outage::default(), Instant::now());
        let away = of(ErrorKind::Unavailable);
        assert!(!outage.tells(&away, now));
        assert!(!outage.tells(&of(ErrorKind::OutcomeUnknown), now + PATIENCE / 2));
        assert!(outage.tells(&away, now + PATIENCE));
        assert!(!outage.tells(&of(ErrorKind::Closed), now + PATIENCE));
        outage.ends();
        assert!(!outage.tells(&away, now + PATIENCE), "another one");
        for kind in [ErrorKind::Authentication, ErrorKind::PermissionDenied] {
            assert!(outage.tells(&of(kind), now));
        }
    }
}
