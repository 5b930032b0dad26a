//! Moving entries from the backup stream back to the stream.

use std::time::Duration;

use redis::{Value, cmd, pipe};

use super::lock::release_lock;
use super::reply::{Tokens, unexpected};
use super::reserved::ORIGIN;
use super::script::{Script, script};
use crate::config::Retention;
use crate::connection::{ServerError, Wire, from_redis};
use crate::error::{Error, Result};
use crate::keys::StreamKeys;
use crate::message::EntryId;

static DRAIN: Script = script!(flags: "#!lua flags=allow-oom\n", "part_room.lua", "drain.lua");

/// About how many bytes one request moves, which takes Redis a few milliseconds.
const PORTION: u64 = 1 << 20;

/// One process's claim on draining a stream.
#[derive(Debug, Clone)]
pub(crate) struct DrainLease {
    lock: String,
    backup: String,
    meta: String,
    keys: StreamKeys,
    drainer: Drainer,
    /// The token of this process's lock.
    owner: String,
    lease: Duration,
}

/// The purpose of moving entries back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drainer {
    /// For a backup producer: the name of its backup stream, and this capacity if given,
    /// are stored with the stream unless they already are.
    Producer(Option<u64>),
    /// For consumers: the backup stream that is stored with the stream.
    Consumer,
}

/// The result of one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drained {
    pub(crate) moved: u64,
    /// How many entries the backup stream still has.
    pub(crate) left: u64,
    /// The capacity of the stream.
    pub(crate) capacity: u64,
    pub(crate) state: DrainState,
}

/// The reason why a batch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DrainState {
    /// All entries were moved that existed, were asked for, or had room.
    Moved,
    /// The most bytes at a time were moved.
    Portion,
    /// Another process drains the stream; its lease ends by then.
    Standby(Duration),
    /// The next entry has more fields than a script can move.
    TooLarge(EntryId),
    /// The stream takes no entry; the error of Redis.
    Refused(String),
    /// Another backup stream, or none, is stored with the stream.
    Elsewhere,
}

impl DrainLease {
    pub(crate) fn new(keys: &StreamKeys, drainer: Drainer, owner: String, lease: Duration) -> Self {
        Self {
            lock: keys.lock("drain"),
            backup: keys.backup(),
            meta: keys.meta(),
            drainer,
            keys: keys.clone(),
            owner,
            lease,
        }
    }

    /// The keys of the stream, with this backup stream.
    pub(crate) fn keys(&self) -> &StreamKeys {
        &self.keys
    }

    /// Moves up to `most` entries, as far as the stream's backlog is below its capacity,
    /// and takes or renews the lease if there is anything to move.
    pub(crate) fn drain(&self, wire: &mut Wire, most: u64) -> Result<Drained> {
        let call = DRAIN
            .call(&[self.keys.stream(), &self.backup, &self.lock, &self.meta])
            .number(most)
            .arg(&self.owner)
            .millis(self.lease);
        let call = match self.drainer {
            Drainer::Producer(Some(capacity)) => call.arg("producer").number(capacity),
            Drainer::Producer(None) => call.arg("producer").arg(""),
            Drainer::Consumer => call.arg("consumer").arg(""),
        };
        let reply = call
            .number(Retention::default().max_length)
            .number(PORTION)
            .run(wire)?;
        let mut tokens = Tokens::new(&reply);
        if tokens.array()? != 5 {
            return Err(unexpected("a script"));
        }
        let (state, moved, left) = (tokens.int()?, tokens.int()?, tokens.int()?);
        let state = match state {
            1 => DrainState::Standby(Duration::from_millis(tokens.int()?.unsigned_abs())),
            2 => DrainState::TooLarge(tokens.entry_id()?),
            3 => DrainState::Refused(tokens.text()?.to_owned()),
            0 | 4 | 5 => {
                tokens.bytes()?;
                match state {
                    0 => DrainState::Moved,
                    4 => DrainState::Elsewhere,
                    _ => DrainState::Portion,
                }
            }
            _ => return Err(unexpected("a script")),
        };
        Ok(Drained {
            moved: moved.unsigned_abs(),
            left: left.unsigned_abs(),
            capacity: tokens.int()?.unsigned_abs(),
            state,
        })
    }

    /// Moves the entry that is too large for a script, in a transaction that fails if the
    /// lease is lost. Returns whether it moved.
    ///
    /// Only the holder of the lease removes entries from the backup stream, so the entry
    /// that was read is still there.
    pub(crate) fn move_large(&self, wire: &mut Wire, id: EntryId) -> Result<bool> {
        cmd("WATCH")
            .arg(&self.lock)
            .exec(wire)
            .map_err(from_redis)?;
        let owner: Option<String> = cmd("GET").arg(&self.lock).query(wire).map_err(from_redis)?;
        let found: Vec<(String, Vec<Vec<u8>>)> = cmd("XRANGE")
            .arg(&self.backup)
            .arg(id.to_string())
            .arg(id.to_string())
            .query(wire)
            .map_err(from_redis)?;
        let entry = found.into_iter().next();
        let Some((id, fields)) = entry.filter(|_| owner.as_deref() == Some(self.owner.as_str()))
        else {
            cmd("UNWATCH").exec(wire).map_err(from_redis)?;
            return Ok(false);
        };
        let mut transaction = pipe();
        transaction.atomic();
        let add = transaction.cmd("XADD").arg(self.keys.stream()).arg("*");
        for field in &fields {
            add.arg(field.as_slice());
        }
        if !fields
            .iter()
            .step_by(2)
            .any(|name| name == ORIGIN.as_bytes())
        {
            add.arg(ORIGIN).arg(&id);
        }
        transaction.cmd("XDEL").arg(&self.backup).arg(&id);
        let done: Value = transaction.query(wire).map_err(from_redis)?;
        Ok(done != Value::Nil)
    }

    /// Releases the lease, if this process still holds it.
    pub(crate) fn release(&self, wire: &mut Wire) -> Result<()> {
        release_lock(wire, &self.lock, &self.owner)
    }
}

impl Drained {
    /// The error with which the stream refuses entries.
    pub(crate) fn refusal(&self) -> Option<Error> {
        match &self.state {
            DrainState::Refused(line) => Some(ServerError::new(line.as_bytes()).into_error()),
            _ => None,
        }
    }
}
