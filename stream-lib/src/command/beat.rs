//! Signs of life of the members of a group, and the holdings of its consumers.

use std::collections::HashMap;
use std::time::Duration;

use redis::cmd;

use super::deleting::being_deleted;
use super::reply::{Tokens, int, unexpected};
use super::schedule::pack_count;
use super::script::{Call, Script, script};
use super::together::run_together_with;
use super::{Group, GroupHold};
use crate::connection::{Reply, Wire, from_redis};
use crate::error::Result;
use crate::partition::Partitions;

static BEAT: Script = script!(flags: "#!lua flags=allow-oom\n", "beat.lua");
static LOOK: Script = script!(flags: "#!lua flags=allow-oom\n", "look.lua");

/// A sign of life, with a look at the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beat<'a> {
    pub(crate) group: &'a Group,
    pub(crate) member: &'a str,
    pub(crate) lease: Duration,
    /// How long lapsed signs of others are kept.
    pub(crate) keep: Duration,
    /// By how much the server's clock was set back since the last one.
    pub(crate) set_back: Duration,
    /// Whether to also name consumers that hold nothing and were not seen for as long as
    /// signs are kept.
    pub(crate) name_idle: bool,
    /// The member's facts, as JSON; empty for none.
    pub(crate) facts: &'a str,
    /// Whether to remove facts of members without a sign.
    pub(crate) sweeps: bool,
    /// The member stops: it lives, but wants no share of the partitions any more.
    pub(crate) leaves: bool,
}

/// The answer to a sign of life.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// The server's clock, in milliseconds since 1970.
    pub(crate) server_ms: u64,
    /// The other members, with the milliseconds until their signs lapse, which
    /// are negative once they have.
    pub(crate) signs: HashMap<Vec<u8>, i64>,
    pub(crate) holdings: Vec<Holding>,
    /// `~waiting` holds entries whose due times are lost.
    pub(crate) has_strays: bool,
    /// The group is held.
    pub(crate) hold: Option<GroupHold>,
    /// The stream has scheduled messages, as far as this user may know.
    pub(crate) has_scheduled: bool,
    /// The partitions that the stream is declared to have.
    pub(crate) partitions: Option<Partitions>,
}

/// The answer to a sign of life alone.
#[derive(Debug)]
pub(crate) struct SignGiven {
    /// As in a [`Look`].
    pub(crate) server_ms: u64,
    /// As in a [`Look`].
    pub(crate) signs: HashMap<Vec<u8>, i64>,
    pub(crate) partitions: Option<Partitions>,
    /// As in a [`Look`].
    pub(crate) hold: Option<GroupHold>,
}

/// A consumer by `XINFO CONSUMERS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holding {
    /// Names given by other programs need not be text.
    pub(crate) consumer: Vec<u8>,
    pub(crate) pending: u64,
    pub(crate) idle: Duration,
}

impl Beat<'_> {
    /// Gives the sign, and looks, in one request, which also asks whether anything is
    /// scheduled.
    pub(crate) fn give(&self, wire: &mut Wire) -> Result<Look> {
        let look = look_call(self.group, self.name_idle.then_some(self.keep));
        let mut count = Vec::with_capacity(64);
        pack_count(&mut count, self.group.keys());
        let ([beat, look], count) = run_together_with(wire, [&self.call(), &look], &count)?;
        let given = signs(&beat)?;
        Ok(Look {
            server_ms: given.server_ms,
            signs: given.signs,
            partitions: given.partitions,
            hold: given.hold,
            has_scheduled: is_above_zero(&count),
            ..holdings(&look)?
        })
    }

    /// Gives the sign, and looks at the other signs only.
    pub(crate) fn give_sign(&self, wire: &mut Wire) -> Result<SignGiven> {
        signs(&self.call().run(wire)?)
    }

    fn call(&self) -> Call<'static> {
        let lease = self.lease.as_millis();
        // The half doesn't change how long the member counts as alive.
        let half = if self.leaves { ".5" } else { "" };
        let group = self.group;
        let keys = [group.members(), group.meta(), group.hold(), group.facts()];
        BEAT.call(&keys)
            .arg(self.member)
            .shown(&format_args!("{lease}{half}"))
            .millis(self.keep)
            .millis(self.set_back)
            .arg(self.facts)
            .arg(if self.sweeps { "sweep" } else { "" })
    }
}

/// Looks at what the consumers of a group hold. Those that hold nothing are named, too,
/// if they were not seen for `idle`. There are no signs in the answer. The same
/// request asks whether anything is scheduled.
pub(crate) fn look(wire: &mut Wire, group: &Group, idle: Option<Duration>) -> Result<Look> {
    let mut count = Vec::with_capacity(64);
    pack_count(&mut count, group.keys());
    let ([look], count) = run_together_with(wire, [&look_call(group, idle)], &count)?;
    Ok(Look {
        has_scheduled: is_above_zero(&count),
        ..holdings(&look)?
    })
}

/// Whether a count is known to be above zero.
fn is_above_zero(count: &Reply) -> bool {
    int(count.as_ref()).is_ok_and(|count| count > 0)
}

fn look_call(group: &Group, idle: Option<Duration>) -> Call<'static> {
    let look = LOOK
        .call(&[group.stream(), group.waiting()])
        .arg(group.name());
    match idle {
        Some(idle) => look.millis(idle),
        None => look.arg(""),
    }
}

/// The sign of life of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sign {
    pub(crate) member: Vec<u8>,
    /// The end of its life, in milliseconds since 1970 by the server's clock.
    pub(crate) till: u64,
    /// As in its [`Beat`].
    pub(crate) leaves: bool,
}

/// The signs of life of a group's members (`ZRANGE`).
pub(crate) fn members(wire: &mut Wire, group: &Group) -> Result<Vec<Sign>> {
    let members: Vec<(Vec<u8>, f64)> = cmd("ZRANGE")
        .arg(group.members())
        .arg(0)
        .arg(-1)
        .arg("WITHSCORES")
        .query(wire)
        .map_err(from_redis)?;
    Ok(signs_of(members))
}

/// The signs in an answer to `ZRANGE … WITHSCORES`.
pub(super) fn signs_of(members: Vec<(Vec<u8>, f64)>) -> Vec<Sign> {
    let members = members.into_iter();
    members.map(|(name, score)| sign(name, score)).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times in ms are positive and small; others saturate"
)]
fn sign(member: Vec<u8>, score: f64) -> Sign {
    Sign {
        member,
        till: score as u64,
        leaves: score.fract() > 0.25,
    }
}

/// Fails with `InUse` if the stream is being deleted.
fn signs(reply: &Reply) -> Result<SignGiven> {
    if let Some(error) = Tokens::new(reply).text().ok().and_then(being_deleted) {
        return Err(error);
    }
    let mut tokens = Tokens::new(reply);
    if tokens.array()? != 4 {
        return Err(unexpected("beat"));
    }
    let server_ms = u64::try_from(tokens.int()?).map_err(|_| unexpected("beat"))?;
    let signs = (0..tokens.array()? / 2)
        .map(|_| Ok((tokens.bytes()?.to_vec(), tokens.int()?)))
        .collect::<Result<_>>()?;
    Ok(SignGiven {
        server_ms,
        signs,
        partitions: partitions(tokens.bytes()?),
        hold: GroupHold::parse(tokens.bytes()?),
    })
}

/// An invalid number counts as none.
fn partitions(text: &[u8]) -> Option<Partitions> {
    let count = str::from_utf8(text).ok()?.parse().ok()?;
    Partitions::new(count).ok()
}

fn holdings(reply: &Reply) -> Result<Look> {
    let mut tokens = Tokens::new(reply);
    if tokens.array()? != 3 {
        return Err(unexpected("look"));
    }
    let has_strays = tokens.int()? > 0;
    let holdings = (0..tokens.array()? / 3)
        .map(|_| {
            let consumer = tokens.bytes()?.to_vec();
            let pending = u64::try_from(tokens.int()?).unwrap_or(0);
            let idle = Duration::from_millis(u64::try_from(tokens.int()?).unwrap_or(0));
            Ok(Holding {
                consumer,
                pending,
                idle,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Look {
        server_ms: u64::try_from(tokens.int()?).map_err(|_| unexpected("look"))?,
        holdings,
        has_strays,
        ..Look::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_with_a_half_is_that_of_a_member_that_leaves() {
        let is = |score, till, leaves| {
            let sign = sign(b"a".to_vec(), score);
            assert_eq!((sign.till, sign.leaves), (till, leaves), "{score}");
        };
        is(1_700_000_000_000.0, 1_700_000_000_000, false);
        is(1_700_000_000_000.5, 1_700_000_000_000, true);
        is(-1.0, 0, false);
    }
}
