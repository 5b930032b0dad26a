//! The common part of all producers: it encodes messages into batches, and sends them one
//! by one, many at once, or through the outbox.

use std::borrow::Borrow;
use std::cell::Cell;
use std::iter;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::{Envelope, Extras, Once, Outgoing};
use crate::config::{BackupStreamConfig, StreamConfig};
use crate::error::{Error, Result, Shown};
use crate::keys::StreamKeys;
use crate::message::{Schema, StreamMessage};
use crate::metrics::{ProducerMetrics, ProducerRecord};
use crate::partition::Partitions;
use crate::producer::added::{Added, fate_of, no_answer};
use crate::producer::backup::Backup;
use crate::producer::later::{Plan, Scheduler};
use crate::producer::outbox::{FlushReport, Outbox, Receipt};
use crate::producer::recording::Recorder;
use crate::producer::replication::Replication;
use crate::producer::spooled::Spooler;
use crate::producer::transport::{Coalescer, Dispatch, Outlet, OutletKind, Outlets};
use crate::runtime::{Alarm, Origin};
use crate::schema_book::{SchemaBook, Types};
use crate::split::{Splits, WantedSplit};

/// The most bytes that a thread keeps for the messages it sends.
const LARGEST_SCRATCH: usize = 64 << 10;

/// A batch of this size gets no further messages: on a slow link it would take longer
/// than its time.
const MOST_BYTES: usize = 1 << 20;

thread_local! {
    /// The buffer in which messages are encoded on their way into an outbox. Encoding
    /// takes it out, since encoding a message may send another one.
    static SCRATCH: Cell<Outgoing> = const { Cell::new(Outgoing::new()) };
}

/// A producer of any kind, as managers and handles share it.
#[derive(Debug)]
pub(crate) struct ProducerCore {
    coalescer: Arc<Coalescer>,
    dispatch: Arc<Dispatch>,
    config: StreamConfig,
    /// Made with the first [`send`](Self::send).
    outbox: OnceLock<Outbox>,
    making_outbox: Mutex<()>,
    /// Rung for scheduled messages; set by its manager.
    alarm: OnceLock<Alarm>,
    origin: Origin,
}

impl ProducerCore {
    pub(crate) fn simple(
        coalescer: &Arc<Coalescer>,
        splits: &Splits,
        book: &Arc<SchemaBook>,
        config: StreamConfig,
    ) -> Result<Self> {
        let outlet = simple_outlet(&config, None)?;
        let split = WantedSplit::new(splits.of(&outlet.keys), wanted(&config)?);
        let types = Types::new(outlet.keys.clone(), Some(Arc::clone(book)));
        let outlets = Outlets::new(outlet, Some(split), None);
        Ok(Self::new(coalescer, config, outlets, Arc::new(types)))
    }

    /// A simple producer whose messages go to a recorder, and not to Redis.
    #[cfg(feature = "test-util")]
    pub(crate) fn recorded(
        coalescer: &Arc<Coalescer>,
        config: StreamConfig,
        recorder: Arc<Recorder>,
    ) -> Result<Self> {
        let outlet = simple_outlet(&config, Some(recorder))?;
        let types = Types::new(outlet.keys.clone(), None);
        let outlets = Outlets::new(outlet, None, None);
        Ok(Self::new(coalescer, config, outlets, Arc::new(types)))
    }

    /// Makes a backup producer, and starts to drain.
    pub(crate) fn backup(
        coalescer: &Arc<Coalescer>,
        splits: &Splits,
        book: &Arc<SchemaBook>,
        config: BackupStreamConfig,
    ) -> Result<Self> {
        let stream = config.stream.clone();
        config.validate().map_err(|e| in_config(e, &stream))?;
        let stem = StreamKeys::new(&stream.name)?;
        let mut keys = stem.clone();
        if let Some(backup) = &config.backup_stream {
            keys = keys
                .with_backup(backup)
                .map_err(|e| in_config(e, &stream))?;
        }
        let named = config.backup_stream.clone();
        let named = named.filter(|name| *name != StreamKeys::backup(&stem));
        let split = WantedSplit::new(splits.of(&stem), wanted(&stream)?);
        let record = Arc::<ProducerRecord>::default();
        let types = Arc::new(Types::new(keys.clone(), Some(Arc::clone(book))));
        let backup = Backup::new(coalescer.topology(), &keys, &split, &types, config, &record)?;
        let kind = OutletKind::Backup(Box::new(backup));
        let outlet = Outlet {
            keys,
            partition: None,
            kind,
            recorder: None,
            replication: Replication::of(&stream),
            record,
        };
        let outlets = Outlets::new(outlet, Some(split), named);
        Ok(Self::new(coalescer, stream, outlets, types))
    }

    fn new(
        coalescer: &Arc<Coalescer>,
        config: StreamConfig,
        outlets: Outlets,
        types: Arc<Types>,
    ) -> Self {
        let topology = Arc::clone(coalescer.topology());
        let dispatch = Dispatch::new(topology, outlets, types, config.send_timeout);
        Self {
            coalescer: Arc::clone(coalescer),
            dispatch: Arc::new(dispatch),
            config,
            outbox: OnceLock::new(),
            making_outbox: Mutex::new(()),
            alarm: OnceLock::new(),
            origin: Origin::here(),
        }
    }

    pub(crate) fn stream(&self) -> &str {
        self.dispatch.outlet().keys.stream()
    }

    pub(crate) fn keys(&self) -> &StreamKeys {
        &self.dispatch.outlet().keys
    }

    /// Stores the configured number of partitions with the stream at the next lookup.
    pub(crate) fn wish_partitions(&self) {
        self.dispatch.outlets().wish_partitions();
    }

    pub(crate) fn is_backup(&self) -> bool {
        matches!(self.dispatch.outlet().kind, OutletKind::Backup(_))
    }

    pub(crate) fn add<M: StreamMessage + ?Sized>(
        &self,
        message: &M,
        extras: &Extras<'_>,
    ) -> Result<Added> {
        self.ensure_here()?;
        let mut batch = Outgoing::default();
        let began = Instant::now();
        let added = batch
            .push(message, extras)
            .and_then(|()| self.add_one(batch, began));
        self.record_answer(&added, began);
        added.map_err(|e| self.dispatch.describe(e))
    }

    /// Sets the alarm that is rung for scheduled messages.
    pub(crate) fn set_alarm(&self, alarm: Alarm) {
        // It is set once, when the producer is registered.
        let _ = self.alarm.set(alarm);
    }

    /// Notes a type that it adds.
    pub(crate) fn note(&self, schema: &'static Schema) {
        if self.origin.is_here() {
            self.dispatch.types().note(schema);
        }
    }

    /// The length that its backup stream may have, if it is bounded.
    pub(crate) fn max_backup(&self) -> Option<u64> {
        match &self.dispatch.outlet().kind {
            OutletKind::Backup(backup) => backup.max_length(),
            OutletKind::Simple(_) => None,
        }
    }

    /// Schedules a message, to be added when it is due.
    pub(crate) fn schedule<M: StreamMessage + ?Sized>(
        &self,
        message: &M,
        extras: &Extras<'_>,
        plan: &Plan<'_>,
    ) -> Result<Added> {
        let describe = |e: Error| e.while_doing(format_args!("scheduling for `{}`", self.stream()));
        self.origin.ensure_here().map_err(describe)?;
        let mut batch = Outgoing::default();
        let began = Instant::now();
        let scheduled = batch.push(message, extras).and_then(|()| {
            self.dispatch.ensure_open()?;
            let scheduler = Scheduler {
                topology: self.coalescer.topology(),
                dispatch: &self.dispatch,
                once: Once::of(&self.config),
                send_timeout: self.config.send_timeout,
                alarm: self.alarm.get(),
            };
            scheduler.schedule(&batch, plan)
        });
        self.record_answer(&scheduled, began);
        scheduled.map_err(describe)
    }

    pub(crate) fn add_all<'m, M, I>(&self, messages: I) -> Vec<Result<Added>>
    where
        M: StreamMessage + ?Sized + 'm,
        I: IntoIterator,
        I::Item: Into<Envelope<'m, M>>,
    {
        let mut messages = messages.into_iter().fuse();
        if let Err(e) = self.ensure_here() {
            return messages.map(|_| Err(e.clone())).collect();
        }
        self.after_sends();
        let mut results = Vec::with_capacity(messages.size_hint().0);
        let batches = iter::from_fn(|| {
            let mut batch = Outgoing::default();
            let began = Instant::now();
            let mut encoded = Vec::new();
            while encoded.len() < self.config.batch_size
                && batch.bytes() < MOST_BYTES
                && let Some(message) = messages.next()
            {
                let envelope: Envelope<'_, M> = message.into();
                encoded.push(batch.push(envelope.message(), envelope.extras()));
            }
            (!encoded.is_empty()).then_some(Pushed {
                batch,
                encoded,
                began,
            })
        });
        self.dispatch
            .send(batches, |Pushed { encoded, began, .. }, answers| {
                let mut answers = answers.into_iter();
                let first = results.len();
                // A message that couldn't be encoded has its own error for an answer.
                results.extend(encoded.into_iter().map(|encoded| {
                    let answer = encoded.and_then(|()| answers.next().unwrap_or_else(no_answer));
                    answer.map_err(|e| self.dispatch.describe(e))
                }));
                let news = results.iter().skip(first).map(fate_of);
                self.record().answered(news, began.elapsed());
            });
        results
    }

    /// Its spooler; `None` if it has no spool.
    #[cfg_attr(
        not(feature = "spool"),
        expect(dead_code, reason = "only spools are looked into")
    )]
    pub(crate) fn spooler(&self) -> Option<&Spooler> {
        self.dispatch.outlet().spooler()
    }

    /// Queues a message, for the thread of the producer's outbox to send.
    pub(crate) fn send<M: StreamMessage + ?Sized>(
        &self,
        message: &M,
        extras: &Extras<'_>,
    ) -> Result<Receipt> {
        let mut batch = SCRATCH.take();
        batch.clear();
        let pushed = self
            .origin
            .ensure_here()
            .and_then(|()| batch.push(message, extras));
        let sent = pushed.and_then(|()| self.outbox()?.send(&batch));
        if batch.bytes() <= LARGEST_SCRATCH {
            SCRATCH.set(batch);
        }
        sent.map_err(|e| self.dispatch.describe(e))
    }

    /// Waits until all messages sent so far are answered, and reports.
    pub(crate) fn flush(&self, timeout: Duration) -> FlushReport {
        if let Err(e) = self.ensure_here() {
            return FlushReport::impossible(e);
        }
        match self.outbox.get() {
            Some(outbox) => outbox.flush(timeout),
            None => FlushReport::default(),
        }
    }

    /// Makes every further add fail with `Closed`, and tells the threads to
    /// end.
    pub(crate) fn close(&self) {
        if !self.origin.is_here() {
            return;
        }
        // None is made after this.
        let _making = self.making_outbox.lock();
        self.dispatch.close();
        match self.outbox.get() {
            // It sends the messages it holds first.
            Some(outbox) => outbox.close(),
            None => self.dispatch.outlet().close(),
        }
    }

    /// Joins the threads of a closed producer. From one of the library's own threads it
    /// doesn't wait. Returns the number of messages that stay in its spool.
    pub(crate) fn join(&self) -> u64 {
        if !self.origin.is_here() {
            return 0;
        }
        if let Some(outbox) = self.outbox.get() {
            outbox.join();
        }
        let outlet = self.dispatch.outlet();
        outlet.close();
        outlet.join()
    }

    /// Fails in a forked child.
    fn ensure_here(&self) -> Result<()> {
        let ensured = self.origin.ensure_here();
        ensured.map_err(|e| self.dispatch.describe(e))
    }

    fn outbox(&self) -> Result<&Outbox> {
        if let Some(outbox) = self.outbox.get() {
            return Ok(outbox);
        }
        let _making = self.making_outbox.lock();
        self.dispatch.ensure_open()?;
        if let Some(outbox) = self.outbox.get() {
            return Ok(outbox);
        }
        let made = Outbox::start(Arc::clone(&self.dispatch), &self.config)?;
        Ok(self.outbox.get_or_init(|| made))
    }

    /// Waits for the messages in the outbox, so that they go first.
    ///
    /// Returns whether there may have been some.
    fn after_sends(&self) -> bool {
        let outbox = self.outbox.get();
        outbox.inspect(|outbox| outbox.wait_until_empty()).is_some()
    }

    fn record(&self) -> &ProducerRecord {
        &self.dispatch.outlet().record
    }

    /// Records the fate of one message.
    fn record_answer(&self, answer: &Result<Added>, began: Instant) {
        self.record().answered([fate_of(answer)], began.elapsed());
    }

    /// Its counts since it was created.
    pub(crate) fn metrics(&self, name: Option<&str>) -> ProducerMetrics {
        let outlet = self.dispatch.outlet();
        ProducerMetrics {
            name: name.map(str::to_owned),
            stream: self.stream().to_owned(),
            is_backup: self.is_backup(),
            waiting: self.outbox.get().map_or(0, Outbox::waiting),
            in_spool: outlet.spooler().map_or(0, Spooler::waiting),
            ..outlet.record.snapshot()
        }
    }

    fn add_one(&self, batch: Outgoing, began: Instant) -> Result<Added> {
        let has_waited = self.after_sends();
        self.dispatch.ensure_open()?;
        let outlet = self.dispatch.outlet();
        if let Some(apart) = outlet.apart() {
            let mut answers = outlet.send_apart(&apart, &batch);
            return answers.pop().unwrap_or_else(no_answer);
        }
        let deadline = if has_waited { Instant::now() } else { began } + self.config.send_timeout;
        let types = self.dispatch.types();
        types.store_first(|| deadline.saturating_duration_since(Instant::now()))?;
        let outlets = self.dispatch.outlets();
        let part;
        let outlet = if outlets.is_whole() {
            outlet
        } else {
            part = outlets.one_by(&batch, deadline)?;
            &part
        };
        // A message with a key may have to be sent again.
        let kept = batch.has_keys().then(|| batch.clone());
        let mut answer = [self.coalescer.add(outlet, batch, deadline)];
        if let Some(batch) = kept {
            self.dispatch.settle(outlet, &batch, &mut answer, deadline);
        }
        let [answer] = answer;
        answer
    }
}

/// A batch, and whether each message could be encoded into it.
struct Pushed {
    batch: Outgoing,
    encoded: Vec<Result<()>>,
    began: Instant,
}

impl Borrow<Outgoing> for Pushed {
    fn borrow(&self) -> &Outgoing {
        &self.batch
    }
}

fn simple_outlet(config: &StreamConfig, recorder: Option<Arc<Recorder>>) -> Result<Outlet> {
    config.validate().map_err(|e| in_config(e, config))?;
    Ok(Outlet {
        keys: StreamKeys::new(&config.name)?,
        partition: None,
        kind: OutletKind::Simple(Once::of(config)),
        recorder,
        replication: Replication::of(config),
        record: Arc::default(),
    })
}

fn wanted(config: &StreamConfig) -> Result<Option<Partitions>> {
    let wanted = config.partitions.map(Partitions::new).transpose();
    wanted.map_err(|e| in_config(e, config))
}

fn in_config(error: Error, config: &StreamConfig) -> Error {
    error.while_doing(format_args!(
        "configuration of a producer of `{}`",
        Shown(&config.name)
    ))
}
