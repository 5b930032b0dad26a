//! Batches of one producer on their way to Redis. Messages whose outcome is
//! unknown are sent again here, where a key makes that safe.

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::Outgoing;
use crate::connection::Topology;
use crate::error::{Error, ErrorKind, Result};
use crate::producer::added::{Added, Answers, all_fail, closed};
use crate::producer::transport::outlet::Outlet;
use crate::producer::transport::pipeline::{self, BatchRoute};
use crate::producer::unreplicated::NotReplicated;
use crate::runtime::{Backoff, Shutdown};

/// The way of a producer's batches, until it is closed.
#[derive(Debug)]
pub(crate) struct Dispatch {
    topology: Arc<Topology>,
    outlet: Arc<Outlet>,
    /// How long a batch may take.
    wait: Duration,
    closed: Shutdown,
}

impl Dispatch {
    pub(crate) fn new(topology: Arc<Topology>, outlet: Outlet, wait: Duration) -> Self {
        Self {
            topology,
            outlet: Arc::new(outlet),
            wait,
            closed: Shutdown::default(),
        }
    }

    pub(crate) fn outlet(&self) -> &Arc<Outlet> {
        &self.outlet
    }

    pub(crate) fn stream(&self) -> &str {
        self.outlet.keys.stream()
    }

    /// Ends all adds but those of the outbox.
    pub(crate) fn close(&self) {
        self.closed.set();
    }

    /// Fails once the producer is closed.
    pub(crate) fn ensure_open(&self) -> Result<()> {
        if self.closed.is_set() {
            return Err(closed());
        }
        Ok(())
    }

    /// Sends batches in order, and gives each with its answers to `done`.
    pub(crate) fn send<B: Borrow<Outgoing>>(
        &self,
        batches: impl Iterator<Item = B>,
        done: impl FnMut(B, Answers),
    ) {
        self.send_while(&|| self.ensure_open(), &|_| self.wait, batches, done);
    }

    /// As [`send`](Self::send), until `ensure_open` fails. Each batch has its own
    /// time.
    pub(crate) fn send_while<B: Borrow<Outgoing>>(
        &self,
        ensure_open: &dyn Fn() -> Result<()>,
        wait: &dyn Fn(&B) -> Duration,
        batches: impl Iterator<Item = B>,
        mut done: impl FnMut(B, Answers),
    ) {
        if let Some(apart) = self.outlet.apart() {
            for batch in batches {
                let answers = match ensure_open() {
                    Ok(()) => self.outlet.send_apart(&apart, batch.borrow()),
                    Err(e) => all_fail(batch.borrow(), &e),
                };
                done(batch, answers);
            }
            return;
        }
        let route = BatchRoute {
            topology: &self.topology,
            outlet: &self.outlet,
            wait,
            ensure_open,
        };
        pipeline::send(&route, batches, |sent, mut answers| {
            self.settle(sent.batch.borrow(), &mut answers, sent.deadline);
            done(sent.batch, answers);
        });
    }

    /// Sends messages with an idempotency key whose outcome is unknown again,
    /// until `deadline`, and so those of which the connection was lost before replicas
    /// had confirmed them.
    pub(crate) fn settle(
        &self,
        batch: &Outgoing,
        answers: &mut [Result<Added>],
        deadline: Instant,
    ) {
        if !batch.has_keys() || !answers.iter().any(is_open) {
            return;
        }
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(500));
        loop {
            let mut again = Outgoing::default();
            let open: Vec<_> = batch
                .iter()
                .zip(answers.iter_mut())
                .filter(|(message, answer)| message.key.is_some() && is_open(answer))
                .map(|(message, answer)| {
                    again.push_encoded(message);
                    answer
                })
                .collect();
            let left = deadline.saturating_duration_since(Instant::now());
            if open.is_empty() || left.is_zero() || self.closed.is_set() {
                return;
            }
            let sent = self.execute_again(&again, left, deadline);
            for (answer, new) in open.into_iter().zip(sent) {
                // Another error says nothing: the first try may have been written.
                if is_written(&new) {
                    *answer = new;
                }
            }
            self.closed.sleep(backoff.next().min(left));
        }
    }

    /// Waits between two tries. Returns whether the producer is closed.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        self.closed.sleep(time)
    }

    pub(crate) fn describe(&self, error: Error) -> Error {
        error.while_doing(format_args!("adding to `{}`", self.stream()))
    }

    fn execute_again(&self, batch: &Outgoing, left: Duration, deadline: Instant) -> Answers {
        match self.topology.pooled(self.stream().as_bytes(), left) {
            Ok(mut wire) => {
                wire.answer_by(deadline);
                self.outlet.execute_again(&mut wire, batch)
            }
            Err(e) => all_fail(batch, &e),
        }
    }
}

/// Whether a message was sent, and it is not known what became of it or, if that was
/// asked for, whether replicas have it.
fn is_open(result: &Result<Added>) -> bool {
    let Err(e) = result else { return false };
    e.kind() == ErrorKind::OutcomeUnknown
        || NotReplicated::of(e).is_some_and(NotReplicated::is_lost)
}

fn is_written(result: &Result<Added>) -> bool {
    matches!(result, Err(e) if e.kind() == ErrorKind::NotReplicated) || result.is_ok()
}
