//! The checks and calls before the threads of a consumer start.

use std::time::Instant;

use crate::command;
use crate::connection::answer_of;
use crate::consumer::divided::find_partitions;
use crate::consumer::identity::Identity;
use crate::consumer::member::Member;
use crate::consumer::member::common::Common;
use crate::error::{Result, with_causes};
use crate::partition::Partitions;

/// What the checks have shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prepared {
    /// The group stands.
    Whole,
    /// The stream has partitions, and the group stands in each of them.
    Parts(Partitions),
    /// Redis is away, and nothing is known.
    Nothing,
}

/// Makes the group and checks the permissions, within the connect timeout. Where
/// Redis is away, the reader makes the group later; any other error is the
/// caller's. `member` is for a stream without partitions.
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
        // All of it may be done again: nothing adds up.
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

/// Makes the group, unless the stream has partitions, which are returned then.
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
/// whichever consumer reads them when. Checks the permissions in one of them.
fn make_groups(identity: &Identity, common: &Common, partitions: Partitions) -> Result<()> {
    let topology = &identity.topology;
    let timeout = topology.connect_timeout();
    let deadline = Instant::now() + timeout;
    for partition in partitions.all() {
        let group = identity.group.partition(partition);
        let left = deadline.saturating_duration_since(Instant::now());
        topology.run(group.stream().as_bytes(), left, |wire| {
            wire.answer_by(deadline);
            group.make(wire, identity.config.start_from)?;
            if partition == 0 {
                command::preflight(wire, &group, &common.name)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The label of a consumer without one: host and process id.
pub(super) fn default_label() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "host".to_owned());
    format!("{host}-{}", std::process::id())
}
