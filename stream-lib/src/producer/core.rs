//! What all producers have in common: encoding, batches, connections, and what
//! is done when the connection is lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backup::Backup;
use super::{Added, simple};
use crate::command::{Batch, Placed};
use crate::config::{BackupStreamConfig, StreamConfig};
use crate::connection::Topology;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;
use crate::message::StreamMessage;
use crate::runtime::{Backoff, Shutdown};

/// A producer of any kind, as managers and handles share it.
#[derive(Debug)]
pub(crate) struct ProducerCore {
    topology: Arc<Topology>,
    keys: StreamKeys,
    config: StreamConfig,
    kind: Kind,
    closed: Shutdown,
}

#[derive(Debug)]
enum Kind {
    Simple,
    Backup(Box<Backup>),
}

/// What became of a batch.
#[derive(Debug)]
pub(super) enum Executed {
    /// One result for each message.
    Answered(Vec<Result<Added>>),
    /// Nothing was written: Redis can't be reached, or refuses writes for now.
    /// The batch may be sent again, or kept for later.
    NotNow(Error),
    /// The connection was lost after sending: all was written, or nothing.
    Unknown(Error),
    /// Nothing was written, and sending it again won't help.
    Failed(Error),
}

impl ProducerCore {
    pub(crate) fn simple(topology: Arc<Topology>, config: StreamConfig) -> Result<Self> {
        config.validate().map_err(|e| in_config(e, &config))?;
        Ok(Self {
            keys: StreamKeys::new(&config.name)?,
            topology,
            config,
            kind: Kind::Simple,
            closed: Shutdown::default(),
        })
    }

    /// Makes a backup producer, and starts to drain.
    pub(crate) fn backup(topology: Arc<Topology>, config: BackupStreamConfig) -> Result<Self> {
        let stream = config.stream.clone();
        config.validate().map_err(|e| in_config(e, &stream))?;
        let mut keys = StreamKeys::new(&stream.name)?;
        if let Some(backup) = &config.backup_stream {
            keys = keys
                .with_backup(backup)
                .map_err(|e| in_config(e, &stream))?;
        }
        let backup = Backup::new(&topology, &keys, config)?;
        Ok(Self {
            topology,
            keys,
            config: stream,
            kind: Kind::Backup(Box::new(backup)),
            closed: Shutdown::default(),
        })
    }

    pub(crate) fn stream(&self) -> &str {
        self.keys.stream()
    }

    pub(crate) fn keys(&self) -> &StreamKeys {
        &self.keys
    }

    pub(crate) fn is_backup(&self) -> bool {
        matches!(self.kind, Kind::Backup(_))
    }

    pub(crate) fn add<M: StreamMessage + ?Sized>(
        &self,
        message: &M,
        key: Option<&str>,
    ) -> Result<Added> {
        let mut batch = Batch::default();
        let added = batch.push(message, key).and_then(|()| {
            let answer = self.send(&batch).pop();
            answer.unwrap_or_else(no_answer)
        });
        added.map_err(|e| self.describe(e))
    }

    pub(crate) fn add_all<'m, M: StreamMessage + ?Sized + 'm>(
        &self,
        messages: impl IntoIterator<Item = &'m M>,
    ) -> Vec<Result<Added>> {
        let mut messages = messages.into_iter().peekable();
        let mut results = Vec::with_capacity(messages.size_hint().0);
        while messages.peek().is_some() {
            let mut batch = Batch::default();
            let pushed: Vec<_> = messages
                .by_ref()
                .take(self.config.batch_size)
                .map(|message| batch.push(message, None))
                .collect();
            let mut answers = self.send(&batch).into_iter();
            // What couldn't be encoded has no answer, but its own error.
            results.extend(pushed.into_iter().map(|pushed| {
                let answer = pushed.and_then(|()| answers.next().unwrap_or_else(no_answer));
                answer.map_err(|e| self.describe(e))
            }));
        }
        results
    }

    /// What its spool holds; `None` where there is none.
    #[cfg(feature = "spool")]
    pub(crate) fn spool_stats(&self) -> Option<super::SpoolStats> {
        match &self.kind {
            Kind::Simple => None,
            Kind::Backup(backup) => backup.spool_stats(),
        }
    }

    /// Makes every further add fail with `Closed`, and tells the drain to end.
    pub(crate) fn close(&self) {
        self.closed.set();
        if let Kind::Backup(backup) = &self.kind {
            backup.close();
        }
    }

    /// Joins the threads of a producer that was closed. From one of the
    /// library's own threads it doesn't wait. Returns how many messages stay in
    /// its spool.
    pub(crate) fn join(&self) -> u64 {
        match &self.kind {
            Kind::Simple => 0,
            Kind::Backup(backup) => backup.join(),
        }
    }

    /// Sends a batch. Messages with an idempotency key whose outcome is unknown
    /// are sent again, for as long as an add may wait for a connection.
    fn send(&self, batch: &Batch) -> Vec<Result<Added>> {
        #[cfg(feature = "spool")]
        if let Kind::Backup(backup) = &self.kind
            && !self.closed.is_set()
            && !batch.is_empty()
            && let Some(results) = backup.send_spooled(batch)
        {
            return results;
        }
        let wait = self.config.send_timeout;
        let mut results = self.execute(batch, wait).into_results(batch.len());
        if batch.has_keys() && results.iter().any(is_unknown) {
            self.settle(batch, &mut results, Instant::now() + wait);
        }
        results
    }

    fn settle(&self, batch: &Batch, results: &mut [Result<Added>], deadline: Instant) {
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(500));
        loop {
            let mut again = Batch::default();
            let open: Vec<_> = batch
                .iter()
                .zip(results.iter_mut())
                .filter(|(message, result)| message.key.is_some() && is_unknown(result))
                .map(|(message, result)| {
                    again.push_encoded(message);
                    result
                })
                .collect();
            let left = deadline.saturating_duration_since(Instant::now());
            if open.is_empty() || left.is_zero() || self.closed.is_set() {
                return;
            }
            let answers = self.execute(&again, left).into_results(again.len());
            for (result, answer) in open.into_iter().zip(answers) {
                // Whatever goes wrong now, the first try may have been written.
                if answer.is_ok() {
                    *result = answer;
                }
            }
            self.closed.sleep(backoff.next().min(left));
        }
    }

    fn execute(&self, batch: &Batch, wait: Duration) -> Executed {
        if batch.is_empty() {
            return Executed::Answered(Vec::new());
        }
        if self.closed.is_set() {
            return Executed::Failed(Error::new(
                ErrorKind::Closed,
                "the producer was removed, or its manager shut down",
            ));
        }
        let node = self.topology.node_for(self.stream().as_bytes());
        match node.pooled(wait) {
            Ok(mut wire) => match &self.kind {
                Kind::Simple => simple::execute(&mut wire, &self.keys, &self.config, batch),
                Kind::Backup(backup) => backup.execute(&mut wire, &self.keys, batch),
            },
            Err(e) => Executed::from_error(e),
        }
    }

    fn describe(&self, error: Error) -> Error {
        error.while_doing(format_args!("adding to `{}`", self.stream()))
    }
}

impl Executed {
    pub(super) fn from_error(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Refused => Self::NotNow(error),
            // A reply that can't be read says nothing about what was written.
            ErrorKind::OutcomeUnknown | ErrorKind::Protocol => Self::Unknown(error),
            _ => Self::Failed(error),
        }
    }

    fn into_results(self, count: usize) -> Vec<Result<Added>> {
        match self {
            Self::Answered(results) => results,
            Self::NotNow(error) | Self::Unknown(error) | Self::Failed(error) => {
                (0..count).map(|_| Err(error.again())).collect()
            }
        }
    }
}

impl From<Result<Vec<Result<Placed>>>> for Executed {
    fn from(answer: Result<Vec<Result<Placed>>>) -> Self {
        let results = match answer {
            Ok(results) => results,
            Err(e) => return Self::from_error(e),
        };
        // A server without memory refuses each message for itself.
        let refused = |r: &Result<Placed>| matches!(r, Err(e) if e.kind() == ErrorKind::Refused);
        if results.iter().all(refused)
            && let Some(Err(e)) = results.first()
        {
            return Self::NotNow(e.again());
        }
        Self::Answered(results.into_iter().map(|r| r.map(Added::from)).collect())
    }
}

fn is_unknown(result: &Result<Added>) -> bool {
    matches!(result, Err(e) if e.kind() == ErrorKind::OutcomeUnknown)
}

fn in_config(error: Error, config: &StreamConfig) -> Error {
    error.while_doing(format_args!(
        "configuration of a producer of `{}`",
        config.name
    ))
}

/// Every message that was sent has an answer.
fn no_answer() -> Result<Added> {
    Err(Error::new(ErrorKind::Protocol, "no answer"))
}
