//! One producer's outlet to Redis: it packs batches, and reads their answers.

use std::collections::HashSet;
use std::sync::Arc;

use crate::command::{self, Once, Outgoing, Placed, Wait};
use crate::connection::{Deadline, Wire};
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::message::EntryId;
use crate::metrics::ProducerRecord;
use crate::producer::added::{Added, Answers, all_fail};
use crate::producer::backup::Backup;
use crate::producer::recording::Recorder;
use crate::producer::replication::Replication;
use crate::producer::spooled::Spooler;
use crate::producer::unreplicated::waited_for;

/// The stream of one producer, and the kind of its path there.
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) keys: StreamKeys,
    /// The partition, for the outlet of one.
    pub(crate) partition: Option<u16>,
    pub(crate) kind: OutletKind,
    /// Replaces Redis in users' tests.
    pub(crate) recorder: Option<Arc<Recorder>>,
    pub(crate) replication: Replication,
    /// The producer's record, which the outlets of its partitions share.
    pub(crate) record: Arc<ProducerRecord>,
}

#[derive(Debug)]
pub(crate) enum OutletKind {
    /// Straight to the stream: plain `XADD`s, or a script if a message has an idempotency
    /// key.
    Simple(Once),
    /// To the stream, the backup stream or the spool.
    Backup(Box<Backup>),
}

/// A path for messages that needs no connection of its caller's.
#[derive(Debug)]
pub(crate) enum Apart<'a> {
    Spool(&'a Spooler),
    Record(&'a Recorder),
}

impl Outlet {
    /// The outlet to one partition of the stream.
    pub(super) fn of_partition(&self, partition: u16) -> Self {
        Self {
            keys: self.keys.partition(partition),
            partition: Some(partition),
            kind: match &self.kind {
                OutletKind::Simple(once) => OutletKind::Simple(*once),
                OutletKind::Backup(backup) => {
                    OutletKind::Backup(Box::new(backup.of_partition(partition)))
                }
            },
            recorder: None,
            replication: self.replication.again(),
            record: Arc::clone(&self.record),
        }
    }

    /// Packs a batch; returns the number of replies to it.
    pub(crate) fn pack(&self, out: &mut Vec<u8>, batch: &Outgoing) -> usize {
        self.record.batch(batch.len());
        match &self.kind {
            OutletKind::Simple(_) if !batch.has_keys() => {
                command::pack_adds(out, self.keys.stream(), batch);
                batch.len()
            }
            OutletKind::Simple(once) => {
                command::pack_add_once(out, &self.keys, *once, batch);
                1
            }
            OutletKind::Backup(backup) => {
                command::pack_route(out, backup.routing(&self.keys), batch);
                1
            }
        }
    }

    /// Reads the answers to a batch; `None` if the server doesn't know the script:
    /// nothing was written, and [`execute`](Self::execute) loads it.
    pub(crate) fn receive(
        &self,
        wire: &mut Wire,
        deadline: &mut Deadline,
        batch: &Outgoing,
    ) -> Option<Answers> {
        if !self.needs_script(batch) {
            let ids = command::receive_ids(wire, deadline, batch.len());
            return Some(main_ids(wire, ids));
        }
        let placed = command::receive_placed(wire, deadline, batch.len());
        Some(match placed.transpose()? {
            Ok(placed) => self.answers(wire, placed, Added::from),
            Err(e) => all_fail(batch, &wire.named(e)),
        })
    }

    /// Sends a batch and reads its answers. An error in place of the whole answer is that
    /// of every message.
    pub(crate) fn execute(&self, wire: &mut Wire, batch: &Outgoing) -> Answers {
        let wait = match self.replication.begin(wire) {
            Ok(wait) => wait,
            Err(e) => return all_fail(batch, &e),
        };
        if !self.needs_script(batch) {
            return self.add(wire, batch, wait);
        }
        self.place(wire, batch, wait, Added::from)
    }

    /// As [`execute`](Self::execute), for messages with keys that were sent before, and
    /// may have been written: they are no duplicates of themselves.
    pub(crate) fn execute_again(&self, wire: &mut Wire, batch: &Outgoing) -> Answers {
        let mut answers = match self.replication.begin(wire) {
            Ok(wait) => self.place(wire, batch, wait, Added::after_resend),
            Err(e) => all_fail(batch, &e),
        };
        // Of one key in a batch, only the first message can have been written.
        let mut keys = HashSet::new();
        for (message, answer) in batch.iter().zip(&mut answers) {
            let is_repeat = message.key.is_some_and(|key| !keys.insert(key));
            if let (true, Ok(Added::Main(id) | Added::Backup(id))) = (is_repeat, &answer) {
                *answer = Ok(Added::Duplicate(*id));
            }
        }
        answers
    }

    /// Sends a batch by the script of its kind.
    fn place(
        &self,
        wire: &mut Wire,
        batch: &Outgoing,
        wait: Option<Wait>,
        read: fn(Placed) -> Added,
    ) -> Answers {
        self.record.batch(batch.len());
        let placed = match &self.kind {
            OutletKind::Simple(once) => command::add_once(wire, &self.keys, *once, batch, wait),
            OutletKind::Backup(backup) => {
                command::route(wire, backup.routing(&self.keys), batch, wait)
            }
        };
        match placed {
            Ok((placed, waited)) => waited_for(self.answers(wire, placed, read), &waited),
            Err(e) => all_fail(batch, &wire.named(e)),
        }
    }

    /// Whether a batch needs a script, which the server may have to be given first.
    pub(crate) fn needs_script(&self, batch: &Outgoing) -> bool {
        matches!(self.kind, OutletKind::Backup(_)) || batch.has_keys()
    }

    /// The spooler; `None` if the producer has no spool.
    pub(crate) fn spooler(&self) -> Option<&Spooler> {
        match &self.kind {
            OutletKind::Simple(_) => None,
            OutletKind::Backup(backup) => backup.spooler(),
        }
    }

    /// The path that all messages take in place of a connection, if there is one.
    pub(crate) fn apart(&self) -> Option<Apart<'_>> {
        match &self.recorder {
            Some(recorder) => Some(Apart::Record(recorder)),
            None => self.spooler().map(Apart::Spool),
        }
    }

    /// Adds every message of a batch: to Redis or the spool, or to a record.
    pub(crate) fn send_apart(&self, apart: &Apart<'_>, batch: &Outgoing) -> Answers {
        let answers = match apart {
            Apart::Spool(spooler) => {
                self.record.batch(batch.len());
                spooler.send(batch)
            }
            Apart::Record(recorder) => recorder.answer(batch),
        };
        self.wake_drain(&answers);
        answers
    }

    /// Tells the threads of a backup producer to end.
    pub(crate) fn close(&self) {
        if let OutletKind::Backup(backup) = &self.kind {
            backup.close();
        }
    }

    /// Joins them, once closed. Returns the number of messages that stay in the spool.
    pub(crate) fn join(&self) -> u64 {
        match &self.kind {
            OutletKind::Simple(_) => 0,
            OutletKind::Backup(backup) => backup.join(),
        }
    }

    fn add(&self, wire: &mut Wire, batch: &Outgoing, wait: Option<Wait>) -> Answers {
        let mut packed = Vec::new();
        let mut replies = self.pack(&mut packed, batch);
        replies += Wait::pack(wait, &mut packed);
        if let Err(e) = wire.send(&packed, replies) {
            return all_fail(batch, &e);
        }
        let mut deadline = Deadline::of(wire.response_timeout());
        let ids = command::receive_ids(wire, &mut deadline, batch.len());
        let answers = main_ids(wire, ids);
        waited_for(answers, &Wait::receive(wait, wire, &mut deadline))
    }

    fn answers(
        &self,
        wire: &Wire,
        placed: Vec<Result<Placed>>,
        read: fn(Placed) -> Added,
    ) -> Answers {
        let named = |placed: Result<Placed>| {
            let added = placed.map(|placed| read(placed.in_partition(self.partition)));
            added.map_err(|e| wire.named(e))
        };
        let answers = placed.into_iter().map(named).collect();
        self.wake_drain(&answers);
        answers
    }

    /// Wakes the drain if a message went to the backup stream.
    fn wake_drain(&self, answers: &Answers) {
        if let OutletKind::Backup(backup) = &self.kind
            && answers.iter().any(|a| matches!(a, Ok(Added::Backup(_))))
        {
            backup.wake_drain();
        }
    }
}

/// The answers to plain adds.
fn main_ids(wire: &Wire, ids: Vec<Result<EntryId>>) -> Answers {
    let named = |id: Result<EntryId>| id.map(Added::Main).map_err(|e| wire.named(e));
    ids.into_iter().map(named).collect()
}
