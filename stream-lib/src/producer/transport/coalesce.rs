//! Shared round trips: adds that are under way at the same time share a pipeline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::{Outgoing, Wait};
use crate::connection::{
    Deadline, Node, PooledWire, Retry, Topology, Wire, answer_of, is_asked_elsewhere,
};
use crate::error::{Error, ErrorKind, Result};
use crate::producer::added::{Added, Answers, all_fail, no_answer};
use crate::producer::transport::again::{are_too_large_together, send_again};
use crate::producer::transport::line::{Joined, Lead, Line};
use crate::producer::transport::node_lines::NodeLines;
use crate::producer::transport::outlet::Outlet;
use crate::producer::transport::room::Room;
use crate::producer::unreplicated::waited_for;

/// Pipelines under way at a time: while one is answered, the next is filled.
const MOST_LEADERS: usize = 2;

/// The bound of one script's messages, since a script keeps the server busy.
const MOST_IN_A_SCRIPT: usize = 128;

/// The lines in which the callers of all producers of a manager meet, one for each
/// server: a server that is away doesn't hold up messages for the others.
#[derive(Debug)]
pub(crate) struct Coalescer {
    topology: Arc<Topology>,
    lines: NodeLines<Job, Told>,
}

/// The result that a caller gets for its message.
#[derive(Debug)]
enum Told {
    Answer(Result<Added>),
    /// It was refused, and not written: it may go again.
    Refused(Error, Outgoing),
    /// It has to go again by itself: a message in the same script may have been too
    /// large, or another node has to be asked for this one.
    Alone(Error, Outgoing),
}

/// One message and its outlet.
#[derive(Debug)]
struct Job {
    outlet: Arc<Outlet>,
    batch: Outgoing,
    deadline: Instant,
}

/// Messages of one producer: a share of a pipeline.
#[derive(Debug)]
struct Share {
    outlet: Arc<Outlet>,
    batch: Outgoing,
}

impl Coalescer {
    pub(crate) fn new(topology: Arc<Topology>) -> Self {
        Self {
            topology,
            lines: NodeLines::new(MOST_LEADERS),
        }
    }

    pub(crate) fn topology(&self) -> &Arc<Topology> {
        &self.topology
    }

    /// Adds a batch of one message.
    ///
    /// # Blocking
    ///
    /// Until `deadline`, and a moment.
    pub(crate) fn add(
        &self,
        outlet: &Arc<Outlet>,
        mut batch: Outgoing,
        deadline: Instant,
    ) -> Result<Added> {
        let mut retry = Retry::until(deadline);
        loop {
            match self.pass(outlet, batch, deadline) {
                Told::Answer(answer) => return answer,
                Told::Refused(error, _) if !self.topology.may_go_again(&mut retry, &error) => {
                    return Err(self.topology.settled(error));
                }
                Told::Refused(_, refused) => batch = refused,
                Told::Alone(error, batch) => {
                    let mut answers = all_fail(&batch, &error);
                    send_again(
                        &self.topology,
                        outlet,
                        &batch,
                        &mut answers,
                        vec![0],
                        deadline,
                    );
                    return one(answers);
                }
            }
        }
    }

    fn pass(&self, outlet: &Arc<Outlet>, batch: Outgoing, deadline: Instant) -> Told {
        let job = Job {
            outlet: Arc::clone(outlet),
            batch,
            deadline,
        };
        let node = self.topology.node_for(job.key());
        let lines = self.lines.of(node.as_ref());
        let asked = outlet.replication.asked();
        lines.with(asked, |line| self.join(line, job, deadline, node.as_ref()))
    }

    fn join(
        &self,
        line: &Line<Job, Told>,
        job: Job,
        deadline: Instant,
        node: Option<&Arc<Node>>,
    ) -> Told {
        match line.join(job, deadline) {
            Joined::Lead(job, lead) => self.send(job, lead, node),
            Joined::Done(told) => told,
            // The callers ahead wait for a connection, too. This one finds out by itself
            // why there is none.
            Joined::Late(job) => match self.pooled(&job, Duration::ZERO) {
                Ok(mut wire) => execute(&mut wire, job),
                Err(e) => Told::Answer(Err(e)),
            },
            Joined::Untold => Told::Answer(Err(Error::new(
                ErrorKind::OutcomeUnknown,
                "Redis has not answered within the `send_timeout`",
            ))),
            Joined::Lost => Told::Answer(Err(Error::new(
                ErrorKind::OutcomeUnknown,
                "the thread that was to send this message has panicked; this is a bug in stream-lib",
            ))),
        }
    }

    /// Sends a message, and those of callers waiting for the same server, `node` when
    /// they joined the line.
    fn send(&self, job: Job, mut lead: Lead<'_, Job, Told>, node: Option<&Arc<Node>>) -> Told {
        let left = job.deadline.saturating_duration_since(Instant::now());
        let mut wire = match self.pooled(&job, left) {
            Ok(wire) => wire,
            Err(e) => return Told::Answer(Err(e)),
        };
        let is_same = node.is_some_and(|node| node.has(&wire));
        let lives_there = |other: &Job| {
            let node = self.topology.node_for(other.key());
            node.is_some_and(|node| node.has(&wire))
        };
        let mut room = Room::default();
        // All of them are answered by the leader's deadline: a caller with much more time
        // than that is left to the next leader.
        let latest = job.deadline + left;
        // All of them wait for replicas as long as the one with the least time can.
        let needs = job.outlet.replication.needs();
        let earliest = needs.map(|needs| Instant::now() + needs);
        let has_time = |job: &Job| earliest.is_none_or(|earliest| job.deadline >= earliest);
        let others = lead.take(|other| {
            other.deadline <= latest
                && (is_same || lives_there(other))
                && has_time(&job)
                && has_time(other)
                && room.has(&other.batch)
        });
        if others.is_empty() {
            return execute(&mut wire, job);
        }
        let mut told = exchange(&mut wire, std::iter::once(job).chain(others)).into_iter();
        drop(wire);
        let own = told.next();
        lead.finish(told);
        own.unwrap_or_else(|| Told::Answer(no_answer()))
    }

    fn pooled(&self, job: &Job, timeout: Duration) -> Result<PooledWire> {
        let mut wire = self.topology.pooled(job.key(), timeout)?;
        wire.answer_by(job.deadline);
        Ok(wire)
    }
}

impl Job {
    /// The key that decides the server.
    fn key(&self) -> &[u8] {
        self.outlet.keys.stream().as_bytes()
    }
}

/// Sends one message alone.
fn execute(wire: &mut Wire, job: Job) -> Told {
    let answer = one(job.outlet.execute(wire, &job.batch));
    match answer {
        Err(e) if is_asked_elsewhere(&e) => Told::Alone(e, job.batch),
        Err(e) if answer_of(&e).may_go_again() => Told::Refused(e, job.batch),
        answer => Told::Answer(answer),
    }
}

/// Sends all jobs in one pipeline; returns the result for each caller, in order.
fn exchange(wire: &mut Wire, jobs: impl Iterator<Item = Job>) -> Vec<Told> {
    let mut shares = Vec::new();
    let places: Vec<usize> = jobs.map(|job| place(job, &mut shares)).collect();
    let answers = run(wire, &shares);
    let mut told: Vec<_> = shares
        .iter()
        .zip(answers)
        .map(|(share, answers)| share.told(answers))
        .collect();
    places
        .into_iter()
        .map(|share| {
            let told = told.get_mut(share).and_then(Iterator::next);
            told.unwrap_or_else(|| Told::Answer(no_answer()))
        })
        .collect()
}

impl Share {
    /// The result for each caller. No message overtakes another of the same caller: each
    /// caller has one under way.
    fn told(&self, answers: Answers) -> impl Iterator<Item = Told> {
        let together = self.outlet.needs_script(&self.batch) && are_too_large_together(&answers);
        let pairs = answers.into_iter().enumerate();
        pairs.map(move |(place, answer)| match answer {
            Err(e) if together || is_asked_elsewhere(&e) => {
                Told::Alone(e, self.batch.pick(&[place]))
            }
            Err(e) if answer_of(&e).may_go_again() => Told::Refused(e, self.batch.pick(&[place])),
            answer => Told::Answer(answer),
        })
    }
}

/// Puts a job into a share of its kind; returns which.
fn place(job: Job, shares: &mut Vec<Share>) -> usize {
    let script = job.outlet.needs_script(&job.batch);
    let fits = |share: &Share| {
        Arc::ptr_eq(&share.outlet, &job.outlet)
            && share.batch.has_keys() == job.batch.has_keys()
            && (!script || share.batch.len() < MOST_IN_A_SCRIPT)
    };
    if let Some(place) = shares.iter().rposition(fits)
        && let Some(share) = shares.get_mut(place)
    {
        job.batch.iter().for_each(|m| share.batch.push_encoded(m));
        return place;
    }
    shares.push(Share {
        outlet: job.outlet,
        batch: job.batch,
    });
    shares.len() - 1
}

fn run(wire: &mut Wire, shares: &[Share]) -> Vec<Answers> {
    let fail = |e| shares.iter().map(|s| all_fail(&s.batch, &e)).collect();
    // They all wait for the same replicas, or for none.
    let mut wait = None;
    for share in shares {
        match share.outlet.replication.begin(wire) {
            Ok(same) => wait = same,
            Err(e) => return fail(e),
        }
    }
    let mut packed = Vec::new();
    let replies: usize = shares
        .iter()
        .map(|share| share.outlet.pack(&mut packed, &share.batch))
        .sum();
    let more = Wait::pack(wait, &mut packed);
    if let Err(e) = wire.send(&packed, replies + more) {
        return fail(e);
    }
    let mut deadline = Deadline::of(wire.response_timeout());
    let answers: Vec<_> = shares
        .iter()
        .map(|share| share.outlet.receive(wire, &mut deadline, &share.batch))
        .collect();
    let waited = Wait::receive(wait, wire, &mut deadline);
    // Only the order within a share matters: a share whose script was unknown may come
    // behind the others.
    answers
        .into_iter()
        .zip(shares)
        .map(|(answers, s)| match answers {
            Some(answers) => waited_for(answers, &waited),
            None => s.outlet.execute(wire, &s.batch),
        })
        .collect()
}

fn one(mut answers: Answers) -> Result<Added> {
    answers.pop().unwrap_or_else(no_answer)
}
