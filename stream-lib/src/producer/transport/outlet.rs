//! The way of a producer's batches into Redis: how they are packed, and what
//! the answers mean.

use std::time::Duration;

use crate::command::{self, Outgoing, Placed};
use crate::connection::{Deadline, Wire};
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::producer::added::Added;
use crate::producer::added::{Answers, all_fail};
use crate::producer::backup::Backup;

/// Where one producer's messages go.
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) keys: StreamKeys,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// Straight to the stream: plain `XADD`s, or a script where a message has
    /// an idempotency key, remembered for this long.
    Simple(Duration),
    /// To the stream, the backup stream or the spool.
    Backup(Box<Backup>),
}

impl Outlet {
    /// Packs a batch; returns how many replies will answer it.
    pub(crate) fn pack(&self, out: &mut Vec<u8>, batch: &Outgoing) -> usize {
        match &self.kind {
            Kind::Simple(_) if !batch.has_keys() => {
                command::pack_adds(out, self.keys.stream(), batch);
                batch.len()
            }
            Kind::Simple(window) => {
                command::pack_add_once(out, &self.keys, *window, batch);
                1
            }
            Kind::Backup(backup) => {
                command::pack_route(out, backup.routing(&self.keys), batch);
                1
            }
        }
    }

    /// Reads what answers a batch; `None` where the server doesn't know our
    /// script: nothing was written, and [`execute`](Self::execute) loads it.
    pub(crate) fn receive(
        &self,
        wire: &mut Wire,
        deadline: &mut Deadline,
        batch: &Outgoing,
    ) -> Option<Answers> {
        if !self.needs_script(batch) {
            let ids = command::receive_ids(wire, deadline, batch.len());
            return Some(ids.into_iter().map(|id| id.map(Added::Main)).collect());
        }
        let placed = command::receive_placed(wire, deadline, batch.len());
        Some(self.answers(placed.transpose()?, batch))
    }

    /// Sends a batch and reads what answers it. An error in the place of the
    /// whole answer is that of every message.
    pub(crate) fn execute(&self, wire: &mut Wire, batch: &Outgoing) -> Answers {
        let placed = match &self.kind {
            Kind::Simple(_) if !batch.has_keys() => return self.add(wire, batch),
            Kind::Simple(window) => command::add_once(wire, &self.keys, *window, batch),
            Kind::Backup(backup) => command::route(wire, backup.routing(&self.keys), batch),
        };
        self.answers(placed, batch)
    }

    /// Whether a batch goes by a script, which a server may have to be given
    /// first.
    pub(crate) fn needs_script(&self, batch: &Outgoing) -> bool {
        matches!(self.kind, Kind::Backup(_)) || batch.has_keys()
    }

    /// Tells the threads of a backup producer to end.
    pub(crate) fn close(&self) {
        if let Kind::Backup(backup) = &self.kind {
            backup.close();
        }
    }

    /// Joins them, once closed. Returns how many messages stay in the spool.
    pub(crate) fn join(&self) -> u64 {
        match &self.kind {
            Kind::Simple(_) => 0,
            Kind::Backup(backup) => backup.join(),
        }
    }

    fn add(&self, wire: &mut Wire, batch: &Outgoing) -> Answers {
        let mut packed = Vec::new();
        let replies = self.pack(&mut packed, batch);
        if let Err(e) = wire.send(&packed, replies) {
            return all_fail(batch, &e);
        }
        let mut deadline = Deadline::of(wire.response_timeout());
        let ids = command::receive_ids(wire, &mut deadline, batch.len());
        ids.into_iter().map(|id| id.map(Added::Main)).collect()
    }

    fn answers(&self, placed: Result<Vec<Result<Placed>>>, batch: &Outgoing) -> Answers {
        let placed = match placed {
            Ok(placed) => placed,
            Err(e) => return all_fail(batch, &e),
        };
        if let Kind::Backup(backup) = &self.kind
            && placed.iter().any(|p| matches!(p, Ok(Placed::Backup(_))))
        {
            backup.wake_drain();
        }
        placed.into_iter().map(|p| p.map(Added::from)).collect()
    }
}
