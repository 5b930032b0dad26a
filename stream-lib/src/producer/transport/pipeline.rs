//! Batches of one producer, several on their way at a time, in order.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::time::Duration;

use crate::command::Outgoing;
use crate::connection::{Deadline, PooledWire, Topology};
use crate::error::{Error, ErrorKind, Result};
use crate::producer::added::{Answers, all_fail};
use crate::producer::transport::outlet::Outlet;

/// Batches under way at a time: while the server works on one, the next is
/// made, and the answers to the one before are read.
const MOST_UNDER_WAY: usize = 3;

/// The way of one producer's batches to its node.
pub(crate) struct BatchRoute<'l, B> {
    pub(crate) topology: &'l Topology,
    pub(crate) outlet: &'l Outlet,
    /// How long a batch waits for a connection.
    pub(crate) wait: &'l dyn Fn(&B) -> Duration,
    /// Fails once nothing may be sent any more.
    pub(crate) ensure_open: &'l dyn Fn() -> Result<()>,
}

/// Sends `batches` one behind the other, and gives each with its answers to
/// `done`, in order. Where the connection fails, those under way get its error,
/// and the next go over another one. While batches are under way, it asks for
/// more even where there was none.
///
/// # Blocking
///
/// Until there are no more, and all are answered.
pub(crate) fn send<B: Borrow<Outgoing>>(
    route: &BatchRoute<'_, B>,
    mut batches: impl Iterator<Item = B>,
    mut done: impl FnMut(B, Answers),
) {
    let mut pipeline = Pipeline {
        route,
        wire: None,
        packed: Vec::new(),
        sent: VecDeque::new(),
        script_known: false,
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
    sent: VecDeque<B>,
    /// Whether this connection's server has run our script.
    script_known: bool,
}

impl<B: Borrow<Outgoing>> Pipeline<'_, B> {
    /// A batch whose script may be unknown is not followed by another, which
    /// could overtake it.
    fn depth(&self) -> usize {
        let script = |batch: &B| self.route.outlet.needs_script(batch.borrow());
        if !self.script_known && self.sent.iter().any(script) {
            1
        } else {
            MOST_UNDER_WAY
        }
    }

    fn send(&mut self, batch: B, done: &mut impl FnMut(B, Answers)) {
        self.packed.clear();
        let replies = if batch.borrow().is_empty() {
            0
        } else {
            let outlet = self.route.outlet;
            outlet.pack(&mut self.packed, batch.borrow())
        };
        if self.wire.as_ref().is_some_and(|wire| wire.is_broken()) {
            while self.receive(done) {}
        }
        let used = self.wire.is_some();
        let mut sent = self.write(&batch, replies);
        if sent.is_err() {
            while self.receive(done) {}
        }
        // A connection that was closed between two batches is like one that
        // was closed in the pool: not a byte has gone out.
        if used && matches!(&sent, Err(e) if e.kind() == ErrorKind::Unavailable) {
            sent = self.write(&batch, replies);
        }
        match sent {
            Ok(()) => self.sent.push_back(batch),
            Err(e) => {
                let answers = all_fail(batch.borrow(), &e);
                done(batch, answers);
            }
        }
    }

    fn write(&mut self, batch: &B, replies: usize) -> Result<()> {
        if replies == 0 {
            return Ok(());
        }
        (self.route.ensure_open)()?;
        let wire = match &mut self.wire {
            Some(wire) if !wire.is_broken() => wire,
            gone => {
                self.script_known = false;
                // The place in the pool is free before another is asked for.
                *gone = None;
                let stream = self.route.outlet.keys.stream();
                let node = self.route.topology.node_for(stream.as_bytes());
                gone.insert(node.pooled((self.route.wait)(batch))?)
            }
        };
        wire.send(&self.packed, replies)
    }

    /// Reads the answers to the batch that is due next; false where there is
    /// none.
    fn receive(&mut self, done: &mut impl FnMut(B, Answers)) -> bool {
        let Some(batch) = self.sent.pop_front() else {
            return false;
        };
        match self.answers(batch.borrow()) {
            Some(answers) => done(batch, answers),
            None => self.give_script(batch, done),
        }
        true
    }

    fn answers(&mut self, batch: &Outgoing) -> Option<Answers> {
        let Some(wire) = self.wire.as_mut().filter(|_| !batch.is_empty()) else {
            return Some(Vec::new());
        };
        let mut deadline = Deadline::of(wire.response_timeout());
        let answers = self.route.outlet.receive(wire, &mut deadline, batch)?;
        if self.route.outlet.needs_script(batch) {
            self.script_known = answers.iter().all(Result::is_ok);
        }
        Some(answers)
    }

    /// The server has forgotten our script. All batches that it didn't run are
    /// sent again, unless one behind them was run: a batch that would be
    /// overtaken fails instead.
    fn give_script(&mut self, batch: B, done: &mut impl FnMut(B, Answers)) {
        let mut open = vec![(batch, None)];
        while let Some(batch) = self.sent.pop_front() {
            let answers = self.answers(batch.borrow());
            open.push((batch, answers));
        }
        let run = |answers: &Option<Answers>| {
            let answers = answers.as_ref();
            answers.is_some_and(|answers| answers.iter().any(Result::is_ok))
        };
        let overtaken = open.iter().any(|(_, answers)| run(answers));
        for (batch, answers) in open {
            let answers = match (answers, &mut self.wire) {
                (Some(answers), _) => answers,
                (None, Some(wire)) if !overtaken => self.route.outlet.execute(wire, batch.borrow()),
                (None, _) => all_fail(batch.borrow(), &forgotten()),
            };
            done(batch, answers);
        }
    }
}

fn forgotten() -> Error {
    Error::new(
        ErrorKind::Refused,
        "Redis has forgotten the script (SCRIPT FLUSH?) while messages behind this one were added; \
         it was not written, so that it comes behind them only if you add it again",
    )
}
