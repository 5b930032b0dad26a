//! The room in a pipeline that callers share.

use crate::command::Outgoing;

/// The bounds of a pipeline.
const MOST_MESSAGES: usize = 1_024;
const MOST_BYTES: usize = 1 << 20;

/// The room left in a pipeline.
#[derive(Debug)]
pub(super) struct Room {
    messages: usize,
    bytes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            messages: MOST_MESSAGES,
            bytes: MOST_BYTES,
        }
    }
}

impl Room {
    /// Takes room for a batch, if there is enough.
    pub(super) fn has(&mut self, batch: &Outgoing) -> bool {
        let messages = self.messages.checked_sub(batch.len());
        let bytes = self.bytes.checked_sub(batch.bytes());
        let (Some(messages), Some(bytes)) = (messages, bytes) else {
            return false;
        };
        *self = Self { messages, bytes };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Extras;
    use crate::message::RawMessage;

    fn one_of(bytes: usize) -> Outgoing {
        let mut batch = Outgoing::default();
        let message = RawMessage::new().with("a", "x".repeat(bytes));
        batch.push(&message, &Extras::NONE).unwrap();
        batch
    }

    #[test]
    fn pipeline_is_bounded_in_messages_and_in_bytes() {
        let fit = |batch: &Outgoing| {
            let mut room = Room::default();
            (0..2 * MOST_MESSAGES)
                .take_while(|_| room.has(batch))
                .count()
        };
        assert_eq!(fit(&one_of(1)), MOST_MESSAGES);
        assert_eq!(fit(&one_of(MOST_BYTES / 4)), 3);
        assert_eq!(fit(&one_of(MOST_BYTES)), 0);
    }
}
