//! The threads that run batch handlers.

use std::error::Error as StdError;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::config::BatchConfig;
use crate::consumer::handler::delivery::Delivery;
use crate::consumer::handler::taken::TakenEntry;
use crate::consumer::handler::verdict::Outcome;
use crate::consumer::handler::{BatchDelivery, BatchHandler};
use crate::consumer::member::secrets::hidden;
use crate::consumer::member::settle::Action;
use crate::consumer::member::stage::Stage;
use crate::consumer::worker::ending::end;
use crate::consumer::worker::gather::gather;
use crate::consumer::worker::work::{Crew, CrewRecord, Work};
use crate::error::one_line;
use crate::message::{OwnedMessage, Schema};
use crate::runtime::{Moment, drop_shielded, panic_text};

/// Runs batches: the interface of a typed batch handler for the threads, which know no
/// types.
trait RunBatch: Send + Sync {
    /// Ends each delivery, except those of a panic.
    fn run(&self, taken: Vec<TakenEntry>, record: &CrewRecord) -> Result<(), Panic>;
}

/// The deliveries that were in a handler when it panicked, and the panic's text.
type Panic = (Vec<TakenEntry>, String);

/// A batch handler with its message type.
pub(crate) struct TypedBatch<M, H> {
    handler: H,
    config: BatchConfig,
    message: PhantomData<fn() -> M>,
}

impl<M, H> TypedBatch<M, H> {
    pub(crate) fn new(handler: H, config: BatchConfig) -> Self {
        Self {
            handler,
            config,
            message: PhantomData,
        }
    }
}

impl<M: OwnedMessage + 'static, H: BatchHandler<M>> Work for TypedBatch<M, H> {
    fn work(&self, crew: &Crew) {
        run(crew, self, &self.config);
    }

    fn batch_size(&self) -> usize {
        self.config.size
    }

    fn schema(&self) -> &'static Schema {
        M::SCHEMA
    }
}

impl<M: OwnedMessage, H: BatchHandler<M>> RunBatch for TypedBatch<M, H> {
    fn run(&self, taken: Vec<TakenEntry>, record: &CrewRecord) -> Result<(), Panic> {
        let started = Instant::now();
        let mut batch = Vec::with_capacity(taken.len());
        let mut running = Vec::with_capacity(taken.len());
        for taken in taken {
            if taken.is_for_another_group() {
                ended(&taken, Outcome::Skipped);
                continue;
            }
            // A decoder may be the user's own, and panic as any handler may.
            match catch_unwind(AssertUnwindSafe(|| taken.decode::<M>())) {
                Ok(Ok(message)) => {
                    record.began(&taken.member, &taken.held, taken.index, started.into());
                    batch.push(BatchDelivery::new(Delivery::new(message, taken.clone())));
                    running.push(taken);
                }
                Ok(Err(e)) => ended(&taken, Outcome::Undecodable(e)),
                Err(panic) => ended(&taken, Outcome::Panicked(panic_text(panic))),
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        let ran = catch_unwind(AssertUnwindSafe(|| self.handler.handle(&batch)));
        let ran_for = started.elapsed();
        record.handled(ran_for);
        // The entries may belong to several members. The handler's time is told once.
        let first = running.first().map(|taken| Arc::clone(&taken.member));
        if let (Ok(count), Some(member)) = (u32::try_from(running.len()), &first) {
            let handler_time = &member.common.buffer.handler_time;
            handler_time.observe(ran_for / count.max(1));
        }
        let ran = ran.and_then(|result| {
            let own =
                AssertUnwindSafe(|| batch.drain(..).map(BatchDelivery::into_failure).collect());
            catch_unwind(own).map(|own: Vec<_>| (result, own))
        });
        // Dropped one by one, and not while a panic unwinds: a drop of the user's own
        // types may panic, too, and would end the process.
        batch.into_iter().for_each(drop_shielded);
        match ran {
            Ok((result, own)) => {
                if result.is_ok()
                    && own.iter().any(Option::is_none)
                    && let Some(member) = &first
                {
                    member.handled(ran_for);
                }
                let all: Option<Arc<dyn StdError + Send + Sync>> = result.err().map(Arc::from);
                let secrets = all.as_ref().map(|_| secrets_of(&running));
                for (taken, own) in running.iter().zip(own) {
                    let secrets = secrets.as_deref().filter(|_| own.is_none());
                    let failure = own.or_else(|| all.clone());
                    let outcome = failure.map_or(Outcome::Done, Outcome::Failed);
                    end(&taken.member, &taken.held, taken.index, outcome, secrets);
                }
                // The error may be the user's own type, whose drop may panic.
                drop_shielded(all);
                Ok(())
            }
            Err(panic) => Err((running, panic_text(panic))),
        }
    }
}

/// Runs batches until the consumer stops.
fn run(crew: &Crew, handler: &dyn RunBatch, config: &BatchConfig) {
    let record = crew.record();
    while let Some(taken) = gather(crew, config) {
        handle(handler, taken, &record);
        crew.common.buffer.pause.leave();
    }
}

fn handle(handler: &dyn RunBatch, taken: Vec<TakenEntry>, record: &CrewRecord) {
    let (taken, lost): (Vec<_>, Vec<_>) = taken.into_iter().partition(TakenEntry::is_held);
    for taken in lost {
        give_back(&taken);
    }
    if let Err((taken, text)) = handler.run(taken, record) {
        find_culprit(handler, taken, text, record);
    }
}

/// Ends the delivery of an entry.
fn ended(taken: &TakenEntry, outcome: Outcome) {
    end(&taken.member, &taken.held, taken.index, outcome, None);
}

/// The values that an error of the whole batch must not repeat.
fn secrets_of(taken: &[TakenEntry]) -> Vec<String> {
    let values = |taken: &TakenEntry| {
        let secrets = taken.member.common.secrets.as_ref();
        secrets.map(|secrets| secrets.values_of(taken.held.fields(taken.index)))
    };
    taken.iter().filter_map(values).flatten().collect()
}

/// Runs the entries of a batch whose handler panicked, one by one. Entries that can't run
/// here any more are given back, and the culprit is found elsewhere.
fn find_culprit(handler: &dyn RunBatch, taken: Vec<TakenEntry>, text: String, record: &CrewRecord) {
    if let [culprit] = &*taken {
        return ended(culprit, Outcome::Panicked(text));
    }
    let shown = hidden(one_line(&text), secrets_of(&taken));
    if let Some(first) = taken.first() {
        log::warn!(
            "a batch handler of `{}` panicked over {} entries, which now run one by one: {shown}",
            first.member.declared_stream(),
            taken.len(),
        );
    }
    for suspect in taken {
        if suspect.member.stop.is_set() || !suspect.is_held() {
            give_back(&suspect);
            continue;
        }
        suspect.held.outputs.take(suspect.index);
        suspect.held.restart(suspect.index, Moment::now());
        if let Err((taken, text)) = handler.run(vec![suspect], record) {
            for culprit in taken {
                ended(&culprit, Outcome::Panicked(text.clone()));
            }
        }
    }
}

/// Gives back an entry that has left the buffer and not run.
fn give_back(taken: &TakenEntry) {
    taken.held.set_stage(taken.index, Stage::Settling);
    taken
        .member
        .settle(&taken.held, taken.index, Action::GiveBack);
}
