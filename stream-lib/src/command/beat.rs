//! Signs of life between the members of a group, and a look at what its
//! consumers hold.

use std::collections::HashMap;
use std::time::Duration;

use super::Group;
use super::reply::{Tokens, int, unexpected};
use super::schedule::pack_count;
use super::script::{Script, script};
use super::together::run_together_with;
use crate::connection::{Reply, Wire};
use crate::error::Result;

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
    /// The stream has scheduled messages, as far as this user may know.
    pub(crate) has_scheduled: bool,
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
    /// Gives the sign, and looks, in one request, which also asks whether anything is
    /// scheduled.
    pub(crate) fn give(&self, wire: &mut Wire) -> Result<Look> {
        let beat = BEAT
            .call(&[self.group.members()])
            .arg(self.member)
            .millis(self.lease)
            .millis(self.keep)
            .millis(self.set_back);
        let look = LOOK
            .call(&[self.group.stream(), self.group.waiting()])
            .arg(self.group.name());
        let look = if self.name_idle {
            look.millis(self.keep)
        } else {
            look.arg("")
        };
        let mut count = Vec::with_capacity(64);
        pack_count(&mut count, self.group.keys());
        let ([beat, look], count) = run_together_with(wire, [&beat, &look], &count)?;
        let (server_ms, signs) = signs(&beat)?;
        let (has_strays, holdings) = holdings(&look)?;
        Ok(Look {
            server_ms,
            signs,
            holdings,
            has_strays,
            has_scheduled: int(count.as_ref()).is_ok_and(|count| count > 0),
        })
    }
}

fn signs(reply: &Reply) -> Result<(u64, HashMap<Vec<u8>, i64>)> {
    let mut tokens = Tokens::new(reply);
    if tokens.array()? != 2 {
        return Err(unexpected("beat"));
    }
    let server_ms = u64::try_from(tokens.int()?).map_err(|_| unexpected("beat"))?;
    let signs = (0..tokens.array()? / 2)
        .map(|_| Ok((tokens.bytes()?.to_vec(), tokens.int()?)))
        .collect::<Result<_>>()?;
    Ok((server_ms, signs))
}

fn holdings(reply: &Reply) -> Result<(bool, Vec<Holding>)> {
    let mut tokens = Tokens::new(reply);
    if tokens.array()? != 2 {
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
    Ok((has_strays, holdings))
}
