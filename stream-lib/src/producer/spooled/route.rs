//! The way into Redis of messages with numbers of a spool: one that Redis has
//! already is not added again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::{self, Outgoing, Routing, SpooledAdd};
use crate::config::BackupStreamConfig;
use crate::connection::{Topology, Wire, answer_of};
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::producer::capacity::Capacity;
use crate::producer::spool::{Sequence, Spool, SpoolId};

/// The longest wait of an add for Redis, before it goes to the spool instead.
const PATIENCE: Duration = Duration::from_secs(1);

/// A producer's way into Redis.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) topology: Arc<Topology>,
    pub(crate) keys: StreamKeys,
    pub(crate) config: BackupStreamConfig,
    capacity: Capacity,
    /// Redis was asked for the spool's mark.
    checked: Mutex<bool>,
}

impl Route {
    pub(crate) fn new(
        topology: Arc<Topology>,
        keys: StreamKeys,
        config: BackupStreamConfig,
        capacity: Capacity,
    ) -> Self {
        Self {
            topology,
            keys,
            config,
            capacity,
            checked: Mutex::new(false),
        }
    }

    pub(crate) fn send_now(
        &self,
        spool: &Spool,
        first: Sequence,
        batch: &Outgoing,
    ) -> Result<Vec<Result<SpooledAdd>>> {
        let timeout = self.config.stream.send_timeout;
        let deadline = Instant::now() + timeout;
        let key = self.keys.stream().as_bytes();
        self.topology.run(key, timeout.min(PATIENCE), |wire| {
            wire.answer_by(deadline);
            self.check(wire, spool)?;
            let numbers: Vec<_> = (0..batch.len() as u64).map(|n| first.plus(n)).collect();
            let mut answers = self.send(wire, spool.id(), &numbers, batch)?;
            match answers.first() {
                // Nothing was written, and the batch may go elsewhere.
                Some(Err(e)) if answer_of(e).may_go_again() => {
                    answers.swap_remove(0).map(|_| vec![])
                }
                _ => Ok(answers),
            }
        })
    }

    /// Asks Redis, before the first send of this life, whether a copy of the
    /// spool has used its numbers.
    pub(crate) fn check(&self, wire: &mut Wire, spool: &Spool) -> Result<()> {
        let mut checked = self.checked.lock();
        if !*checked {
            let mark = command::spool_mark(wire, &self.keys, spool.id().as_str())?;
            if spool.meet(&mark)? {
                self.warn_of_copy();
            }
            *checked = true;
        }
        Ok(())
    }

    pub(crate) fn rename(&self, spool: &Spool) -> Result<()> {
        self.warn_of_copy();
        spool.rename()
    }

    fn warn_of_copy(&self) {
        log::error!(
            "the spool of `{}` has given out numbers that Redis knows from another life of it: its \
             directory was copied, or an old copy was put back; it goes on under a new name",
            self.keys.stream()
        );
    }

    /// Sends messages under their numbers; fewer answers than messages end with
    /// an error.
    pub(crate) fn send(
        &self,
        wire: &mut Wire,
        spool: SpoolId,
        numbers: &[Sequence],
        batch: &Outgoing,
    ) -> Result<Vec<Result<SpooledAdd>>> {
        let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        let routing = Routing::new(&self.keys, &self.config, self.capacity.entries());
        command::route_spooled(wire, routing, spool.as_str(), &numbers, batch)
    }
}
