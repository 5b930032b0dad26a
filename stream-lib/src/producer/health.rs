//! The health of one backup producer, told once for all of its threads.

use std::time::Instant;

use crate::error::{Error, with_causes};
use crate::runtime::Trouble;

/// Logs when a producer is held up, and when it works again.
#[derive(Debug)]
pub(crate) struct ProducerHealth {
    stream: String,
    trouble: Trouble,
}

/// The threads that have a connection of their own.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(crate) enum Part {
    Drain,
    #[cfg_attr(not(feature = "spool"), expect(dead_code, reason = "none has a spool"))]
    Replay,
}

impl ProducerHealth {
    pub(crate) fn new(stream: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            trouble: Trouble::default(),
        }
    }

    /// Logs the first failure of a row, and each with another cause.
    pub(crate) fn held_up(&self, part: Part, error: &Error) {
        if self.trouble.begins_for(part as u32, error) {
            let effect = match part {
                Part::Drain => "entries stay in the backup stream",
                Part::Replay => "messages stay in the spool",
            };
            log::warn!(
                "the backup producer of `{}` is held up, and tries again until it works ({effect}): \
                 {}",
                self.stream,
                with_causes(error)
            );
        }
    }

    /// Notes that a thread's connection works.
    pub(crate) fn works(&self, part: Part) {
        if self.trouble.ends_for(part as u32) {
            log::warn!("the backup producer of `{}` works again", self.stream);
        }
    }

    /// When an idle thread should note that it works; see [`Trouble::ends_from`].
    pub(crate) fn ends_from(&self) -> Option<Instant> {
        self.trouble.ends_from()
    }
}
