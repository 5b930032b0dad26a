//! The checks and calls before the threads of a consumer start.

use std::time::Instant;

use crate::command::{self, Group};
use crate::config::ConsumerConfig;
use crate::connection::{Wire, answer_of};
use crate::consumer::brief::SOON;
use crate::consumer::divided::find_partitions;
use crate::consumer::identity::Identity;
use crate::consumer::member::Member;
use crate::consumer::member::common::Common;
use crate::consumer::member::sign_of_life::{Giver, SignOfLife};
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::partition::Partitions;

/// The result of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prepared {
    /// The group exists.
    Whole,
    /// The stream has partitions, and the group exists in each of them.
    Parts(Partitions),
    /// Redis is away, and nothing is known.
    Nothing,
}

/// Makes the group and checks the permissions, within the connect timeout. If Redis is
/// away, the reader makes the group later; any other error is returned. `member` is for a
/// stream without partitions.
pub(super) fn prepare(identity: &Identity, common: &Common, member: &Member) -> Result<Prepared> {
    let group = &member.group;
    let prepared = make_group(member).and_then(|partitions| match partitions {
        None => Ok(Prepared::Whole),
        Some(partitions) => {
            make_groups(identity, common, partitions)?;
            Ok(Prepared::Parts(partitions))
        }
    });
    match prepared {
        Ok(prepared) => {
            if prepared == Prepared::Whole {
                member.health.reached_at_start();
            }
            Ok(prepared)
        }
        // All of it may be repeated: nothing adds up.
        Err(e) if answer_of(&e).may_pass() => {
            log::warn!(
                "the consumer of `{}` starts without Redis, and reads as soon as it can: {}",
                group.stream(),
                with_causes(&e)
            );
            Ok(Prepared::Nothing)
        }
        Err(e) => Err(e.while_doing(format_args!(
            "starting a consumer of `{}` in the group `{}`",
            group.stream(),
            group.name()
        ))),
    }
}

/// Makes the group; if the stream has partitions, returns them instead.
fn make_group(member: &Member) -> Result<Option<Partitions>> {
    let Member { group, config, .. } = member;
    let key = group.stream().as_bytes();
    let timeout = member.topology.connect_timeout();
    let deadline = Instant::now() + timeout;
    member.topology.run(key, timeout, |wire| {
        wire.answer_by(deadline);
        if let Some(partitions) = find_partitions(group, wire)? {
            return Ok(Some(partitions));
        }
        group.make(wire, config.start_from)?;
        command::preflight(wire, group, &member.name)?;
        group.join(wire, &member.name)?;
        member.beat(wire, false).inspect_err(|_| {
            // A consumer that doesn't start leaves nothing behind.
            let _ = group.leave(wire, &member.name);
        })?;
        Ok(None)
    })
}

/// Makes the group in all partitions, so that it begins everywhere at the same time,
/// whenever each of them is first read. Checks the permissions in one of them.
///
/// The sign of life is given first, and again at the end: a process that deletes the
/// stream either sees the sign or the groups, or this consumer sees the deletion and
/// doesn't begin.
fn make_groups(identity: &Identity, common: &Common, partitions: Partitions) -> Result<()> {
    let topology = &identity.topology;
    let timeout = topology.connect_timeout();
    let deadline = Instant::now() + timeout;
    let left = || deadline.saturating_duration_since(Instant::now());
    let signs = Signs { identity, common };
    let begun = signs.give(deadline).and_then(|_| {
        for partition in partitions.all() {
            let group = identity.group.partition(partition);
            topology.run(group.stream().as_bytes(), left(), |wire| {
                wire.answer_by(deadline);
                group.make(wire, identity.config.start_from)?;
                if partition == 0 {
                    command::preflight(wire, &group, &common.name)?;
                }
                Ok(())
            })?;
        }
        match signs.give(deadline)? {
            found if found == Some(partitions) => Ok(()),
            _ => Err(Error::new(
                ErrorKind::InUse,
                "the stream was deleted meanwhile; start the consumer again",
            )),
        }
    });
    // A consumer that doesn't start leaves nothing behind.
    begun.inspect_err(|_| signs.take_back(deadline))
}

/// Takes back the sign of life of a consumer that doesn't begin after all.
pub(super) fn take_back_sign(identity: &Identity, common: &Common) {
    Signs { identity, common }.take_back(Instant::now() + SOON);
}

/// The signs of life of a consumer that is about to begin.
struct Signs<'a> {
    identity: &'a Identity,
    common: &'a Common,
}

impl Signs<'_> {
    /// Gives a sign. Returns the partitions of the stream.
    fn give(&self, deadline: Instant) -> Result<Option<Partitions>> {
        let ConsumerConfig {
            lease,
            consumer_expiry,
            ..
        } = self.identity.config;
        let sign = SignOfLife::new(lease);
        let facts = self.common.facts();
        let given = self.on_stem(deadline, |wire, group, name| {
            let giver = Giver {
                group,
                name,
                keep: consumer_expiry,
                facts: &facts,
            };
            sign.give_alone(wire, &giver, false)
        });
        Ok(given?.partitions)
    }

    fn take_back(&self, deadline: Instant) {
        let _ = self.on_stem(deadline, |wire, group, name| group.resign(wire, name));
    }

    fn on_stem<T>(
        &self,
        deadline: Instant,
        mut operation: impl FnMut(&mut Wire, &Group, &str) -> Result<T>,
    ) -> Result<T> {
        let Self { identity, common } = self;
        let left = deadline.saturating_duration_since(Instant::now());
        let key = identity.group.stream().as_bytes();
        identity.topology.run(key, left, |wire| {
            wire.answer_by(deadline);
            operation(wire, &identity.group, &common.name)
        })
    }
}

/// The default label of a consumer: host and process id.
pub(super) fn default_label() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "host".to_owned());
    format!("{host}-{}", std::process::id())
}
