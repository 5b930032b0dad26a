//! Outputs to streams that no script can write together with the acknowledgement: on a
//! Redis Cluster, in another slot.
//!
//! They are added first, each with an idempotency key made of the entry, and the entry is
//! acknowledged afterwards. After a crash in between the entry is handled again, and its
//! outputs are found by their keys, within the window of these. A process that has lost
//! its lease is found out before, though not in the same step.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ended::settled;
use super::trials::{PATIENCE, Trials};
use crate::command::reserved::OUTPUT;
use crate::command::{self, Found, Outgoing, add_outputs};
use crate::consumer::member::Member;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::outputs::Target;
use crate::consumer::member::settle::Unsettled;
use crate::error::{Error, ErrorKind, Result};

/// How long idempotency keys of outputs are remembered: as long as those of a producer by
/// default, and for far outputs at least some leases, after which the entry has come
/// again.
pub(super) const WINDOW: Duration = Duration::from_secs(120);

/// Adds outputs for one consumer.
pub(super) struct FarOutputs {
    member: Arc<Member>,
    /// The trials of the streams that they go to.
    pub(super) trials: Trials,
}

/// A delivery, and the error of its outputs.
type Unwritten = (Unsettled, Error);

impl FarOutputs {
    pub(super) fn new(member: &Arc<Member>) -> Self {
        Self {
            member: Arc::clone(member),
            trials: Trials::new(),
        }
    }

    /// Adds the far outputs of deliveries. Returns the deliveries that may be
    /// acknowledged, and those with outputs that were not written.
    ///
    /// # Blocking
    ///
    /// About [`PATIENCE`] for the streams that they go to.
    pub(super) fn add(
        &mut self,
        link: &mut MemberLink,
        chunk: Vec<Unsettled>,
    ) -> (Vec<Unsettled>, Vec<Unwritten>) {
        let streams = &self.member.outputs;
        if !streams.is_spread() || chunk.iter().all(|entry| entry.outputs().next().is_none()) {
            return (chunk, Vec::new());
        }
        let deadline = Instant::now() + PATIENCE;
        let mut errors: Vec<Option<Error>> = Vec::new();
        let mut targets = Vec::new();
        for entry in &chunk {
            errors.push(self.find_targets(entry, &mut targets, deadline).err());
        }
        if targets.is_empty() {
            return split(chunk, errors);
        }
        let chunk = match self.ours(link, chunk, &mut errors) {
            Ok(chunk) => chunk,
            Err((chunk, error)) => {
                let failed = chunk.into_iter().map(|entry| (entry, error.clone()));
                return (Vec::new(), failed.collect());
            }
        };
        self.trials.sort(&mut targets);
        for target in targets {
            self.add_to(&target, &chunk, &mut errors, deadline);
        }
        split(chunk, errors)
    }

    /// The far targets of an entry's outputs, each once for all entries.
    fn find_targets(
        &mut self,
        entry: &Unsettled,
        targets: &mut Vec<Target>,
        deadline: Instant,
    ) -> Result<()> {
        let streams = &self.member.outputs;
        for output in entry.outputs().filter(|output| !output.is_added()) {
            let whole = Target::whole(&output.stream);
            if !whole.is_known() {
                // The rest of the time is for known streams.
                let now = Instant::now();
                let soon = now + deadline.saturating_duration_since(now) / 2;
                self.trials
                    .run(&whole, soon, |by| streams.learn_first(&whole, by))?;
            }
            let target = output.target(entry.id());
            if !streams.is_near(&target) && targets.iter().all(|known| !known.is(&target)) {
                targets.push(target);
            }
        }
        Ok(())
    }

    /// Settles the deliveries with far outputs that the consumer has lost, and returns
    /// the others, with their leases renewed.
    fn ours(
        &self,
        link: &mut MemberLink,
        chunk: Vec<Unsettled>,
        errors: &mut Vec<Option<Error>>,
    ) -> Result<Vec<Unsettled>, (Vec<Unsettled>, Error)> {
        let member = &self.member;
        let ids: Vec<_> = chunk.iter().map(Unsettled::id).collect();
        let found = link.run(|wire| command::renew(wire, &member.group, &member.name, &ids));
        match found {
            Ok(found) => {
                let (mut ours, mut known) = (Vec::new(), Vec::new());
                let entries = chunk.into_iter().zip(mem::take(errors)).zip(found);
                for ((entry, error), found) in entries {
                    if found == Found::NotOurs {
                        settled(member, &entry, found);
                    } else {
                        ours.push(entry);
                        known.push(error);
                    }
                }
                *errors = known;
                Ok(ours)
            }
            Err(error) => Err((chunk, error.of_kind(ErrorKind::Unavailable))),
        }
    }

    /// Adds the outputs of all deliveries to one target, and notes the first error of
    /// each.
    fn add_to(
        &mut self,
        target: &Target,
        chunk: &[Unsettled],
        errors: &mut [Option<Error>],
        deadline: Instant,
    ) {
        let member = &self.member;
        let (from, group) = (member.group.stream(), member.group.name());
        let (mut batch, mut of) = (Outgoing::default(), Vec::new());
        for (place, entry) in chunk.iter().enumerate() {
            // After an error, no more outputs of the delivery are written.
            if errors.get(place).is_some_and(Option::is_some) {
                continue;
            }
            for (number, output) in (1..).zip(entry.outputs()) {
                if output.is_added() || !output.target(entry.id()).is(target) {
                    continue;
                }
                if let Some(message) = output.message() {
                    // The key is the same at each delivery of the entry.
                    let key = format!("{OUTPUT}:{from}:{group}:{}:{number}", entry.id());
                    match batch.push_keyed(message, &key) {
                        Ok(()) => of.push((place, output)),
                        Err(e) => note(errors, place, Some(e)),
                    }
                }
            }
        }
        if of.is_empty() {
            return;
        }
        let window = WINDOW.max(member.config.lease.saturating_mul(4));
        let keys = target.keys();
        let added = self.trials.run(target, deadline, |by| {
            let left = by.saturating_duration_since(Instant::now());
            let key = keys.stream().as_bytes();
            member.topology.run(key, left, |wire| {
                wire.answer_by(by);
                add_outputs(wire, &keys, window, &batch)
            })
        });
        match added {
            Ok(answers) => {
                for ((place, output), answer) in of.into_iter().zip(answers) {
                    match answer {
                        // The next attempt leaves it out, however late it comes.
                        Ok(_) => output.added(),
                        Err(e) => note(errors, place, Some(e)),
                    }
                }
            }
            Err(error) => {
                for (place, _) in of {
                    note(errors, place, Some(error.clone()));
                }
            }
        }
    }
}

fn note(errors: &mut [Option<Error>], place: usize, error: Option<Error>) {
    if let Some(known) = errors.get_mut(place)
        && known.is_none()
    {
        *known = error;
    }
}

/// Splits deliveries without an error from the others.
fn split(chunk: Vec<Unsettled>, errors: Vec<Option<Error>>) -> (Vec<Unsettled>, Vec<Unwritten>) {
    let (mut written, mut unwritten) = (Vec::new(), Vec::new());
    for (entry, error) in chunk.into_iter().zip(errors) {
        match error {
            None => written.push(entry),
            Some(error) => unwritten.push((entry, error)),
        }
    }
    (written, unwritten)
}
