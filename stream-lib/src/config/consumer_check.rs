//! The bounds of a consumer's configuration.

use std::time::Duration;

use super::{BatchConfig, ConsumerConfig, check};
use crate::error::Result;

impl ConsumerConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        const MS: Duration = Duration::from_millis(1);
        const HOUR: Duration = Duration::from_secs(3_600);
        check::name("stream", &self.stream)?;
        check::name("group", &self.group)?;
        if let Some(label) = &self.consumer {
            check::name("consumer", label)?;
        }
        check::in_range("workers", self.workers, 1..=1_024)?;
        check::in_range("read_count", self.read_count, 1..=10_000)?;
        check::duration("block_duration", self.block_duration, MS * 10, HOUR / 60)?;
        check::duration("lease", self.lease, MS * 100, HOUR)?;
        check::duration("lease_cap", self.lease_cap, self.lease, HOUR * 24 * 7)?;
        check::duration(
            "consumer_expiry",
            self.consumer_expiry,
            self.lease,
            HOUR * 24 * 30,
        )?;
        check::in_range(
            "dead_letter_max_length",
            self.dead_letter_max_length,
            1..=1_000_000_000_000,
        )?;
        check::duration(
            "dead_letter_max_age",
            self.dead_letter_max_age,
            MS * 1_000,
            HOUR * 24 * 3_650,
        )?;
        check::duration("grace", self.grace, Duration::ZERO, HOUR)?;
        if let Some(replicas) = self.replicas {
            replicas.validate_alone()?;
        }
        if let Some(rate) = &self.rate {
            rate.validate()?;
        }
        self.retention.validate("max_messages")?;
        self.retry.validate()
    }

    /// Validates; an error names the consumer's stream.
    pub(crate) fn checked(self) -> Result<Self> {
        let validated = self.validate();
        self.or_error(validated)
    }

    /// As [`checked`](Self::checked), for a consumer of batches.
    pub(crate) fn checked_with(self, batch: &BatchConfig) -> Result<Self> {
        let validated = self.validate().and_then(|()| batch.validate(self.lease));
        self.or_error(validated)
    }

    fn or_error(self, validated: Result<()>) -> Result<Self> {
        match validated {
            Ok(()) => Ok(self),
            Err(e) => Err(e.while_doing(format_args!(
                "configuration of a consumer of `{}`",
                self.stream
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn defaults_are_valid() {
        assert!(ConsumerConfig::new("orders").validate().is_ok());
    }

    #[test]
    fn each_bound_is_named_with_its_value() {
        let base = || ConsumerConfig::new("orders");
        for (config, words) in [
            (base().workers(0), ["`workers`", "is 0"]),
            (base().read_count(20_000), ["`read_count`", "is 20000"]),
            (base().lease(Duration::ZERO), ["`lease`", "is 0ns"]),
            (
                base().lease_cap(Duration::from_secs(1)),
                ["`lease_cap`", "is 1s"],
            ),
            (base().max_messages(0), ["`max_messages`", "is 0"]),
            (
                base().dead_letter_max_length(0),
                ["`dead_letter_max_length`", "is 0"],
            ),
            (
                base().dead_letter_max_age(Duration::MAX),
                ["`dead_letter_max_age`", "is "],
            ),
            (base().group("~g"), ["`group`", "~"]),
            (base().consumer("~waiting"), ["`consumer`", "~waiting"]),
            (ConsumerConfig::new(""), ["`stream`", "empty"]),
        ] {
            let error = config.checked().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            for word in words {
                assert!(error.to_string().contains(word), "{error}");
            }
        }
    }
}
