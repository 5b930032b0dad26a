//! The outputs of deliveries, written in one step with their acknowledgement.

use std::time::Duration;

use super::backup::{known_backup, known_capacity};
use super::outgoing::Encoded;
use super::reply::{Tokens, unexpected};
use super::route::{Once, Placed, Routing, add_once, route};
use super::script::{Script, script};
use super::wait::{Wait, Waited, run_and_wait};
use super::{Group, Outgoing};
use crate::config::Retention;
use crate::connection::{ReplyRef, ServerError, Wire};
use crate::error::{Error, Result};
use crate::keys::StreamKeys;
use crate::message::EntryId;

/// The place of the first argument after those of each call.
const HEAD: usize = 11;

static COMMIT: Script = script!("part_room.lua", "part_once.lua", "commit.lua");

/// Deliveries to acknowledge together with their outputs.
#[derive(Debug)]
pub(crate) struct Commit<'a> {
    pub(crate) group: &'a Group,
    pub(crate) consumer: &'a str,
    /// The streams that the outputs go to, each with the backup stream that it is
    /// believed to have; all in the slot of the group's stream.
    pub(crate) streams: &'a [StreamKeys],
    /// How long the idempotency keys of outputs are remembered.
    pub(crate) window: Duration,
    pub(crate) deliveries: &'a [Completion<'a>],
}

/// One delivery to commit.
#[derive(Debug)]
pub(crate) struct Completion<'a> {
    pub(crate) id: EntryId,
    /// Each with the place of its stream in [`Commit::streams`].
    pub(crate) outputs: Vec<(usize, Encoded<'a>)>,
}

/// The outcome of one delivery.
#[derive(Debug, Clone)]
pub(crate) enum Committed {
    /// Its outputs are written, and it is acknowledged.
    Ours,
    /// The consumer doesn't hold it any more.
    NotOurs,
    /// The stream of one of its outputs has partitions, or another backup stream.
    /// Nothing was written.
    Elsewhere,
    /// Nothing was written.
    Refused(Error),
}

impl Commit<'_> {
    /// Writes and acknowledges, as far as `consumer` still holds the entries, and waits
    /// for replicas if asked for.
    pub(crate) fn run(
        &self,
        wire: &mut Wire,
        wait: Option<Wait>,
    ) -> Result<(Vec<Committed>, Waited)> {
        let mut call = COMMIT.call(&[self.group.stream(), self.group.waiting()]);
        for keys in self.streams {
            call = call
                .key(keys.stream().as_bytes())
                .key(keys.backup().as_bytes())
                .key(keys.meta().as_bytes());
        }
        let outputs = || {
            self.deliveries
                .iter()
                .flat_map(|delivery| &delivery.outputs)
        };
        for (place, output) in outputs() {
            if let (Some(key), Some(keys)) = (output.key, self.streams.get(*place)) {
                call = call.key(&keys.once(key));
            }
        }
        let runs = self.runs();
        let heads = runs
            .iter()
            .map(|(like, run)| 2 + 3 * like.outputs.len() + run);
        let (mut lowest, mut highest) = (EntryId::MAX, EntryId::MIN);
        for delivery in self.deliveries {
            (lowest, highest) = (lowest.min(delivery.id), highest.max(delivery.id));
        }
        call = call
            .arg(self.group.name())
            .arg(self.consumer)
            .number(self.deliveries.len() as u64)
            .number(self.streams.len() as u64)
            .number(Retention::default().max_length)
            .millis(self.window)
            .number(outputs().count() as u64)
            .shown(&lowest)
            .shown(&highest)
            .number((HEAD + heads.sum::<usize>()) as u64);
        let mut deliveries = self.deliveries.iter();
        for (like, run) in runs {
            call = call.number(run as u64).number(like.outputs.len() as u64);
            for (place, output) in &like.outputs {
                call = call
                    .number(*place as u64 + 1)
                    .number(2 * output.count as u64)
                    .number(u64::from(output.key.is_some()));
            }
            for delivery in deliveries.by_ref().take(run) {
                call = call.shown(&delivery.id);
            }
        }
        let (mut values, mut count) = (Vec::new(), 0);
        for (_, output) in outputs() {
            count += 2 * output.count;
            values.extend_from_slice(output.fields);
        }
        let (reply, waited) = run_and_wait(&call.packed(count, &values), wire, wait)?;
        Ok((self.outcomes(reply.as_ref())?, waited))
    }

    /// The deliveries in runs with like outputs: the first of each run, and the run's
    /// length. The script looks at each run once.
    fn runs(&self) -> Vec<(&Completion<'_>, usize)> {
        let mut runs: Vec<(&Completion<'_>, usize)> = Vec::new();
        for delivery in self.deliveries {
            match runs.last_mut() {
                Some((like, run)) if like.is_like(delivery) => *run += 1,
                _ => runs.push((delivery, 1)),
            }
        }
        runs
    }

    fn outcomes(&self, reply: ReplyRef<'_>) -> Result<Vec<Committed>> {
        let mut tokens = Tokens::of(reply);
        if tokens.array()? as usize != self.deliveries.len() {
            return Err(unexpected("commit"));
        }
        let outcome = |_| {
            if let Some(line) = tokens.error() {
                return Ok(Committed::Refused(ServerError::new(line).into_error()));
            }
            match tokens.int()? {
                1 => Ok(Committed::Ours),
                0 => Ok(Committed::NotOurs),
                -1 => Ok(Committed::Elsewhere),
                _ => Err(unexpected("commit")),
            }
        };
        self.deliveries.iter().map(outcome).collect()
    }
}

impl Completion<'_> {
    /// Whether its outputs go to the same streams as another's, with as many values.
    fn is_like(&self, other: &Self) -> bool {
        let outline =
            |(place, output): &(usize, Encoded<'_>)| (*place, output.count, output.key.is_some());
        let mine = self.outputs.iter().map(outline);
        mine.eq(other.outputs.iter().map(outline))
    }
}

/// Adds outputs that can't be written together with the acknowledgement, each with an
/// idempotency key: to the stream, or to its backup stream as a backup producer
/// would.
pub(crate) fn add_outputs(
    wire: &mut Wire,
    keys: &StreamKeys,
    window: Duration,
    outputs: &Outgoing,
) -> Result<Vec<Result<Placed>>> {
    let once = Once {
        window,
        rewrites: false,
    };
    let (placed, _) = match known_backup(wire, keys)? {
        None => add_once(wire, keys, once, outputs, None)?,
        Some(keys) => {
            let routing = Routing {
                capacity: known_capacity(wire, &keys)?,
                keys: &keys,
                max_backup: None,
                once,
            };
            route(wire, routing, outputs, None)?
        }
    };
    Ok(placed)
}
