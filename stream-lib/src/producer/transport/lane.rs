//! The connection to one server for one round of batches, and its answers.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use crate::command::{Outgoing, Wait};
use crate::connection::{Deadline, Node, PooledWire};
use crate::error::Error;
use crate::producer::added::Answers;
use crate::producer::transport::outlet::Outlet;
use crate::producer::unreplicated::waited_for;

/// The messages of one batch for one partition.
pub(super) struct Share {
    pub(super) partition: u16,
    pub(super) outlet: Arc<Outlet>,
    pub(super) batch: Outgoing,
    /// The batch that they are of, and their places in it.
    pub(super) of: usize,
    pub(super) places: Vec<usize>,
    pub(super) deadline: Instant,
    pub(super) state: State,
}

pub(super) enum State {
    /// To be written, or without an answer yet.
    Open,
    /// The server is not known yet, or has forgotten the script.
    Alone(Error),
    Answered(Answers),
}

/// The connection to one server.
pub(super) struct Lane {
    pub(super) node: Arc<Node>,
    pub(super) wire: PooledWire,
    /// Shares that were written and are not answered.
    pub(super) written: Vec<usize>,
    /// An outlet of these messages: they wait for the same replicas.
    pub(super) outlet: Arc<Outlet>,
    /// The `WAIT` behind them.
    pub(super) wait: Option<Wait>,
}

impl Lane {
    /// Reads the answers to the written shares, and waits for the replicas behind them.
    pub(super) fn read(&mut self, shares: &mut [Share]) {
        let written = mem::take(&mut self.written);
        if written.is_empty() {
            return;
        }
        for at in &written {
            let Some(share) = shares.get_mut(*at) else {
                continue;
            };
            self.wire.answer_by(share.deadline);
            let mut deadline = Deadline::of(self.wire.response_timeout());
            let answers = share
                .outlet
                .receive(&mut self.wire, &mut deadline, &share.batch);
            share.state = match answers {
                Some(answers) => State::Answered(answers),
                None => State::Open,
            };
        }
        let mut deadline = Deadline::of(self.wire.response_timeout());
        let waited = Wait::receive(self.wait.take(), &mut self.wire, &mut deadline);
        for at in written {
            let Some(share) = shares.get_mut(at) else {
                continue;
            };
            let state = mem::replace(&mut share.state, State::Open);
            share.state = State::Answered(if let State::Answered(answers) = state {
                waited_for(answers, &waited)
            } else {
                // The server has forgotten the script. Nothing follows it in this round.
                self.wire.answer_by(share.deadline);
                share.outlet.execute(&mut self.wire, &share.batch)
            });
        }
    }

    /// Sends the `WAIT` behind all written shares, if one is wanted. If that fails, the
    /// connection is broken, as every answer then shows.
    pub(super) fn send_wait(&mut self, shares: &[Share]) {
        let Some(last) = self.written.last().and_then(|at| shares.get(*at)) else {
            return;
        };
        self.wire.answer_by(last.deadline);
        let Ok(Some(wait)) = self.outlet.replication.begin(&mut self.wire) else {
            return;
        };
        let mut packed = Vec::new();
        let replies = Wait::pack(Some(wait), &mut packed);
        self.wait = self.wire.send(&packed, replies).is_ok().then_some(wait);
    }
}
