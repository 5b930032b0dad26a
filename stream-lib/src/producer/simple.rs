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

    pub(crate) fn keys(&self) -> &StreamKeys {
        &self.keys
    }

    /// Makes every further add fail with `Closed`.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn add<M: StreamMessage + ?Sized>(&self, message: &M) -> Result<Added> {
        let mut adds = Adds::to(self.stream());
        adds.push(message).map_err(|e| self.describe(e))?;
        let mut ids = self.execute(&adds)?;
        match ids.pop() {
            Some(id) => id.map(Added::Main).map_err(|e| self.describe(e)),
            None => Err(self.describe(Error::new(ErrorKind::Protocol, "no answer"))),
        }
    }

    pub(crate) fn add_all<'m, M: StreamMessage + ?Sized + 'm>(
        &self,
        messages: impl IntoIterator<Item = &'m M>,
    ) -> Vec<Result<Added>> {
        let mut messages = messages.into_iter().peekable();
        let mut results = Vec::with_capacity(messages.size_hint().0);
        while messages.peek().is_some() {
            let mut adds = Adds::to(self.stream());
            let first = results.len();
            for message in messages.by_ref().take(self.config.batch_size) {
                // What can't be encoded has its result already; the others get
                // theirs, in order, from Redis.
                results.push(adds.push(message).map(|()| Added::Main(EntryId::MIN)));
            }
            let sent = results
                .iter_mut()
                .skip(first)
                .filter(|result| result.is_ok());
            match self.execute(&adds) {
                Ok(ids) => sent
                    .zip(ids)
                    .for_each(|(result, id)| *result = id.map(Added::Main)),
                Err(e) => {
                    sent.for_each(|result| *result = Err(Error::new(e.kind(), e.to_string())))
                }
            }
            for result in results.iter_mut().skip(first) {
                if let Err(e) = result {
                    let bare = std::mem::replace(e, Error::new(e.kind(), ""));
                    *e = self.describe(bare);
                }
            }
        }
        results
    }

    fn execute(&self, adds: &Adds<'_>) -> Result<Vec<Result<EntryId>>> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::new(
                ErrorKind::Closed,
                "the producer was removed, or its manager shut down",
            ));
        }
        if adds.is_empty() {
            return Ok(Vec::new());
        }
        let node = self.topology.node_for(self.stream().as_bytes());
        let mut wire = node.pooled(self.config.send_timeout)?;
        adds.execute(&mut wire)
    }

    fn describe(&self, error: Error) -> Error {
        error.while_doing(format_args!("adding to `{}`", self.stream()))
    }
}
