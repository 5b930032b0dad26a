//! The path into Redis for messages with numbers of a spool: a message that Redis has
//! already is not added again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::{self, Outgoing, Routing, SpoolMark, SpooledAdd, Wait, Waited};
use crate::config::BackupStreamConfig;
use crate::connection::{Topology, Wire, answer_of};
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::keys::StreamKeys;
use crate::producer::capacity::Capacity;
use crate::producer::replication::Replication;
use crate::producer::spool::{Sequence, Spool, SpoolId};
use crate::producer::unreplicated::too_few;
use crate::schema_book::Types;

/// The longest wait of an add for a connection, before it goes to the spool instead.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The time that the end of a producer may take to remove its mark, which lapses anyway.
const FAREWELL: Duration = Duration::from_millis(500);

/// A producer's path into Redis.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) topology: Arc<Topology>,
    pub(crate) keys: StreamKeys,
    pub(crate) config: BackupStreamConfig,
    capacity: Capacity,
    replication: Replication,
    /// The types of the messages that go here.
    pub(super) types: Arc<Types>,
    /// Whether the spool is registered with Redis, in this life of it.
    met: Mutex<bool>,
}

impl Route {
    pub(crate) fn new(
        topology: Arc<Topology>,
        keys: StreamKeys,
        config: BackupStreamConfig,
        capacity: Capacity,
        types: Arc<Types>,
    ) -> Self {
        Self {
            topology,
            keys,
            replication: Replication::of(&config.stream),
            config,
            capacity,
            types,
            met: Mutex::new(false),
        }
    }

    /// The route to one partition.
    pub(super) fn of_partition(&self, partition: u16, capacity: Capacity) -> Self {
        Self::new(
            Arc::clone(&self.topology),
            self.keys.partition(partition),
            self.config.clone(),
            capacity,
            Arc::clone(&self.types),
        )
    }

    /// The keys of the stem, with the default name of the backup stream.
    pub(super) fn stem(&self) -> StreamKeys {
        self.keys.without_backup()
    }

    /// Sends a batch whose messages have these numbers.
    ///
    /// # Blocking
    ///
    /// Until `deadline`, with a second at most for a connection.
    pub(crate) fn send_by(
        &self,
        deadline: Instant,
        spool: &Spool,
        numbers: &[Sequence],
        batch: &Outgoing,
    ) -> Result<Vec<Result<SpooledAdd>>> {
        self.run_by(deadline, |wire| {
            self.meet(wire, spool, first_of(numbers))?;
            let mut answers = self.send(wire, spool.id(), numbers, batch)?;
            match answers.first() {
                // Nothing was written, and the batch may go elsewhere.
                Some(Err(e)) if answer_of(e).may_go_again() => {
                    answers.swap_remove(0).map(|_| vec![])
                }
                _ => Ok(answers),
            }
        })
    }

    /// As [`meet`](Self::meet), if no send of this life may come before it: those of
    /// other partitions would have another name.
    ///
    /// # Blocking
    ///
    /// As [`send_by`](Self::send_by), the first time.
    pub(crate) fn meet_by(
        &self,
        deadline: Instant,
        spool: &Spool,
        first: Sequence,
    ) -> Result<bool> {
        if self.has_met() {
            return Ok(false);
        }
        self.run_by(deadline, |wire| self.meet(wire, spool, first))
    }

    fn run_by<T>(
        &self,
        deadline: Instant,
        mut operation: impl FnMut(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        let key = self.keys.stream().as_bytes();
        // One second for the type and the connection together.
        let until = deadline.min(Instant::now() + PATIENCE);
        let left = || until.saturating_duration_since(Instant::now());
        self.types.store_first(left)?;
        self.topology.run(key, left(), |wire| {
            wire.answer_by(deadline);
            operation(wire)
        })
    }

    /// Whether the spool is registered.
    pub(super) fn has_met(&self) -> bool {
        *self.met.lock()
    }

    /// Registers the spool, before the first send of this life, and thus learns whether a
    /// copy of it has used its numbers. All numbers below `first` are settled. Returns
    /// whether the spool has taken a new name.
    pub(crate) fn meet(&self, wire: &mut Wire, spool: &Spool, first: Sequence) -> Result<bool> {
        let mut met = self.met.lock();
        if *met {
            return Ok(false);
        }
        // Lives that never met Redis have numbers that it can't know.
        let settled = first.before().min(spool.unmet());
        let mark = self.register(wire, spool.id(), settled)?;
        let is_renamed = spool.meet(&mark)?;
        if is_renamed {
            self.warn_of_copy();
        }
        *met = true;
        Ok(is_renamed)
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

    /// Sends messages under their numbers; if there are fewer answers than messages, the
    /// last is an error. If too few replicas have those that were added, now or before,
    /// the request fails, and may be repeated.
    pub(crate) fn send(
        &self,
        wire: &mut Wire,
        spool: SpoolId,
        numbers: &[Sequence],
        batch: &Outgoing,
    ) -> Result<Vec<Result<SpooledAdd>>> {
        let texts: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        let mark = self.mark(&spool);
        let routing = Routing::new(&self.keys, &self.config, self.capacity.entries());
        let wait = self.replication.begin(wire)?;
        if let Some(sent) = command::route_spooled(wire, routing, mark, &texts, batch, wait)? {
            self.note_overflow(&sent.0);
            return replicated(sent);
        }
        // The mark was flushed, has lapsed, or is that of an earlier version or name.
        self.register(wire, spool, first_of(numbers).before())?;
        let wait = self.replication.begin(wire)?;
        let sent = command::route_spooled(wire, routing, mark, &texts, batch, wait)?;
        sent.map_or_else(
            || {
                let text = "Redis forgets the mark of a spool as soon as it is written";
                Err(Error::new(ErrorKind::Protocol, text))
            },
            |sent| {
                self.note_overflow(&sent.0);
                replicated(sent)
            },
        )
    }

    /// Tells the drain of entries that went to the backup stream of this route.
    fn note_overflow(&self, answers: &[Result<SpooledAdd>]) {
        let in_backup =
            |answer: &Result<SpooledAdd>| matches!(answer, Ok(SpooledAdd::Now(p)) if p.in_backup);
        if answers.iter().any(in_backup) {
            self.capacity.note_overflow();
        }
    }

    /// Whether Redis has the message with this number, below which all are settled. Fails
    /// if Redis has it, but too few replicas do.
    pub(crate) fn has(&self, wire: &mut Wire, spool: SpoolId, number: Sequence) -> Result<bool> {
        let wait = self.replication.begin(wire)?;
        let mark = self.register(wire, spool, number.before())?;
        if mark < number.to_string() {
            return Ok(false);
        }
        // The mark was written again, so that there is something to wait for.
        Wait::run(wait, wire).map_err(|lack| too_few(&lack))?;
        Ok(true)
    }

    /// Removes the mark of an empty spool that sends no more. If that fails, it lapses.
    /// Returns whether the server could be asked, if there was anything to ask.
    ///
    /// # Blocking
    ///
    /// About half a second at most.
    pub(crate) fn forget(&self, spool: &Spool) -> bool {
        if !*self.met.lock() {
            return true;
        }
        let deadline = Instant::now() + FAREWELL;
        let key = self.keys.stream().as_bytes();
        let forgotten = self.topology.pooled(key, FAREWELL).and_then(|mut wire| {
            wire.answer_by(deadline);
            let last = spool.last().to_string();
            command::forget_spool(&mut wire, &self.keys, spool.id().as_str(), &last)
        });
        if let Err(e) = &forgotten {
            log::debug!(
                "removing the mark of the empty spool of `{}` failed; it will lapse: {}",
                self.keys.stream(),
                with_causes(e)
            );
        }
        forgotten.is_ok()
    }

    /// Returns the former mark.
    fn register(&self, wire: &mut Wire, spool: SpoolId, settled: Sequence) -> Result<String> {
        let settled = settled.to_string();
        command::register_spool(wire, &self.keys, self.mark(&spool), &settled)
    }

    fn mark<'s>(&self, spool: &'s SpoolId) -> SpoolMark<'s> {
        SpoolMark {
            spool: spool.as_str(),
            memory: self.config.spool.memory,
        }
    }
}

fn first_of(numbers: &[Sequence]) -> Sequence {
    numbers.first().copied().unwrap_or(Sequence::ZERO)
}

/// The answers to a request, unless too few replicas have its messages.
fn replicated(sent: (Vec<Result<SpooledAdd>>, Waited)) -> Result<Vec<Result<SpooledAdd>>> {
    match sent {
        (answers, Err(lack)) if answers.iter().any(Result::is_ok) => Err(too_few(&lack)),
        (answers, _) => Ok(answers),
    }
}
