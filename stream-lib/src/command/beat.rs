//! Signs of life between the members of a group, and a look at what its
//! consumers hold.

use std::collections::HashMap;
use std::time::Duration;

use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use super::together::run_together;
use super::{Group, GroupHold};
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
    /// The group is held.
    pub(crate) hold: Option<GroupHold>,
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
        let beat = BEAT
            .call(&[self.group.members(), self.group.hold()])
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
        let [beat, look] = run_together(wire, [&beat, &look])?;
        let (server_ms, signs, hold) = signs(&beat)?;
        let (has_strays, holdings) = holdings(&look)?;
        Ok(Look {
            server_ms,
            signs,
            holdings,
            has_strays,
            hold,
        })
    }
}

/// The server's time, the signs, and the hold.
type Signs = (u64, HashMap<Vec<u8>, i64>, Option<GroupHold>);

fn signs(reply: &Reply) -> Result<Signs> {
    let mut tokens = Tokens::new(reply);
    if tokens.array()? != 3 {
        return Err(unexpected("beat"));
    }
    let server_ms = u64::try_from(tokens.int()?).map_err(|_| unexpected("beat"))?;
    let signs = (0..tokens.array()? / 2)
        .map(|_| Ok((tokens.bytes()?.to_vec(), tokens.int()?)))
        .collect::<Result<_>>()?;
    Ok((server_ms, signs, GroupHold::parse(tokens.bytes()?)))
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
