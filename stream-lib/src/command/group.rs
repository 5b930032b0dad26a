//! A consumer group, and membership in it.

use redis::cmd;

use super::pack;
use super::reply::{Tokens, checked, unexpected};
use super::script::{Script, script};
use crate::config::StartFrom;
use crate::connection::{Wire, from_redis};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;

static LEAVE: Script = script!(flags: "#!lua flags=allow-oom\n", "leave.lua");
static JOIN: Script = script!(flags: "#!lua flags=allow-oom\n", "join.lua");

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
    hold: String,
    rate: String,
    facts: String,
    lock_owner: String,
    /// This is a partition's part of the group.
    is_part: bool,
}

/// The result of [`Group::make`].
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
            hold: keys.hold(name),
            rate: keys.rate(name),
            facts: keys.facts(name),
            lock_owner: keys.lock(&format!("owner:{name}")),
            name: name.to_owned(),
            is_part: false,
            keys,
        }
    }

    /// The same group in one partition of the stream: with the keys of the partition,
    /// except those that the group has once.
    pub(crate) fn partition(&self, number: u16) -> Self {
        Self {
            members: self.members.clone(),
            facts: self.facts.clone(),
            is_part: true,
            ..Self::new(self.keys.partition(number), &self.name)
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

    /// The key of the signs of life.
    pub(crate) fn members(&self) -> &str {
        &self.members
    }

    /// The key of the hold.
    pub(crate) fn hold(&self) -> &str {
        &self.hold
    }

    /// The key of the rate.
    pub(crate) fn rate(&self) -> &str {
        &self.rate
    }

    /// The key of the members' facts.
    pub(crate) fn facts(&self) -> &str {
        &self.facts
    }

    /// The lock for a delivery that runs alone in the whole group.
    pub(crate) fn lock_alone(&self) -> &str {
        &self.lock_alone
    }

    /// The lock of the member that owns this partition.
    pub(crate) fn lock_owner(&self) -> &str {
        &self.lock_owner
    }

    /// Creates the group, and its stream, unless they exist (`XGROUP CREATE … MKSTREAM`).
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
            Err(e) if e.code() == Some("OOM") => self.make_and_join(wire, &from.after(), ""),
            Err(e) => Err(from_redis(e)),
        }
    }

    /// Creates the consumer (`XGROUP CREATECONSUMER`): before 7.2 a read that finds
    /// nothing doesn't.
    pub(crate) fn join(&self, wire: &mut Wire, consumer: &str) -> Result<()> {
        let joined = cmd("XGROUP")
            .arg("CREATECONSUMER")
            .arg(self.stream())
            .arg(&self.name)
            .arg(consumer)
            .exec(wire);
        match joined {
            Err(e) if e.code() == Some("OOM") => self.make_and_join(wire, "", consumer).map(drop),
            joined => joined.map_err(from_redis),
        }
    }

    /// As [`join`](Self::join). Returns whether the group exists.
    pub(crate) fn stands_with(&self, wire: &mut Wire, consumer: &str) -> Result<bool> {
        match self.join(wire, consumer) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == ErrorKind::NoGroup => Ok(false),
            // The stream doesn't exist.
            Err(e) if e.to_string().contains("requires the key to exist") => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// As [`make`](Self::make) and [`join`](Self::join), if the server's memory is
    /// full.
    fn make_and_join(&self, wire: &mut Wire, after: &str, consumer: &str) -> Result<MakeGroup> {
        let reply = JOIN
            .call(&[self.stream()])
            .arg(&self.name)
            .arg(after)
            .arg(consumer)
            .run(wire)?;
        let is_made = Tokens::new(&reply).int()? == 1;
        Ok(if is_made {
            MakeGroup::Made
        } else {
            MakeGroup::Stood
        })
    }

    /// Removes the consumer, if it holds nothing, and its sign of life, unless this is
    /// one of its partitions. Returns whether it is gone.
    pub(crate) fn leave(&self, wire: &mut Wire, consumer: &str) -> Result<bool> {
        let is_gone = match self.remove(wire, &[consumer.as_bytes()]) {
            Ok(removed) => !removed.is_empty(),
            Err(e) if e.kind() == ErrorKind::NoGroup => true,
            Err(e) => return Err(e),
        };
        if is_gone && !self.is_part {
            self.resign(wire, consumer)?;
        }
        Ok(is_gone)
    }

    /// Removes the sign of life of a consumer, and its facts (`ZREM`, `HDEL`), in one
    /// request.
    pub(crate) fn resign(&self, wire: &mut Wire, consumer: &str) -> Result<()> {
        let (members, facts) = (self.members.as_bytes(), self.facts.as_bytes());
        let mut packed = Vec::with_capacity(128);
        pack::command(&mut packed, &[b"ZREM", members, consumer.as_bytes()]);
        pack::command(&mut packed, &[b"HDEL", facts, consumer.as_bytes()]);
        let mut replies = wire.exchange_all(&packed, 2)?.into_iter();
        // Without permission for the facts, the member has written none.
        let sign = replies.next().ok_or_else(|| unexpected("an answer"))?;
        checked(sign).map(drop)
    }

    /// Removes those of the consumers that hold nothing. Returns their names.
    pub(crate) fn remove(&self, wire: &mut Wire, consumers: &[&[u8]]) -> Result<Vec<String>> {
        let call = LEAVE.call(&[self.stream()]).arg(&self.name);
        let call = consumers.iter().fold(call, |call, name| call.bytes(name));
        let reply = call.run(wire)?;
        let mut tokens = Tokens::new(&reply);
        (0..tokens.array()?)
            .map(|_| Ok(String::from_utf8_lossy(tokens.bytes()?).into_owned()))
            .collect()
    }
}

/// The error of a consumer whose group has vanished and isn't created again.
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
