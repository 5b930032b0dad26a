//! Due times that follow the server's clock.

use std::time::Duration;

use super::Group;
use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use crate::connection::Wire;
use crate::error::Result;

static MOVE_DUE: Script = script!(flags: "#!lua flags=allow-oom\n", "move_due.lua");

/// The progress of a move of due times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DueMove {
    /// By how much the clock was set back.
    pub(crate) back: Duration,
    /// How many times due times were moved, as far as known.
    pub(crate) moves: u64,
    /// The due time to go on with; empty at the beginning.
    pub(crate) from: String,
}

impl DueMove {
    /// Moves up to `most` due times, unless another process does so. Returns
    /// whether there are more.
    pub(crate) fn step(&mut self, wire: &mut Wire, group: &Group, most: usize) -> Result<bool> {
        let reply = MOVE_DUE
            .call(&[group.waiting(), group.meta()])
            .arg(group.name())
            .number(self.moves)
            .millis(self.back)
            .arg(&self.from)
            .number(most as u64)
            .run(wire)?;
        let mut tokens = Tokens::new(&reply);
        if tokens.array()? != 2 {
            return Err(unexpected("move_due"));
        }
        self.moves = u64::try_from(tokens.int()?).unwrap_or(0);
        tokens.text()?.clone_into(&mut self.from);
        Ok(!self.from.is_empty())
    }
}
