//! The messages of an outbox: queued, under way, and counted.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::receipt::{ChunkAnswers, Receipt};
use super::report::FlushReport;
use crate::command::Outgoing;
use crate::error::{Error, ErrorKind, Result};
use crate::producer::added::{Added, Answers, all_fail};

/// The bounds of a chunk, at which the next one begins.
const MOST_TOGETHER: usize = 128;
const MOST_BYTES: usize = 256 << 10;

/// The bytes that a message takes beside its fields.
const OVERHEAD: usize = 64;

/// Messages that go out together.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) batch: Outgoing,
    pub(super) answers: Arc<ChunkAnswers>,
    /// The number of its first message.
    pub(super) first: u64,
    /// The time at which its first message was queued.
    pub(super) since: Instant,
}

/// The messages that an outbox holds, and their counts. All of it is behind
/// one lock.
#[derive(Debug, Default)]
pub(super) struct SendQueue {
    chunks: VecDeque<Chunk>,
    /// Chunks that were taken and not answered yet.
    under_way: usize,
    /// The bytes of the messages that are not answered yet.
    bytes: usize,
    /// Messages that were queued, and those of them that were answered.
    sent: u64,
    answered: u64,
    /// The messages answered since the last flush.
    pub(super) report: FlushReport,
    /// The error of the last try, if Redis couldn't be reached for any of its messages.
    pub(super) away: Option<Error>,
    /// Whether Redis couldn't be reached for some messages, and others have queued behind
    /// them since.
    pub(super) some_away: bool,
    /// Set once no more may be queued: until then messages may go out.
    pub(super) closes: Option<Instant>,
}

impl SendQueue {
    /// Whether a message with `fields` bytes finds room under `limit`. A message larger
    /// than `limit` finds room while there is no other.
    pub(super) fn has_room(&self, fields: usize, limit: usize) -> bool {
        self.bytes == 0 || self.bytes + fields + OVERHEAD <= limit
    }

    /// Queues the one message of a batch.
    pub(super) fn push(&mut self, message: &Outgoing) -> Receipt {
        let number = self.sent;
        let mut chunk = match self.chunks.pop_back() {
            Some(chunk) if !chunk.is_full() => chunk,
            full => {
                self.chunks.extend(full);
                Chunk {
                    batch: Outgoing::default(),
                    answers: Arc::default(),
                    first: number,
                    since: Instant::now(),
                }
            }
        };
        let receipt = Receipt::new(&chunk.answers, chunk.batch.len(), number);
        message.iter().for_each(|m| chunk.batch.push_encoded(m));
        self.chunks.push_back(chunk);
        self.bytes += message.bytes() + OVERHEAD * message.len();
        self.sent += message.len() as u64;
        receipt
    }

    /// Takes the first chunk, once it is due.
    pub(super) fn take(&mut self, linger: Duration) -> Option<Chunk> {
        let due = self.due(linger)?;
        if !due.is_zero() {
            return None;
        }
        self.under_way += 1;
        self.chunks.pop_front()
    }

    /// The time until the first chunk is due; `None` if there is none.
    pub(super) fn due(&self, linger: Duration) -> Option<Duration> {
        let first = self.chunks.front()?;
        if linger.is_zero() || first.is_full() || self.closes.is_some() {
            return Some(Duration::ZERO);
        }
        Some(linger.saturating_sub(first.since.elapsed()))
    }

    /// Whether Redis was away at the last try, and the next chunk has waited
    /// for it long enough.
    pub(super) fn is_late(&self, wait: Duration) -> bool {
        let late = |chunk: &Chunk| chunk.since.elapsed() >= wait;
        self.away.is_some() && self.under_way == 0 && self.chunks.front().is_some_and(late)
    }

    /// Counts a chunk that was taken as answered.
    pub(super) fn answer(&mut self, chunk: &Chunk, answers: &Answers) {
        let batch = &chunk.batch;
        self.under_way -= 1;
        self.bytes -= batch.bytes() + OVERHEAD * batch.len();
        self.answered += batch.len() as u64;
        self.away = cause_of_absence(answers).cloned();
        let lasts = self.some_away && !self.chunks.is_empty();
        self.some_away = lasts || answers.iter().any(is_away);
        for (number, answer) in (chunk.first..).zip(answers) {
            match answer {
                Ok(_) => self.report.added += 1,
                Err(e) => self.report.fail(number, e.clone()),
            }
        }
    }

    /// Gives up all messages, since no thread will send them.
    pub(super) fn abandon(&mut self) {
        self.closes.get_or_insert_with(Instant::now);
        self.chunks.clear();
        self.bytes = 0;
        self.answered = self.sent;
    }

    /// The number of messages queued so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// How many of the first `sent` messages are not answered.
    pub(super) fn unanswered(&self, sent: u64) -> u64 {
        sent.saturating_sub(self.answered)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Chunk {
    fn is_full(&self) -> bool {
        self.batch.len() >= MOST_TOGETHER || self.batch.bytes() >= MOST_BYTES
    }
}

impl Borrow<Outgoing> for Chunk {
    fn borrow(&self) -> &Outgoing {
        &self.batch
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // This does nothing if it has its answers.
        self.answers.give(all_fail(&self.batch, &lost()));
    }
}

/// The error of the last message, if no server could be reached for any of them. With
/// partitions, one server may be away while another answers: then the next chunk is worth
/// a try.
fn cause_of_absence(answers: &[Result<Added>]) -> Option<&Error> {
    let mut cause = None;
    for answer in answers {
        match answer {
            Err(e) if is_away(answer) => cause = Some(e),
            _ => return None,
        }
    }
    cause
}

fn is_away(answer: &Result<Added>) -> bool {
    matches!(answer, Err(e) if e.kind() == ErrorKind::Unavailable)
}

fn lost() -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        "the thread that was to send this message has ended; this is a bug in stream-lib",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::EntryId;

    #[test]
    fn redis_is_away_where_it_could_be_reached_for_no_message() {
        let away = || Err(Error::new(ErrorKind::Unavailable, "no connection"));
        let added = || Ok(Added::Main(EntryId::new(1, 0)));
        assert!(cause_of_absence(&[away(), away()]).is_some());
        assert!(cause_of_absence(&[away(), added()]).is_none());
        assert!(cause_of_absence(&[added(), away()]).is_none());
        assert!(cause_of_absence(&[]).is_none());
    }
}
