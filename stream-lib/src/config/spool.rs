//! Settings of a producer's spool.

use std::path::PathBuf;
use std::time::Duration;

use super::check;
use crate::error::Result;

const DAY: Duration = Duration::from_secs(86_400);

/// The place of messages while Redis is away.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SpoolConfig {
    /// `None` for no spool; always `None` without the feature `spool`.
    pub(crate) dir: Option<PathBuf>,
    pub(crate) max_bytes: u64,
    pub(crate) grace: Duration,
    /// How long Redis remembers the last number of an unused spool.
    pub(crate) memory: Duration,
}

impl SpoolConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        check::in_range("max_spool_bytes", self.max_bytes, 64 << 10..=1 << 40)?;
        let hour = Duration::from_secs(3_600);
        check::duration("spool_grace", self.grace, Duration::ZERO, hour)?;
        let (least, most) = (Duration::from_secs(1), DAY * 3_650);
        check::duration("spool_memory", self.memory, least, most)
    }
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            dir: None,
            max_bytes: 1 << 30,
            grace: Duration::from_secs(5),
            memory: DAY * 30,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn bounds_of_the_spool_are_named_with_their_values() {
        assert!(SpoolConfig::default().validate().is_ok());
        let small = SpoolConfig {
            max_bytes: 1,
            ..SpoolConfig::default()
        };
        let patient = SpoolConfig {
            grace: Duration::MAX,
            ..SpoolConfig::default()
        };
        let forgetful = SpoolConfig {
            memory: Duration::from_millis(1),
            ..SpoolConfig::default()
        };
        for (config, words) in [
            (forgetful, ["`spool_memory`", "is 1ms"]),
            (small, ["`max_spool_bytes`", "is 1"]),
            (patient, ["`spool_grace`", "must be"]),
        ] {
            let error = config.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            for word in words {
                assert!(error.to_string().contains(word), "{error}");
            }
        }
    }
}
