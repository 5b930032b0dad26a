//! Batches of one producer on their way to Redis.

use std::borrow::Borrow;
use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::Outgoing;
use crate::connection::Topology;
use crate::error::{Error, Result};
use crate::producer::added::{Added, Answers, all_fail, closed};
use crate::producer::transport::outlet::Outlet;
use crate::producer::transport::outlets::Outlets;
use crate::producer::transport::pipeline::{self, BatchRoute};
use crate::producer::transport::settle::settle;
use crate::producer::transport::spread::{self, SpreadRoute};
use crate::runtime::Shutdown;
use crate::schema_book::Types;

/// Takes a producer's batches to Redis until it is closed.
#[derive(Debug)]
pub(crate) struct Dispatch {
    topology: Arc<Topology>,
    outlets: Outlets,
    types: Arc<Types>,
    /// How long a batch may take.
    wait: Duration,
    closed: Shutdown,
}

impl Dispatch {
    pub(crate) fn new(
        topology: Arc<Topology>,
        outlets: Outlets,
        types: Arc<Types>,
        wait: Duration,
    ) -> Self {
        Self {
            topology,
            outlets,
            types,
            wait,
            closed: Shutdown::default(),
        }
    }

    pub(crate) fn outlets(&self) -> &Outlets {
        &self.outlets
    }

    /// The message types that go out.
    pub(crate) fn types(&self) -> &Types {
        &self.types
    }

    /// The outlet to the stream itself.
    pub(crate) fn outlet(&self) -> &Arc<Outlet> {
        self.outlets.whole()
    }

    pub(crate) fn stream(&self) -> &str {
        self.outlet().keys.stream()
    }

    /// Ends all adds except those of the outbox.
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

    /// Sends batches in order, and passes each with its answers to `done`.
    pub(crate) fn send<B: Borrow<Outgoing>>(
        &self,
        batches: impl Iterator<Item = B>,
        done: impl FnMut(B, Answers),
    ) {
        let wait = |_: &B| self.wait;
        self.send_while(&|| self.ensure_open(), &wait, &wait, batches, done);
    }

    /// As [`send`](Self::send), until `ensure_open` fails. Each batch has its own time;
    /// `hold` is the part of it for which one of several servers may hold it up.
    pub(crate) fn send_while<B: Borrow<Outgoing>>(
        &self,
        ensure_open: &dyn Fn() -> Result<()>,
        wait: &dyn Fn(&B) -> Duration,
        hold: &dyn Fn(&B) -> Duration,
        mut batches: impl Iterator<Item = B>,
        mut done: impl FnMut(B, Answers),
    ) {
        if let Some(apart) = self.outlet().apart() {
            for batch in batches {
                let answers = match ensure_open() {
                    Ok(()) => self.outlet().send_apart(&apart, batch.borrow()),
                    Err(e) => all_fail(batch.borrow(), &e),
                };
                done(batch, answers);
            }
            return;
        }
        let way = Way { ensure_open, wait };
        loop {
            // The stream may get partitions while batches are under way.
            if self.outlets.is_whole() {
                let whole = || self.outlets.is_whole();
                let batches = iter::from_fn(|| whole().then(|| batches.next()).flatten());
                self.send_whole(&way, batches, &mut done);
                if whole() {
                    return;
                }
                continue;
            }
            let Some(first) = batches.next() else {
                return;
            };
            let until = Instant::now() + wait(&first);
            let parts = ensure_open().and_then(|()| self.outlets.parts_by(until));
            match parts {
                Err(e) => {
                    let answers = all_fail(first.borrow(), &e);
                    done(first, answers);
                }
                Ok(None) => self.send_whole(&way, iter::once(first), &mut done),
                Ok(Some(parts)) => {
                    let route = SpreadRoute {
                        topology: &self.topology,
                        outlets: &self.outlets,
                        parts: &parts,
                        wait,
                        hold,
                        ensure_open,
                        types: &self.types,
                        settle: &|outlet, batch, answers, deadline| {
                            self.settle(outlet, batch, answers, deadline);
                        },
                    };
                    let batches = iter::once(first).chain(batches.by_ref());
                    spread::send(&route, batches, &mut done);
                    return;
                }
            }
        }
    }

    fn send_whole<B: Borrow<Outgoing>>(
        &self,
        way: &Way<'_, B>,
        batches: impl Iterator<Item = B>,
        done: &mut impl FnMut(B, Answers),
    ) {
        let outlet = self.outlet();
        let route = BatchRoute {
            topology: &self.topology,
            outlet,
            wait: way.wait,
            ensure_open: way.ensure_open,
            types: &self.types,
        };
        pipeline::send(&route, batches, |sent, mut answers| {
            self.settle(outlet, sent.batch.borrow(), &mut answers, sent.deadline);
            done(sent.batch, answers);
        });
    }

    /// Sends messages with unknown outcome again, if their idempotency keys make that
    /// safe, until `deadline`.
    pub(crate) fn settle(
        &self,
        outlet: &Outlet,
        batch: &Outgoing,
        answers: &mut [Result<Added>],
        deadline: Instant,
    ) {
        settle(
            &self.topology,
            &self.closed,
            outlet,
            batch,
            answers,
            deadline,
        );
    }

    /// Waits between two tries. Returns whether the producer is closed.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        self.closed.sleep(time)
    }

    pub(crate) fn describe(&self, error: Error) -> Error {
        error.while_doing(format_args!("adding to `{}`", self.stream()))
    }
}

/// The settings by which batches are sent.
struct Way<'w, B> {
    ensure_open: &'w dyn Fn() -> Result<()>,
    wait: &'w dyn Fn(&B) -> Duration,
}
