//! The turns of a group's rate.

use std::time::Duration;

use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use super::{Group, GroupHold};
use crate::connection::Wire;
use crate::error::Result;

// Allowed at full memory: it writes two small keys that lapse, and entries must still be
// handled.
static TAKE_TURNS: Script = script!(flags: "#!lua flags=allow-oom\n", "take_turns.lua");

/// A request for turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TakeTurns<'a> {
    pub(crate) group: &'a Group,
    /// The value with a rate of its own; `None` for the rate of the whole group.
    pub(crate) key: Option<&'a [u8]>,
    /// The time from one turn to the next.
    pub(crate) interval: Duration,
    /// How many may come at once.
    pub(crate) burst: u32,
    /// How many turns to take.
    pub(crate) want: u32,
    /// How far ahead of their time they may be taken.
    pub(crate) ahead: Duration,
}

/// The answer to a [`TakeTurns`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turns {
    pub(crate) count: u32,
    /// The time from the server's answer until the first may begin, negative if it has
    /// passed; the others follow one interval apart.
    pub(crate) first_us: i64,
    /// How long to wait if there are none.
    pub(crate) wait: Duration,
    pub(crate) server_ms: u64,
    /// The group is held.
    pub(crate) hold: Option<GroupHold>,
}

impl TakeTurns<'_> {
    pub(crate) fn run(&self, wire: &mut Wire) -> Result<Turns> {
        let mut rate = self.group.rate().as_bytes().to_vec();
        if let Some(key) = self.key {
            rate.push(b':');
            rate.extend_from_slice(key);
        }
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let reply = TAKE_TURNS
            .call(&[])
            .key(&rate)
            .key(self.group.hold().as_bytes())
            .number(micros(self.interval))
            .number(u64::from(self.burst))
            .number(u64::from(self.want))
            .number(micros(self.ahead))
            .run(wire)?;
        let mut tokens = Tokens::new(&reply);
        if tokens.array()? != 5 {
            return Err(unexpected("take_turns"));
        }
        let positive = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(Turns {
            count: u32::try_from(tokens.int()?).unwrap_or(0),
            first_us: tokens.int()?,
            wait: Duration::from_micros(positive(tokens.int()?)),
            server_ms: positive(tokens.int()?) / 1_000,
            hold: GroupHold::parse(tokens.bytes()?),
        })
    }
}
