//! Batches of one producer, several under way at a time, in order.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::command::{Outgoing, Wait};
use crate::connection::{Deadline, PooledWire, Topology, answer_of};
use crate::error::{Error, ErrorKind, Result};
use crate::producer::added::{Answers, all_fail};
use crate::producer::transport::again::{
    are_too_large_together, is_refused, open_messages, send_again,
};
use crate::producer::transport::outlet::Outlet;
use crate::producer::unreplicated::waited_for;
use crate::schema_book::Types;

/// Batches under way at a time: while the server works on one, the next is made, and the
/// answers to the one before are read.
const MOST_UNDER_WAY: usize = 3;

/// If the next batch takes this long to make, the answers to those before have come, and
/// the connection may have been closed since.
const REST: Duration = Duration::from_millis(10);

/// The path of one producer's batches to its node.
pub(crate) struct BatchRoute<'l, B> {
    pub(crate) topology: &'l Topology,
    pub(crate) outlet: &'l Outlet,
    /// How long a batch may take.
    pub(crate) wait: &'l dyn Fn(&B) -> Duration,
    /// Fails once no more may be sent.
    pub(crate) ensure_open: &'l dyn Fn() -> Result<()>,
    /// The types of the messages.
    pub(crate) types: &'l Types,
}

/// A batch on its way.
pub(crate) struct Sent<B> {
    pub(crate) batch: B,
    /// The time by which it is to be answered.
    pub(crate) deadline: Instant,
    /// The `WAIT` behind it.
    wait: Option<Wait>,
}

/// Sends `batches` one behind the other, and passes each with its answers to `done`, in
/// order. If the connection fails, those under way get its error, and the next go over
/// another one. Messages that were refused, and not written, go again, unless something
/// behind them was written. While batches are under way, `batches` is asked again even
/// after it had none.
///
/// # Blocking
///
/// Until there are no more, and all are answered.
pub(crate) fn send<B: Borrow<Outgoing>>(
    route: &BatchRoute<'_, B>,
    mut batches: impl Iterator<Item = B>,
    mut done: impl FnMut(Sent<B>, Answers),
) {
    let mut pipeline = Pipeline {
        route,
        wire: None,
        packed: Vec::new(),
        sent: VecDeque::new(),
        script_known: false,
        used: Instant::now(),
        most_under_way: route.outlet.replication.most_under_way(MOST_UNDER_WAY),
    };
    loop {
        if pipeline.sent.len() < pipeline.depth()
            && let Some(batch) = batches.next()
        {
            pipeline.send(batch, &mut done);
        } else if !pipeline.receive(&mut done) {
            return;
        }
    }
}

struct Pipeline<'p, B> {
    route: &'p BatchRoute<'p, B>,
    wire: Option<PooledWire>,
    packed: Vec<u8>,
    sent: VecDeque<Sent<B>>,
    /// Whether this connection's server has run the script.
    script_known: bool,
    /// When a batch was last sent.
    used: Instant,
    most_under_way: usize,
}

impl<B: Borrow<Outgoing>> Pipeline<'_, B> {
    /// A batch whose script may be unknown is not followed by another, which could
    /// overtake it; nor is one with idempotency keys, which goes again if its outcome is
    /// unknown.
    fn depth(&self) -> usize {
        let script = |sent: &Sent<B>| self.route.outlet.needs_script(sent.batch.borrow());
        let keys = |sent: &Sent<B>| sent.batch.borrow().has_keys();
        if !self.script_known && self.sent.iter().any(script) || self.sent.iter().any(keys) {
            1
        } else {
            self.most_under_way
        }
    }

    fn send(&mut self, batch: B, done: &mut impl FnMut(Sent<B>, Answers)) {
        let now = Instant::now();
        let has_rested = now.saturating_duration_since(self.used) >= REST;
        self.used = now;
        let deadline = now + (self.route.wait)(&batch);
        let mut batch = Sent {
            batch,
            deadline,
            wait: None,
        };
        self.packed.clear();
        let replies = if batch.batch.borrow().is_empty() {
            0
        } else {
            let outlet = self.route.outlet;
            outlet.pack(&mut self.packed, batch.batch.borrow())
        };
        // Messages refused meanwhile go first, and take the connection along. A replaced
        // server gets no more.
        let is_over = |wire: &PooledWire| wire.is_broken() || wire.is_outdated();
        let has_new_type = self.route.types.are_due();
        if has_rested || has_new_type || self.wire.as_ref().is_some_and(is_over) {
            while self.receive(done) {}
        }
        let stored = if has_new_type {
            // Its place in the pool may be needed.
            self.wire = None;
            self.route.types.store_first(|| batch.left())
        } else {
            Ok(())
        };
        let used = self.wire.is_some();
        let mut sent = stored.and_then(|()| self.write(&mut batch, replies));
        if sent.is_err() {
            while self.receive(done) {}
        }
        // A connection that was closed between two batches is like one that was closed in
        // the pool: not a byte has gone out.
        if used && matches!(&sent, Err(e) if answer_of(e).may_go_again()) {
            self.wire = None;
            sent = self.write(&mut batch, replies);
        }
        match sent {
            Ok(()) => self.sent.push_back(batch),
            Err(e) => {
                let answers = all_fail(batch.batch.borrow(), &e);
                done(batch, answers);
            }
        }
    }

    fn write(&mut self, batch: &mut Sent<B>, replies: usize) -> Result<()> {
        if replies == 0 {
            return Ok(());
        }
        (self.route.ensure_open)()?;
        // With nothing under way, the connection may have been closed.
        let rested = self.sent.is_empty();
        let wire = match &mut self.wire {
            Some(wire)
                if !(wire.is_broken() || rested && (wire.is_stale() || wire.is_outdated())) =>
            {
                wire
            }
            gone => {
                self.script_known = false;
                // Its place in the pool is freed before another is asked for.
                if let Some(mut wire) = gone.take() {
                    wire.abandon("it was closed between two batches");
                }
                let stream = self.route.outlet.keys.stream();
                let left = batch.left();
                gone.insert(self.route.topology.pooled(stream.as_bytes(), left)?)
            }
        };
        wire.answer_by(batch.deadline);
        batch.wait = self.route.outlet.replication.begin(wire)?;
        let packed = self.packed.len();
        let more = Wait::pack(batch.wait, &mut self.packed);
        let sent = wire.send(&self.packed, replies + more);
        self.packed.truncate(packed);
        sent
    }

    /// Reads the answers to the batch that is due next; false if there is none.
    fn receive(&mut self, done: &mut impl FnMut(Sent<B>, Answers)) -> bool {
        let Some(batch) = self.sent.pop_front() else {
            return false;
        };
        match self.answers(&batch) {
            Some(answers) if !self.goes_again(batch.batch.borrow(), &answers) => {
                done(batch, answers);
            }
            answers => self.send_again(batch, answers, done),
        }
        true
    }

    fn answers(&mut self, sent: &Sent<B>) -> Option<Answers> {
        let batch = sent.batch.borrow();
        let Some(wire) = self.wire.as_mut().filter(|_| !batch.is_empty()) else {
            return Some(Vec::new());
        };
        wire.answer_by(sent.deadline);
        let mut deadline = Deadline::of(wire.response_timeout());
        let answers = self.route.outlet.receive(wire, &mut deadline, batch);
        let waited = Wait::receive(sent.wait, wire, &mut deadline);
        let answers = answers?;
        if self.route.outlet.needs_script(batch) {
            self.script_known = answers.iter().all(Result::is_ok);
        }
        Some(waited_for(answers, &waited))
    }

    fn goes_again(&self, batch: &Outgoing, answers: &Answers) -> bool {
        answers.iter().any(is_refused)
            || self.route.outlet.needs_script(batch) && are_too_large_together(answers)
    }

    /// A batch wasn't run, or not all of it: the server has forgotten the script, or
    /// refuses for now. All messages that were not written are sent again, unless one
    /// behind them was: a message that would be overtaken fails instead.
    fn send_again(
        &mut self,
        batch: Sent<B>,
        answers: Option<Answers>,
        done: &mut impl FnMut(Sent<B>, Answers),
    ) {
        let mut tried = vec![(batch, answers)];
        while let Some(batch) = self.sent.pop_front() {
            let answers = self.answers(&batch);
            tried.push((batch, answers));
        }
        // Its place in the pool is needed.
        self.wire = None;
        self.script_known = false;
        let BatchRoute {
            topology, outlet, ..
        } = *self.route;
        let mut overtaken = false;
        let mut all = Vec::with_capacity(tried.len());
        for (batch, answers) in tried.into_iter().rev() {
            let messages = batch.batch.borrow();
            let (answers, open) = match answers {
                Some(answers) => {
                    let open = open_messages(outlet, messages, &answers, &mut overtaken);
                    (answers, open)
                }
                None if overtaken => (all_fail(messages, &forgotten()), Vec::new()),
                None => {
                    let every = (0..messages.len()).collect();
                    (all_fail(messages, &forgotten()), every)
                }
            };
            all.push((batch, answers, open));
        }
        for (batch, mut answers, open) in all.into_iter().rev() {
            if !open.is_empty() && (self.route.ensure_open)().is_ok() {
                let messages = batch.batch.borrow();
                send_again(
                    topology,
                    outlet,
                    messages,
                    &mut answers,
                    open,
                    batch.deadline,
                );
            }
            done(batch, answers);
        }
    }
}

impl<B> Sent<B> {
    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

fn forgotten() -> Error {
    Error::new(
        ErrorKind::Refused,
        "Redis has forgotten the script (SCRIPT FLUSH?) while messages behind this one were added; \
         it was not written, so that it comes behind them only if you add it again",
    )
}
