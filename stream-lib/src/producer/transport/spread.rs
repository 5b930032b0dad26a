//! Batches of a partitioned stream, in rounds.
//!
//! A round takes batches while there are any, up to some hundred messages. Each batch is
//! split by partition, and each *share* is written at once on the connection to its
//! server; a round has one connection per server. At the end of the round all answers are
//! read. So the servers work while the next batches are made, and a partition has all its
//! messages on one connection, in order; the next round begins when the last is answered,
//! so that nothing is overtaken if a partition has moved to another server meanwhile.
//!
//! A server that is away holds up only its own messages: first all shares are written
//! whose server has a free connection. Before a round waits for a connection, it reads
//! all answers and gives back its connections. So no two rounds wait for connections of
//! each other.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::Outgoing;
use crate::connection::{Node, Topology, answer_of};
use crate::error::{Error, ErrorKind, Result};
use crate::producer::added::{Added, Answers, all_fail, no_answer};
use crate::producer::transport::again::{
    are_too_large_together, is_refused, open_messages, send_again,
};
use crate::producer::transport::lane::{Lane, Share, State};
use crate::producer::transport::outlet::Outlet;
use crate::producer::transport::outlets::{Outlets, Parts};
use crate::schema_book::Types;

/// The bounds of a round.
const MOST_MESSAGES: usize = 1_024;
const MOST_BYTES: usize = 1 << 20;

/// How long a round waits for one of several servers, before it looks for the next one:
/// doubling, so that each has time for a connection.
const FIRST_TURN: Duration = Duration::from_millis(100);
const LONGEST_TURN: Duration = Duration::from_secs(2);

/// The path of one producer's batches to its partitions.
pub(super) struct SpreadRoute<'l, B> {
    pub(super) topology: &'l Topology,
    pub(super) outlets: &'l Outlets,
    pub(super) parts: &'l Parts,
    /// How long a batch may take.
    pub(super) wait: &'l dyn Fn(&B) -> Duration,
    /// How long at most a batch may wait for one of several servers.
    pub(super) hold: &'l dyn Fn(&B) -> Duration,
    /// Fails once no more may be sent.
    pub(super) ensure_open: &'l dyn Fn() -> Result<()>,
    /// The types of the messages.
    pub(super) types: &'l Types,
    /// Sends messages with unknown outcome again, if that is safe.
    pub(super) settle: &'l dyn Fn(&Outlet, &Outgoing, &mut Answers, Instant),
}

/// Sends `batches`, and passes each with its answers to `done`, in order.
///
/// # Blocking
///
/// Until there are no more, and all are answered.
pub(super) fn send<B: Borrow<Outgoing>>(
    route: &SpreadRoute<'_, B>,
    mut batches: impl Iterator<Item = B>,
    mut done: impl FnMut(B, Answers),
) {
    loop {
        let mut round = Round::new(route);
        while round.has_room()
            && let Some(batch) = batches.next()
        {
            round.take(batch);
        }
        if round.taken.is_empty() {
            return;
        }
        round.finish(&mut done);
    }
}

struct Round<'r, B> {
    route: &'r SpreadRoute<'r, B>,
    taken: Vec<Taken<B>>,
    shares: Vec<Share>,
    lanes: Vec<Lane>,
    /// The lane of each partition, as long as the round lasts.
    lane_of: BTreeMap<u16, usize>,
    messages: usize,
    bytes: usize,
    /// Whether everything must be answered before more is taken.
    ends: bool,
}

/// A batch of the caller's.
struct Taken<B> {
    batch: B,
    answers: Vec<Option<Result<Added>>>,
}

/// The reason for which a share has no lane. Nothing of it was written.
enum NoLane {
    /// There was no connection in time.
    Busy(Error),
    /// The server doesn't take what would be behind it.
    Refused(Error),
}

impl<'r, B: Borrow<Outgoing>> Round<'r, B> {
    fn new(route: &'r SpreadRoute<'r, B>) -> Self {
        Self {
            route,
            taken: Vec::new(),
            shares: Vec::new(),
            lanes: Vec::new(),
            lane_of: BTreeMap::new(),
            messages: 0,
            bytes: 0,
            ends: false,
        }
    }

    fn has_room(&self) -> bool {
        !self.ends && self.messages < MOST_MESSAGES && self.bytes < MOST_BYTES
    }

    /// Splits a batch, and writes its shares.
    fn take(&mut self, batch: B) {
        let deadline = Instant::now() + (self.route.wait)(&batch);
        let until = deadline.min(Instant::now() + (self.route.hold)(&batch));
        let first = self.shares.len();
        self.split(batch.borrow(), deadline);
        let messages = batch.borrow();
        self.messages += messages.len();
        self.bytes += messages.bytes();
        let answers = (0..messages.len()).map(|_| None).collect();
        self.taken.push(Taken { batch, answers });
        let open = (self.route.ensure_open)();
        if let Err(e) = open.and_then(|()| self.store_types(deadline)) {
            self.fail(first..self.shares.len(), &e);
            return;
        }
        let waiting = self.write_at_once(first..self.shares.len(), deadline);
        self.write_later(waiting, until, deadline);
    }

    /// Stores the types of the messages that must be stored before. Meanwhile the round
    /// holds no connection.
    fn store_types(&mut self, deadline: Instant) -> Result<()> {
        let types = self.route.types;
        if !types.are_due() {
            return Ok(());
        }
        self.give_back();
        types.store_first(|| deadline.saturating_duration_since(Instant::now()))
    }

    /// Writes the shares whose server has a free connection. Returns the others, each
    /// with the reason.
    fn write_at_once(
        &mut self,
        shares: std::ops::Range<usize>,
        deadline: Instant,
    ) -> Vec<(usize, Error)> {
        let mut by_lane: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut waiting = Vec::new();
        let mut busy: Vec<(Arc<Node>, Error)> = Vec::new();
        for at in shares {
            if let Some(lane) = self.known_lane(at) {
                by_lane.entry(lane).or_default().push(at);
                continue;
            }
            let Some(node) = self.node(at) else {
                self.alone(at, unknown_place());
                continue;
            };
            if let Some((_, error)) = busy.iter().find(|(other, _)| Arc::ptr_eq(other, &node)) {
                waiting.push((at, error.clone()));
                continue;
            }
            match self.open_lane(at, &node, Duration::ZERO, deadline) {
                Ok(lane) => by_lane.entry(lane).or_default().push(at),
                Err(NoLane::Busy(error)) => {
                    busy.push((node, error.clone()));
                    waiting.push((at, error));
                }
                Err(NoLane::Refused(error)) => self.fail(at..at + 1, &error),
            }
        }
        for (lane, shares) in by_lane {
            self.write(lane, shares, deadline);
        }
        waiting
    }

    /// Writes these shares, server after server, as each has a connection free before
    /// `until`. While it waits, the round holds none.
    fn write_later(&mut self, mut waiting: Vec<(usize, Error)>, until: Instant, deadline: Instant) {
        let mut turn = FIRST_TURN;
        while let Some(at) = waiting.first().map(|(at, _)| *at) {
            self.give_back();
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let Some(node) = self.node(at) else {
                waiting.remove(0);
                self.alone(at, unknown_place());
                continue;
            };
            let (there, others): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .partition(|(other, _)| *other == at || self.is_at(*other, &node));
            waiting = others;
            let wait = if waiting.is_empty() {
                left
            } else {
                left.min(turn)
            };
            match self.open_lane(at, &node, wait, deadline) {
                Ok(lane) => {
                    let shares = there.into_iter().map(|(at, _)| at).collect();
                    self.write(lane, shares, deadline);
                }
                Err(NoLane::Busy(error)) if answer_of(&error).may_pass() => {
                    let again = there.into_iter().map(|(at, _)| (at, error.clone()));
                    waiting.extend(again);
                    turn = (turn * 2).min(LONGEST_TURN);
                }
                Err(NoLane::Busy(error) | NoLane::Refused(error)) => {
                    for (at, _) in there {
                        self.fail(at..at + 1, &error);
                    }
                }
            }
        }
        for (at, error) in waiting {
            if let Some(share) = self.shares.get_mut(at) {
                // When it goes again, it doesn't wait again.
                share.deadline = until;
            }
            self.fail(at..at + 1, &error);
        }
    }

    fn split(&mut self, batch: &Outgoing, deadline: Instant) {
        let (parts, of) = (self.route.parts, self.taken.len());
        let mut turn = None;
        let mut found: BTreeMap<u16, usize> = BTreeMap::new();
        for (place, message) in batch.iter().enumerate() {
            let turn = match message.hash() {
                Some(_) => 0,
                None => *turn.get_or_insert_with(|| self.route.outlets.turn()),
            };
            let partition = parts.partition_in(&message, turn);
            let Some(outlet) = parts.outlet(partition) else {
                continue;
            };
            let at = *found.entry(partition).or_insert_with(|| {
                self.shares.push(Share {
                    partition,
                    outlet: Arc::clone(outlet),
                    batch: Outgoing::default(),
                    of,
                    places: Vec::new(),
                    deadline,
                    state: State::Open,
                });
                self.shares.len() - 1
            });
            if let Some(share) = self.shares.get_mut(at) {
                share.batch.push_encoded(message);
                share.places.push(place);
            }
        }
        // Nothing follows a script that may have to go again, or alone.
        let scripts = self.shares.iter().filter(|share| share.of == of);
        let mut scripts = scripts.map(|share| share.outlet.needs_script(&share.batch));
        self.ends |= scripts.any(|needs| needs);
    }

    /// The lane that the share's partition has in this round.
    fn known_lane(&self, at: usize) -> Option<usize> {
        let share = self.shares.get(at)?;
        self.lane_of.get(&share.partition).copied()
    }

    /// The server of a share, if it is known.
    fn node(&self, at: usize) -> Option<Arc<Node>> {
        let share = self.shares.get(at)?;
        let key = share.outlet.keys.stream().as_bytes();
        self.route.topology.node_for(key)
    }

    fn is_at(&self, at: usize, node: &Arc<Node>) -> bool {
        self.node(at).is_some_and(|own| Arc::ptr_eq(&own, node))
    }

    /// The lane to the server of a share, with the wait for its connection.
    fn open_lane(
        &mut self,
        at: usize,
        node: &Arc<Node>,
        wait: Duration,
        deadline: Instant,
    ) -> std::result::Result<usize, NoLane> {
        let same = self.lanes.iter().position(|l| Arc::ptr_eq(&l.node, node));
        if let Some(lane) = same {
            return Ok(lane);
        }
        let Some(share) = self.shares.get(at) else {
            return Err(NoLane::Refused(unknown_place()));
        };
        let outlet = Arc::clone(&share.outlet);
        let key = outlet.keys.stream().as_bytes();
        let wire = self.route.topology.pooled(key, wait);
        let mut wire = wire.map_err(NoLane::Busy)?;
        // The server is asked whether it takes a `WAIT` while nothing is under way.
        wire.answer_by(deadline);
        let asked = outlet.replication.begin(&mut wire);
        asked.map_err(NoLane::Refused)?;
        self.lanes.push(Lane {
            node: Arc::clone(node),
            wire,
            written: Vec::new(),
            outlet,
            wait: None,
        });
        Ok(self.lanes.len() - 1)
    }

    /// Reads all answers, and gives back the connections, which others may need.
    fn give_back(&mut self) {
        self.read_all();
        self.lanes.clear();
        self.lane_of.clear();
    }

    fn write(&mut self, number: usize, shares: Vec<usize>, deadline: Instant) {
        let Some(lane) = self.lanes.get_mut(number) else {
            return;
        };
        for share in shares.iter().filter_map(|at| self.shares.get(*at)) {
            self.lane_of.insert(share.partition, number);
        }
        let mut packed = Vec::new();
        let written = shares.iter().filter_map(|at| self.shares.get(*at));
        let replies = written.map(|share| share.outlet.pack(&mut packed, &share.batch));
        let replies = replies.sum();
        lane.wire.answer_by(deadline);
        match lane.wire.send(&packed, replies) {
            Ok(()) => lane.written.extend(shares),
            Err(e) => {
                for at in shares {
                    self.fail(at..at + 1, &e);
                }
            }
        }
    }

    /// Reads the answers to all written shares.
    fn read_all(&mut self) {
        // All servers wait for their replicas at the same time.
        for lane in &mut self.lanes {
            lane.send_wait(&self.shares);
        }
        for lane in &mut self.lanes {
            lane.read(&mut self.shares);
        }
    }

    fn finish(mut self, done: &mut impl FnMut(B, Answers)) {
        self.give_back();
        self.send_again();
        for share in &mut self.shares {
            let State::Answered(mut answers) = std::mem::replace(&mut share.state, State::Open)
            else {
                continue;
            };
            (self.route.settle)(&share.outlet, &share.batch, &mut answers, share.deadline);
            let Some(taken) = self.taken.get_mut(share.of) else {
                continue;
            };
            for (place, answer) in share.places.iter().zip(answers) {
                if let Some(slot) = taken.answers.get_mut(*place) {
                    *slot = Some(answer);
                }
            }
        }
        for Taken { batch, answers } in self.taken {
            let answers = answers.into_iter();
            done(
                batch,
                answers.map(|a| a.unwrap_or_else(no_answer)).collect(),
            );
        }
    }

    /// Sends shares that were not written again, unless something behind them in their
    /// partition was: a message that would be overtaken fails instead.
    fn send_again(&mut self) {
        let mut overtaken: BTreeMap<u16, bool> = BTreeMap::new();
        let mut open = Vec::new();
        for (at, share) in self.shares.iter_mut().enumerate().rev() {
            let overtaken = overtaken.entry(share.partition).or_default();
            let script = share.outlet.needs_script(&share.batch);
            let messages = match &share.state {
                State::Answered(answers) => {
                    let again =
                        answers.iter().any(is_refused) || script && are_too_large_together(answers);
                    let all = open_messages(&share.outlet, &share.batch, answers, overtaken);
                    if again { all } else { Vec::new() }
                }
                State::Alone(_) if !*overtaken => (0..share.batch.len()).collect(),
                State::Open | State::Alone(_) => Vec::new(),
            };
            if let State::Alone(e) = &share.state {
                share.state = State::Answered(all_fail(&share.batch, e));
            }
            if !messages.is_empty() {
                open.push((at, messages));
            }
        }
        let topology = self.route.topology;
        let types = self.route.types;
        for (at, messages) in open.into_iter().rev() {
            let Some(Share {
                outlet,
                batch,
                deadline,
                state: State::Answered(answers),
                ..
            }) = self.shares.get_mut(at)
            else {
                continue;
            };
            // If its type couldn't be stored before, it still goes first.
            let left = || deadline.saturating_duration_since(Instant::now());
            if (self.route.ensure_open)().is_ok() && types.store_first(left).is_ok() {
                send_again(topology, outlet, batch, answers, messages, *deadline);
            }
        }
    }

    fn fail(&mut self, shares: std::ops::Range<usize>, error: &Error) {
        self.ends = true;
        for share in self.shares.get_mut(shares).into_iter().flatten() {
            share.state = State::Answered(all_fail(&share.batch, error));
        }
    }

    fn alone(&mut self, at: usize, error: Error) {
        self.ends = true;
        if let Some(share) = self.shares.get_mut(at) {
            share.state = State::Alone(error);
        }
    }
}

fn unknown_place() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "it is not known yet which node of the cluster has the partition",
    )
}
