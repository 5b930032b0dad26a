//! Signs of life between the members of a group, and a look at what its
//! consumers hold.

use std::collections::HashMap;
use std::time::Duration;

use redis::cmd;

use super::Group;
use super::reply::{Tokens, unexpected};
use super::script::{Call, Script, script};
use super::together::run_together;
use crate::connection::{Reply, Wire, from_redis};
use crate::error::Result;
use crate::partition::Partitions;

static BEAT: Script = script!(flags: "#!lua flags=allow-oom\n", "beat.lua");
static LOOK: Script = script!(flags: "#!lua flags=allow-oom\n", "look.lua");

/// A sign of life, and the look at the others that goes with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beat<'a> {
    pub(crate) group: &'a Group,
    pub(crate) member: &'a str,
    pub(crate) lease: Duration,
    /// How long others' signs are kept that have lapsed.
    pub(crate) keep: Duration,
    /// By how much the server's clock was set back since the last one.
    pub(crate) set_back: Duration,
    /// Whether to name consumers, too, that hold nothing and were not seen for
    /// as long as signs are kept.
    pub(crate) name_idle: bool,
}

/// What a sign of life is answered with.
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
    /// The partitions that the stream is declared to have.
    pub(crate) partitions: Option<Partitions>,
}

/// What a sign of life alone is answered with.
#[derive(Debug)]
pub(crate) struct SignGiven {
    /// As in a [`Look`].
    pub(crate) server_ms: u64,
    /// As in a [`Look`].
    pub(crate) signs: HashMap<Vec<u8>, i64>,
    pub(crate) partitions: Option<Partitions>,
}

/// What Redis says of a consumer (`XINFO CONSUMERS`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holding {
    /// Of programs in other languages this need not be text.
    pub(crate) consumer: Vec<u8>,
    pub(crate) pending: u64,
    pub(crate) idle: Duration,
}

impl Beat<'_> {
    /// Gives the sign, and looks, in one request.
    pub(crate) fn give(&self, wire: &mut Wire) -> Result<Look> {
        let look = look_call(self.group, self.name_idle.then_some(self.keep));
        let [beat, look] = run_together(wire, [&self.call(), &look])?;
        let given = signs(&beat)?;
        Ok(Look {
            server_ms: given.server_ms,
            signs: given.signs,
            partitions: given.partitions,
            ..holdings(&look)?
        })
    }

    /// Gives the sign, and looks at the other signs only.
    pub(crate) fn give_sign(&self, wire: &mut Wire) -> Result<SignGiven> {
        signs(&self.call().run(wire)?)
    }

    fn call(&self) -> Call<'static> {
        BEAT.call(&[self.group.members(), self.group.meta()])
            .arg(self.member)
            .millis(self.lease)
            .millis(self.keep)
            .millis(self.set_back)
    }
}

/// Looks at what the consumers of a group hold. Those that hold nothing are named, too,
/// where they were not seen for `idle`. There are no signs in the answer.
pub(crate) fn look(wire: &mut Wire, group: &Group, idle: Option<Duration>) -> Result<Look> {
    holdings(&look_call(group, idle).run(wire)?)
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

/// The signs of life of a group's members (`ZRANGE`): until when each is alive, in
/// milliseconds since 1970 by the server's clock.
pub(crate) fn members(wire: &mut Wire, group: &Group) -> Result<Vec<(Vec<u8>, u64)>> {
    let members: Vec<(Vec<u8>, f64)> = cmd("ZRANGE")
        .arg(group.members())
        .arg(0)
        .arg(-1)
        .arg("WITHSCORES")
        .query(wire)
        .map_err(from_redis)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "times in ms are whole, positive and small; others saturate"
    )]
    let till = |score: f64| score as u64;
    let members = members.into_iter();
    Ok(members.map(|(name, score)| (name, till(score))).collect())
}

fn signs(reply: &Reply) -> Result<SignGiven> {
    let mut tokens = Tokens::new(reply);
    if tokens.array()? != 3 {
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
    })
}

/// A number that is none of ours counts for none.
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
