//! Replaces `spooled` without the feature `spool`: no producer has a spool.

use std::sync::Arc;

use crate::command::Outgoing;
use crate::config::BackupStreamConfig;
use crate::connection::Topology;
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::producer::added::Answers;
use crate::producer::capacity::Capacities;
use crate::producer::health::ProducerHealth;
use crate::schema_book::Types;
use crate::split::WantedSplit;

/// A spooler, of which there is none.
#[derive(Debug)]
pub(crate) enum Spooler {}

impl Spooler {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "opening a spool can fail, where there is one"
    )]
    pub(crate) fn open(
        _: &Arc<Topology>,
        _: &StreamKeys,
        _: &WantedSplit,
        _: &Arc<Types>,
        _: &BackupStreamConfig,
        _: &Arc<Capacities>,
        _: &Arc<ProducerHealth>,
    ) -> Result<Option<Self>> {
        Ok(None)
    }

    pub(crate) fn send(&self, _: &Outgoing) -> Answers {
        match *self {}
    }

    pub(crate) fn waiting(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn close(&self) {
        match *self {}
    }

    pub(crate) fn join(&self) -> u64 {
        match *self {}
    }
}
