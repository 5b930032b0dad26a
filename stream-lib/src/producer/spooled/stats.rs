//! The contents of a spool, for its owner.

use std::fmt;

use crate::producer::spool::SpoolDamage;
use crate::runtime::counted;

/// The contents of a producer's spool. `Display` shows them as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolStats {
    /// Messages that Redis doesn't have yet, or isn't known to have.
    pub messages: u64,
    /// The bytes that they take of `max_spool_bytes`.
    pub bytes: u64,
    /// Messages that Redis has refused for good, such as one that is larger than its
    /// `proto-max-bulk-len`, in this life of the producer and earlier ones.
    ///
    /// Each is a file in the spool's directory, `spool.refused-…`, which only its owner
    /// removes. It holds the message as the `XADD` that adds it to the stream, in the
    /// form in which commands go over the wire (RESP), so that `redis-cli --pipe < file`
    /// adds it once Redis takes it.
    pub set_aside: u64,
    /// The bytes that these files take of `max_spool_bytes`.
    pub set_aside_bytes: u64,
    /// The damages found since the producer was created.
    pub damages: Vec<SpoolDamage>,
}

impl fmt::Display for SpoolStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages = counted(self.messages, "message", "messages");
        write!(f, "{messages} of {} bytes", self.bytes)?;
        if self.set_aside > 0 {
            write!(
                f,
                "; {} set aside, which Redis refuses, of {} bytes",
                self.set_aside, self.set_aside_bytes
            )?;
        }
        for damage in &self.damages {
            write!(f, "; damaged: {damage}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_and_damages_of_a_spool_are_printed() {
        let damage = SpoolDamage {
            cause: "a page has a wrong checksum".to_owned(),
            file: "/spool/old".into(),
            kept: 1,
            unreadable: 0,
        };
        let mut stats = SpoolStats {
            messages: 2,
            bytes: 60,
            set_aside: 0,
            set_aside_bytes: 0,
            damages: vec![damage.clone()],
        };
        let expected = format!("2 messages of 60 bytes; damaged: {damage}");
        assert_eq!(stats.to_string(), expected);
        (stats.set_aside, stats.set_aside_bytes) = (1, 90);
        let printed = stats.to_string();
        assert!(printed.contains("1 set aside, which Redis refuses, of 90 bytes"));
    }
}
