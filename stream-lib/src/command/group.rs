//! A consumer group, and membership in it.

use redis::cmd;

use super::reply::Tokens;
use super::script::{Script, script};
use crate::config::StartFrom;
use crate::connection::{Wire, from_redis};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;

static LEAVE: Script = script!("leave.lua");

/// A group and the keys that its commands touch.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    keys: StreamKeys,
    name: String,
    waiting: String,
    dead: String,
    meta: String,
    members: String,
    lock_alone: String,
}

/// What [`Group::make`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MakeGroup {
    Made,
    Stood,
}

impl Group {
    pub(crate) fn new(keys: StreamKeys, name: &str) -> Self {
        Self {
            waiting: keys.waiting(name),
            dead: keys.dead(),
            meta: keys.meta(),
            members: keys.members(name),
            lock_alone: keys.lock(&format!("alone:{name}")),
            name: name.to_owned(),
            keys,
        }
    }

    pub(crate) fn keys(&self) -> &StreamKeys {
        &self.keys
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn stream(&self) -> &str {
        self.keys.stream()
    }

    pub(crate) fn waiting(&self) -> &str {
        &self.waiting
    }

    pub(crate) fn dead(&self) -> &str {
        &self.dead
    }

    pub(crate) fn meta(&self) -> &str {
        &self.meta
    }

    /// The members' signs of life.
    pub(crate) fn members(&self) -> &str {
        &self.members
    }

    /// The lock for a delivery that runs alone in the whole group.
    pub(crate) fn lock_alone(&self) -> &str {
        &self.lock_alone
    }

    /// Makes the group, and the stream with it, where they don't stand yet
    /// (`XGROUP CREATE … MKSTREAM`).
    pub(crate) fn make(&self, wire: &mut Wire, from: StartFrom) -> Result<MakeGroup> {
        let made = cmd("XGROUP")
            .arg("CREATE")
            .arg(self.stream())
            .arg(&self.name)
            .arg(from.after())
            .arg("MKSTREAM")
            .exec(wire);
        match made {
            Ok(()) => Ok(MakeGroup::Made),
            Err(e) if e.code() == Some("BUSYGROUP") => Ok(MakeGroup::Stood),
            Err(e) => Err(from_redis(e)),
        }
    }

    /// Makes the consumer known (`XGROUP CREATECONSUMER`): before 7.2 a read
    /// that finds nothing doesn't.
    pub(crate) fn join(&self, wire: &mut Wire, consumer: &str) -> Result<()> {
        cmd("XGROUP")
            .arg("CREATECONSUMER")
            .arg(self.stream())
            .arg(&self.name)
            .arg(consumer)
            .exec(wire)
            .map_err(from_redis)
    }

    /// Removes the consumer, if it holds nothing. Returns whether it is gone.
    pub(crate) fn leave(&self, wire: &mut Wire, consumer: &str) -> Result<bool> {
        let reply = LEAVE
            .call(&[self.stream(), &self.meta])
            .arg(&self.name)
            .arg(consumer)
            .run(wire);
        match reply {
            Ok(reply) => Ok(Tokens::new(&reply).int()? == 1),
            Err(e) if e.kind() == ErrorKind::NoGroup => Ok(true),
            Err(e) => Err(e),
        }
    }
}

/// Ends the read that another connection is blocked in (`CLIENT UNBLOCK`).
pub(crate) fn unblock(wire: &mut Wire, client: i64) -> Result<()> {
    cmd("CLIENT")
        .arg("UNBLOCK")
        .arg(client)
        .exec(wire)
        .map_err(from_redis)
}

/// The error of a consumer whose group has vanished and is not to be made again.
pub(crate) fn group_lost(group: &Group) -> Error {
    Error::new(
        ErrorKind::NoGroup,
        format!(
            "the group `{}` of `{}` has vanished (the stream was deleted, or the server flushed)",
            group.name,
            group.stream()
        ),
    )
}
