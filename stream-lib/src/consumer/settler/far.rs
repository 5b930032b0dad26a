//! Outputs to streams that no script can write together with the acknowledgement: on
//! a Redis Cluster, in another slot.
//!
//! They are added first, each with an idempotency key made of the entry, and the entry
//! is acknowledged then. A crash in between has the entry handled again, and its outputs
//! found by their keys, within the window of these. A process that has lost its lease
//! is found out before, though not in the same step.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ended::settled;
use crate::command::{self, Found, Outgoing, add_outputs};
use crate::consumer::member::Member;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::outputs::OutputStream;
use crate::consumer::member::settle::Unsettled;
use crate::error::{Error, ErrorKind, Result};

/// How long idempotency keys of outputs are remembered: as those of a producer are by
/// default.
pub(super) const WINDOW: Duration = Duration::from_secs(120);

/// How long one node is tried: other consumers' entries wait meanwhile.
const PATIENCE: Duration = Duration::from_millis(500);

/// Adds outputs for one consumer.
pub(super) struct FarOutputs {
    member: Arc<Member>,
}

/// A delivery, and why its outputs were not written.
type Unwritten = (Unsettled, Error);

impl FarOutputs {
    pub(super) fn new(member: &Arc<Member>) -> Self {
        Self {
            member: Arc::clone(member),
        }
    }

    /// Adds the far outputs of deliveries. Returns the deliveries that may be
    /// acknowledged, and those of which not all outputs were written.
    pub(super) fn add(
        &self,
        link: &mut MemberLink,
        chunk: Vec<Unsettled>,
    ) -> (Vec<Unsettled>, Vec<Unwritten>) {
        let mut streams = streams(&chunk);
        if streams.is_empty() {
            return (chunk, Vec::new());
        }
        let chunk = match self.ours(link, chunk) {
            Ok(chunk) => chunk,
            Err((chunk, error)) => {
                let failed = chunk.into_iter().map(|entry| (entry, error.clone()));
                return (Vec::new(), failed.collect());
            }
        };
        let mut errors: Vec<Option<Error>> = vec![None; chunk.len()];
        for stream in streams.drain(..) {
            self.add_to(&stream, &chunk, &mut errors);
        }
        let (mut written, mut unwritten) = (Vec::new(), Vec::new());
        for (entry, error) in chunk.into_iter().zip(errors) {
            match error {
                None => written.push(entry),
                Some(error) => unwritten.push((entry, error)),
            }
        }
        (written, unwritten)
    }

    /// Settles the deliveries with far outputs that the consumer has lost, and returns
    /// the others, with their leases renewed.
    fn ours(
        &self,
        link: &mut MemberLink,
        chunk: Vec<Unsettled>,
    ) -> Result<Vec<Unsettled>, (Vec<Unsettled>, Error)> {
        let member = &self.member;
        let ids: Vec<_> = chunk.iter().map(Unsettled::id).collect();
        let found = link.run(|wire| command::renew(wire, &member.group, &member.name, &ids));
        match found {
            Ok(found) => {
                let mut ours = Vec::new();
                for (entry, found) in chunk.into_iter().zip(found) {
                    if found == Found::NotOurs {
                        settled(member, &entry, found);
                    } else {
                        ours.push(entry);
                    }
                }
                Ok(ours)
            }
            Err(error) => Err((chunk, error.of_kind(ErrorKind::Unavailable))),
        }
    }

    /// Adds the outputs of all deliveries to one stream, and notes the first error of
    /// each.
    fn add_to(&self, stream: &OutputStream, chunk: &[Unsettled], errors: &mut [Option<Error>]) {
        let (mut batch, mut of) = (Outgoing::default(), Vec::new());
        for (place, entry) in chunk.iter().enumerate() {
            // Of others, nothing more is to be written.
            if errors.get(place).is_some_and(Option::is_some) {
                continue;
            }
            for output in entry
                .outputs()
                .filter(|output| output.stream.name() == stream.name())
            {
                if let Some(message) = output.message() {
                    batch.push_encoded(message);
                    of.push(place);
                }
            }
        }
        let (keys, deadline) = (stream.keys(), Instant::now() + PATIENCE);
        let key = stream.name().as_bytes();
        let added = self.member.topology.run(key, PATIENCE, |wire| {
            wire.answer_by(deadline);
            add_outputs(wire, &keys, WINDOW, &batch)
        });
        match added {
            Ok(answers) => {
                for (place, answer) in of.into_iter().zip(answers) {
                    note(errors, place, answer.err());
                }
            }
            Err(error) => {
                for place in of {
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

/// The far streams of the outputs, each once.
fn streams(chunk: &[Unsettled]) -> Vec<Arc<OutputStream>> {
    let mut streams: Vec<Arc<OutputStream>> = Vec::new();
    for output in chunk.iter().flat_map(Unsettled::outputs) {
        let stream = &output.stream;
        if !stream.is_near() && streams.iter().all(|known| known.name() != stream.name()) {
            streams.push(Arc::clone(stream));
        }
    }
    streams
}
