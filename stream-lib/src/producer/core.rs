//! What all producers have in common: encoding, batches, and what is done
//! when it is unknown whether Redis has a message.

use std::borrow::Borrow;
use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Added;
use super::backup::Backup;
#[cfg(feature = "spool")]
use super::backup::Spooled;
use super::coalesce::{Coalescer, no_answer};
use super::outlet::{Answers, Kind, Outlet, all_fail};
use super::pipeline::Lane;
use crate::command::Batch;
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
    coalescer: Arc<Coalescer>,
    outlet: Arc<Outlet>,
    config: StreamConfig,
    closed: Shutdown,
}

impl ProducerCore {
    pub(crate) fn simple(coalescer: &Arc<Coalescer>, config: StreamConfig) -> Result<Self> {
        config.validate().map_err(|e| in_config(e, &config))?;
        let keys = StreamKeys::new(&config.name)?;
        let kind = Kind::Simple(config.idempotency_window);
        Ok(Self::new(coalescer, config, Outlet { keys, kind }))
    }

    /// Makes a backup producer, and starts to drain.
    pub(crate) fn backup(coalescer: &Arc<Coalescer>, config: BackupStreamConfig) -> Result<Self> {
        let stream = config.stream.clone();
        config.validate().map_err(|e| in_config(e, &stream))?;
        let mut keys = StreamKeys::new(&stream.name)?;
        if let Some(backup) = &config.backup_stream {
            keys = keys
                .with_backup(backup)
                .map_err(|e| in_config(e, &stream))?;
        }
        let backup = Backup::new(coalescer.topology(), &keys, config)?;
        let kind = Kind::Backup(Box::new(backup));
        Ok(Self::new(coalescer, stream, Outlet { keys, kind }))
    }

    fn new(coalescer: &Arc<Coalescer>, config: StreamConfig, outlet: Outlet) -> Self {
        Self {
            topology: Arc::clone(coalescer.topology()),
            coalescer: Arc::clone(coalescer),
            outlet: Arc::new(outlet),
            config,
            closed: Shutdown::default(),
        }
    }

    pub(crate) fn stream(&self) -> &str {
        self.outlet.keys.stream()
    }

    pub(crate) fn keys(&self) -> &StreamKeys {
        &self.outlet.keys
    }

    pub(crate) fn is_backup(&self) -> bool {
        matches!(self.outlet.kind, Kind::Backup(_))
    }

    pub(crate) fn add<M: StreamMessage + ?Sized>(
        &self,
        message: &M,
        key: Option<&str>,
    ) -> Result<Added> {
        let mut batch = Batch::default();
        let added = batch.push(message, key).and_then(|()| self.add_one(batch));
        added.map_err(|e| self.describe(e))
    }

    pub(crate) fn add_all<'m, M: StreamMessage + ?Sized + 'm>(
        &self,
        messages: impl IntoIterator<Item = &'m M>,
    ) -> Vec<Result<Added>> {
        let mut messages = messages.into_iter();
        let mut results = Vec::with_capacity(messages.size_hint().0);
        let batches = iter::from_fn(|| {
            let mut batch = Batch::default();
            let pushed: Vec<_> = messages
                .by_ref()
                .take(self.config.batch_size)
                .map(|message| batch.push(message, None))
                .collect();
            (!pushed.is_empty()).then_some(Pushed { batch, pushed })
        });
        self.send_all(batches, |Pushed { pushed, .. }, answers| {
            let mut answers = answers.into_iter();
            // What couldn't be encoded has no answer, but its own error.
            results.extend(pushed.into_iter().map(|pushed| {
                let answer = pushed.and_then(|()| answers.next().unwrap_or_else(no_answer));
                answer.map_err(|e| self.describe(e))
            }));
        });
        results
    }

    /// What its spool holds; `None` where there is none.
    #[cfg(feature = "spool")]
    pub(crate) fn spool_stats(&self) -> Option<super::SpoolStats> {
        match &self.outlet.kind {
            Kind::Simple(_) => None,
            Kind::Backup(backup) => backup.spool_stats(),
        }
    }

    /// Makes every further add fail with `Closed`, and tells the drain to end.
    pub(crate) fn close(&self) {
        self.closed.set();
        if let Kind::Backup(backup) = &self.outlet.kind {
            backup.close();
        }
    }

    /// Joins the threads of a producer that was closed. From one of the
    /// library's own threads it doesn't wait. Returns how many messages stay in
    /// its spool.
    pub(crate) fn join(&self) -> u64 {
        match &self.outlet.kind {
            Kind::Simple(_) => 0,
            Kind::Backup(backup) => backup.join(),
        }
    }

    fn add_one(&self, batch: Batch) -> Result<Added> {
        self.open()?;
        #[cfg(feature = "spool")]
        if let Some(spool) = self.spooled() {
            return spool.send(&batch).pop().unwrap_or_else(no_answer);
        }
        let wait = self.config.send_timeout;
        // Who has a key may have to try again.
        let kept = batch.has_keys().then(|| batch.clone());
        let mut answer = [self.coalescer.add(&self.outlet, batch, wait)];
        if let Some(batch) = kept {
            self.settle(&batch, &mut answer);
        }
        let [answer] = answer;
        answer
    }

    /// Sends batches in order, and gives each with its answers to `done`.
    fn send_all<B: Borrow<Batch>>(
        &self,
        batches: impl Iterator<Item = B>,
        mut done: impl FnMut(B, Answers),
    ) {
        let lane = Lane {
            topology: &self.topology,
            outlet: &self.outlet,
            wait: self.config.send_timeout,
            open: &|| self.open(),
        };
        #[cfg(feature = "spool")]
        if let Some(spool) = self.spooled() {
            for batch in batches {
                let answers = match self.open() {
                    Ok(()) => spool.send(batch.borrow()),
                    Err(e) => all_fail(batch.borrow(), &e),
                };
                done(batch, answers);
            }
            return;
        }
        lane.send(batches, |batch, mut answers| {
            self.settle(batch.borrow(), &mut answers);
            done(batch, answers);
        });
    }

    #[cfg(feature = "spool")]
    fn spooled(&self) -> Option<Spooled<'_>> {
        match &self.outlet.kind {
            Kind::Simple(_) => None,
            Kind::Backup(backup) => backup.spooled(),
        }
    }

    /// Sends messages with an idempotency key whose outcome is unknown again,
    /// for as long as an add may wait for a connection.
    fn settle(&self, batch: &Batch, answers: &mut [Result<Added>]) {
        if !batch.has_keys() || !answers.iter().any(is_unknown) {
            return;
        }
        let deadline = Instant::now() + self.config.send_timeout;
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(500));
        loop {
            let mut again = Batch::default();
            let open: Vec<_> = batch
                .iter()
                .zip(answers.iter_mut())
                .filter(|(message, answer)| message.key.is_some() && is_unknown(answer))
                .map(|(message, answer)| {
                    again.push_encoded(message);
                    answer
                })
                .collect();
            let left = deadline.saturating_duration_since(Instant::now());
            if open.is_empty() || left.is_zero() || self.closed.is_set() {
                return;
            }
            for (answer, new) in open.into_iter().zip(self.execute(&again, left)) {
                // Whatever goes wrong now, the first try may have been written.
                if new.is_ok() {
                    *answer = new;
                }
            }
            self.closed.sleep(backoff.next().min(left));
        }
    }

    fn execute(&self, batch: &Batch, wait: Duration) -> Answers {
        let node = self.topology.node_for(self.stream().as_bytes());
        match node.pooled(wait) {
            Ok(mut wire) => self.outlet.execute(&mut wire, batch),
            Err(e) => all_fail(batch, &e),
        }
    }

    fn open(&self) -> Result<()> {
        if self.closed.is_set() {
            return Err(Error::new(
                ErrorKind::Closed,
                "the producer was removed, or its manager shut down",
            ));
        }
        Ok(())
    }

    fn describe(&self, error: Error) -> Error {
        error.while_doing(format_args!("adding to `{}`", self.stream()))
    }
}

/// A batch, and whether each message could be encoded into it.
struct Pushed {
    batch: Batch,
    pushed: Vec<Result<()>>,
}

impl Borrow<Batch> for Pushed {
    fn borrow(&self) -> &Batch {
        &self.batch
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
