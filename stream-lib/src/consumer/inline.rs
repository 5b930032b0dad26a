//! A consumer without threads, for tests of users' handlers against a real server: the
//! calling thread reads, calls the handler, and settles, one entry after the other.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::command::{
    Burial, ClaimDue, Commit, Committed, Completion, DeadBounds, Entries, Group, Mark, Parking,
    Read, ack_held, bury, park,
};
use crate::config::ConsumerConfig;
use crate::connection::{Topology, Wire};
use crate::consumer::bells::Bells;
use crate::consumer::handler::taken::TakenEntry;
use crate::consumer::handler::verdict::{EntryVerdict, Outcome, judge};
use crate::consumer::handler::{Delivery, HandlerResult};
use crate::consumer::identity::Identity;
use crate::consumer::member::common::Common;
use crate::consumer::member::held::Held;
use crate::consumer::member::outputs::{Output, Outputs, Target};
use crate::consumer::member::stage::{Company, Stage};
use crate::consumer::member::{Member, Part};
use crate::error::{Result, with_causes};
use crate::keys::StreamKeys;
use crate::message::{EntryId, OwnedMessage};
use crate::runtime::{Alarm, Bell, random_suffix};

/// The result of [`StreamManager::drain_now`](crate::StreamManager::drain_now).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DrainReport {
    /// Deliveries whose handler returned `Ok`.
    pub completed: usize,
    /// Deliveries that failed; each attempt counts.
    pub failed: usize,
    /// Entries moved to the dead letters.
    pub dead: usize,
}

impl DrainReport {
    /// Adds the report of another part.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            completed: self.completed + other.completed,
            failed: self.failed + other.failed,
            dead: self.dead + other.dead,
        }
    }
}

/// The consumer.
pub(crate) struct Inline {
    member: Arc<Member>,
}

impl Inline {
    /// A consumer of one stream, which may be a partition of the stream that `config`
    /// names.
    pub(crate) fn new(
        topology: &Arc<Topology>,
        config: ConsumerConfig,
        keys: StreamKeys,
        partition: Option<u16>,
    ) -> Result<Self> {
        let config = config.checked()?;
        let identity = Identity {
            topology: Arc::clone(topology),
            staff: Arc::default(),
            is_lazy: false,
            until_ended: Weak::<()>::new(),
            alarm: Alarm::default(),
            group: Group::new(keys, &config.group),
            config,
            counters: Arc::default(),
            program: Arc::default(),
            book: None,
            failure: Arc::default(),
        };
        let (settler, _) = crossbeam_channel::bounded(1);
        let name = format!("drain-now-{}", random_suffix());
        let common = Arc::new(Common::new(&identity, name, (1, None), Bell::default()));
        let part = Part {
            group: &identity.group,
            partition,
        };
        let member = Member::new(&identity, &common, part, settler, Bells::default());
        Ok(Self {
            member: Arc::new(member),
        })
    }

    /// Handles entries, retries included, until none is left.
    pub(crate) fn drain<M: OwnedMessage>(
        &self,
        wire: &mut Wire,
        handler: &mut dyn FnMut(&Delivery<M>) -> HandlerResult,
    ) -> Result<DrainReport> {
        let member = &self.member;
        let (group, mut report) = (&member.group, DrainReport::default());
        group.make(wire, member.config.start_from)?;
        loop {
            let due = ClaimDue {
                group,
                consumer: &member.name,
                most: 1,
                window: None,
                late: Duration::ZERO,
                leave: &[],
            };
            let due = due.run(wire)?;
            member.sign_of_life.observe(due.server_ms, Instant::now());
            let mut entries = due.answer.unwrap_or_default().claimed.entries;
            if entries.is_empty() {
                let read = Read {
                    group,
                    consumer: &member.name,
                    count: 1,
                    block: None,
                };
                read.send(wire, &[])?;
                entries = read.receive(wire)?;
            }
            if entries.is_empty() {
                group.leave(wire, &member.name)?;
                return Ok(report);
            }
            self.handle(wire, entries, handler, &mut report)?;
        }
    }

    fn handle<M: OwnedMessage>(
        &self,
        wire: &mut Wire,
        entries: Entries,
        handler: &mut dyn FnMut(&Delivery<M>) -> HandlerResult,
        report: &mut DrainReport,
    ) -> Result<()> {
        let member = &self.member;
        let held = Held::new(entries, Company::Any, Instant::now(), &Arc::default());
        let held = Arc::new(held);
        held.set_stage(0, Stage::Running);
        let taken = TakenEntry {
            member: Arc::clone(member),
            held: Arc::clone(&held),
            index: 0,
        };
        let (id, attempt) = (taken.held.id(0), taken.held.attempt(0));
        let outcome = if taken.is_for_another_group() {
            Outcome::Skipped
        } else {
            match taken.decode::<M>() {
                Ok(message) => match handler(&Delivery::new(message, taken)) {
                    Ok(()) => Outcome::Done,
                    Err(e) => Outcome::Failed(e.into()),
                },
                Err(e) => Outcome::Undecodable(e),
            }
        };
        let (group, config, name) = (&member.group, &member.config, &member.name);
        report.completed += usize::from(matches!(outcome, Outcome::Done));
        // In a test, which doesn't wait, each failure counts.
        let so_far = (attempt, u16::MAX);
        let verdict = judge(&outcome, so_far, &config.retry, config.on_undecodable);
        report.failed += usize::from(verdict != EntryVerdict::Ack);
        match verdict {
            EntryVerdict::Ack => match held.outputs.take(0) {
                Some(outputs) => self.write(wire, id, &outputs),
                None => ack_held(wire, group, name, &[id]).map(drop),
            },
            // A test waits for no backoff.
            EntryVerdict::Retry { .. } | EntryVerdict::Hold { .. } => {
                let parking = Parking {
                    id,
                    attempt,
                    delay: Some(Duration::ZERO),
                    deliveries: None,
                    mark: Mark::default(),
                };
                park(wire, group, name, &[parking]).map(drop)
            }
            EntryVerdict::Bury(reason) => {
                report.dead += 1;
                let cause = outcome.into_cause();
                let error = cause
                    .map(|cause| cause.error().to_string())
                    .unwrap_or_default();
                let burial = Burial {
                    id,
                    reason: reason.as_str(),
                    error: &error,
                };
                let bounds = DeadBounds {
                    length: config.dead_letter_max_length,
                    age: config.dead_letter_max_age,
                };
                let buried = bury(wire, group, name, bounds, &[burial])?;
                if let Some(refused) = &buried.refused {
                    log::warn!(
                        "{id} stays, since it can't be buried: {}",
                        with_causes(refused)
                    );
                }
                buried.refused.map_or(Ok(()), Err)
            }
        }
    }

    /// Writes the outputs of a delivery and acknowledges it, in one step.
    fn write(&self, wire: &mut Wire, id: EntryId, outputs: &Outputs) -> Result<()> {
        let member = &self.member;
        let mut targets = Vec::new();
        for output in outputs.iter() {
            let by = Instant::now() + Duration::from_secs(1);
            let whole = Target::whole(&output.stream);
            member.outputs.learn_first(&whole, by)?;
            targets.push(output.target(id));
        }
        for target in &targets {
            member.outputs.learn(target)?;
        }
        let keys: Vec<_> = targets.iter().map(Target::keys).collect();
        let messages = outputs.iter().filter_map(Output::message);
        let deliveries = [Completion {
            id,
            outputs: messages.enumerate().collect(),
        }];
        let commit = Commit {
            group: &member.group,
            consumer: &member.name,
            streams: &keys,
            window: Duration::from_secs(120),
            deliveries: &deliveries,
        };
        let (outcomes, _) = commit.run(wire, None)?;
        match outcomes.into_iter().next() {
            Some(Committed::Refused(error)) => Err(error),
            _ => Ok(()),
        }
    }
}
