//! The simple producer: straight to the stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Added;
use crate::command::Adds;
use crate::config::StreamConfig;
use crate::connection::Topology;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;
use crate::message::{EntryId, StreamMessage};

/// Adds to one stream over pooled connections.
#[derive(Debug)]
pub(crate) struct SimpleProducer {
    topology: Arc<Topology>,
    keys: StreamKeys,
    config: StreamConfig,
    closed: AtomicBool,
}

impl SimpleProducer {
    pub(crate) fn new(topology: Arc<Topology>, config: StreamConfig) -> Result<Self> {
        config.validate().map_err(|e| {
            e.while_doing(format_args!(
                "configuration of a producer of `{}`",
                config.name
            ))
        })?;
        Ok(Self {
            topology,
            keys: StreamKeys::new(&config.name)?,
            config,
            closed: AtomicBool::new(false),
        })
    }

    pub(crate) fn stream(&self) -> &str {
        self.keys.stream()
    }

    /// Makes every further add fail with `Closed`.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn add<M: StreamMessage + ?Sized>(&self, message: &M) -> Result<Added> {
        let mut adds = Adds::to(self.stream());
        let added = adds.push(message).and_then(|()| {
            let answer = self.execute(&adds).pop();
            answer.unwrap_or_else(no_answer)
        });
        added.map(Added::Main).map_err(|e| self.describe(e))
    }

    pub(crate) fn add_all<'m, M: StreamMessage + ?Sized + 'm>(
        &self,
        messages: impl IntoIterator<Item = &'m M>,
    ) -> Vec<Result<Added>> {
        let mut messages = messages.into_iter().peekable();
        let mut results = Vec::with_capacity(messages.size_hint().0);
        while messages.peek().is_some() {
            let mut adds = Adds::to(self.stream());
            let pushed: Vec<_> = messages
                .by_ref()
                .take(self.config.batch_size)
                .map(|message| adds.push(message))
                .collect();
            let mut answers = self.execute(&adds).into_iter();
            // What couldn't be packed has no answer, but its own error.
            results.extend(pushed.into_iter().map(|pushed| {
                let answer = pushed.and_then(|()| answers.next().unwrap_or_else(no_answer));
                answer.map(Added::Main).map_err(|e| self.describe(e))
            }));
        }
        results
    }

    fn execute(&self, adds: &Adds<'_>) -> Vec<Result<EntryId>> {
        let connected = if self.closed.load(Ordering::SeqCst) {
            Err(Error::new(
                ErrorKind::Closed,
                "the producer was removed, or its manager shut down",
            ))
        } else {
            let node = self.topology.node_for(self.stream().as_bytes());
            node.pooled(self.config.send_timeout)
        };
        match connected {
            Ok(mut wire) => adds.execute(&mut wire),
            Err(e) => (0..adds.len()).map(|_| Err(e.again())).collect(),
        }
    }

    fn describe(&self, error: Error) -> Error {
        error.while_doing(format_args!("adding to `{}`", self.stream()))
    }
}

/// `execute` answers once for each message pushed.
fn no_answer() -> Result<EntryId> {
    Err(Error::new(ErrorKind::Protocol, "no answer"))
}
