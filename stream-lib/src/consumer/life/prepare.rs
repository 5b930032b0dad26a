//! The checks and calls before the threads of a consumer start.

use std::time::Instant;

use crate::command;
use crate::connection::answer_of;
use crate::consumer::member::Member;
use crate::error::{Result, with_causes};

/// Makes the group and checks the permissions, within the connect timeout. Where
/// Redis is away, the reader makes the group later; any other error is the
/// caller's.
pub(super) fn prepare(member: &Member) -> Result<()> {
    let group = &member.group;
    match make_group(member) {
        Ok(()) => {
            member.health.reached_at_start();
            Ok(())
        }
        // All of it may be done again: nothing adds up.
        Err(e) if answer_of(&e).may_pass() => {
            log::warn!(
                "the consumer of `{}` starts without Redis, and reads as soon as it can: {}",
                group.stream(),
                with_causes(&e)
            );
            Ok(())
        }
        Err(e) => Err(e.while_doing(format_args!(
            "starting a consumer of `{}` in the group `{}`",
            group.stream(),
            group.name()
        ))),
    }
}

fn make_group(member: &Member) -> Result<()> {
    let Member { group, config, .. } = member;
    let key = group.stream().as_bytes();
    let timeout = member.topology.connect_timeout();
    let deadline = Instant::now() + timeout;
    member
        .topology
        .run(key, timeout, |wire| {
            wire.answer_by(deadline);
            group.make(wire, config.start_from)?;
            command::preflight(wire, group, &member.name)?;
            group.join(wire, &member.name)?;
            member.beat(wire, false).inspect_err(|_| {
                // A consumer that doesn't start leaves nothing behind.
                let _ = group.leave(wire, &member.name);
            })
        })
        .map(drop)
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
