//! `WAIT`: whether replicas have the writes of this connection.
//!
//! It follows the writes in the same pipeline, since it waits only for the writes of its
//! own connection, and isn't allowed in scripts.

use std::time::Duration;

use super::pack;
use super::reply::{checked, int};
use super::script::{Call, Script};
use crate::config::Replicas;
use crate::connection::{Deadline, Reply, Wire, answer_of};
use crate::error::{Error, ErrorKind, Result};

/// The server checks the time of a `WAIT` about every 100 ms: its answer comes later by
/// up to this much, within the time of the exchange.
const MARGIN: Duration = Duration::from_millis(250);

/// One `WAIT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    wanted: u32,
    timeout: Duration,
}

/// Whether enough replicas have the writes.
pub(crate) type Waited = Result<(), Lack>;

/// Too few replicas have the writes, as far as known.
#[derive(Debug, Clone)]
pub(crate) struct Lack {
    pub(crate) wanted: u32,
    pub(crate) timeout: Duration,
    /// How many had confirmed it by then; an error if Redis has not told.
    pub(crate) confirmed: Result<u64>,
}

impl Wait {
    /// The `WAIT` after a request that must be answered within `left`.
    pub(crate) fn within(left: Duration, replicas: Replicas) -> Self {
        let longest = left.saturating_sub(MARGIN.min(left / 4));
        // 0 would wait for ever.
        let timeout = replicas.timeout.min(longest);
        Self {
            wanted: replicas.count,
            timeout: timeout.max(Duration::from_millis(1)),
        }
    }

    /// The part of a request's time that it needs.
    pub(crate) fn needs(replicas: Replicas) -> Duration {
        replicas.timeout + MARGIN
    }

    /// Packs it, if there is one; returns the number of its replies.
    pub(crate) fn pack(wait: Option<Self>, out: &mut Vec<u8>) -> usize {
        let Some(Self { wanted, timeout }) = wait else {
            return 0;
        };
        pack_wait(out, wanted, timeout);
        1
    }

    /// Reads the answer, the next one on the wire, if there is a `WAIT`.
    pub(crate) fn receive(wait: Option<Self>, wire: &mut Wire, deadline: &mut Deadline) -> Waited {
        match wait {
            Some(wait) => wait.judge(wire.receive_within(deadline).and_then(int)),
            None => Ok(()),
        }
    }

    /// Waits for earlier writes, in an exchange of its own.
    pub(crate) fn run(wait: Option<Self>, wire: &mut Wire) -> Waited {
        let Some(wait) = wait else {
            return Ok(());
        };
        let mut packed = Vec::new();
        let replies = Self::pack(Some(wait), &mut packed);
        let timeout = wire.response_timeout();
        let sent = wire.send(&packed, replies);
        wait.judge(sent.and_then(|()| wire.receive(timeout).and_then(int)))
    }

    fn judge(self, answer: Result<i64>) -> Waited {
        let confirmed = answer.map(i64::unsigned_abs);
        if matches!(confirmed, Ok(count) if count >= u64::from(self.wanted)) {
            return Ok(());
        }
        Err(Lack {
            wanted: self.wanted,
            timeout: self.timeout,
            confirmed,
        })
    }
}

/// Whether this user may use `WAIT`, and the server knows it: checked before anything is
/// written. False if the server can't tell because it is a replica.
///
/// # Errors
///
/// `PermissionDenied`, `Server`, and those of a failing connection; nothing was
/// written.
pub(crate) fn may_wait(wire: &mut Wire) -> Result<bool> {
    let mut packed = Vec::new();
    pack_wait(&mut packed, 0, Duration::from_millis(1));
    let timeout = wire.response_timeout();
    wire.send(&packed, 1)?;
    let Err(error) = wire.receive(timeout).and_then(int) else {
        return Ok(true);
    };
    // The server will refuse the write, too.
    if error
        .to_string()
        .contains("WAIT cannot be used with replica")
    {
        return Ok(false);
    }
    Err(match error.kind() {
        ErrorKind::PermissionDenied => {
            error.adding(": `replicas` needs the permission `+wait`; nothing was written")
        }
        ErrorKind::Server if answer_of(&error).is_missing_command() => Error::new(
            ErrorKind::Server,
            "the server, or a proxy in front of it, has no `WAIT`, which `replicas` needs: connect \
             to Redis itself, or leave out `replicas`; nothing was written",
        )
        .because(error),
        // No byte of the caller's request has gone out.
        ErrorKind::OutcomeUnknown => error
            .while_doing("asking whether `WAIT` may be used, which `replicas` needs")
            .of_kind(ErrorKind::Unavailable),
        _ => error,
    })
}

/// Runs a script, and waits for the replicas after it if asked for.
pub(super) fn run_and_wait(
    call: &Call<'_>,
    wire: &mut Wire,
    wait: Option<Wait>,
) -> Result<(Reply, Waited)> {
    if wait.is_none() {
        return Ok((call.run(wire)?, Ok(())));
    }
    let mut packed = Vec::new();
    call.pack_into(&mut packed);
    let replies = 1 + Wait::pack(wait, &mut packed);
    let timeout = wire.response_timeout();
    wire.send(&packed, replies)?;
    let reply = wire.receive_owned(timeout)?;
    let waited = Wait::receive(wait, wire, &mut Deadline::of(timeout));
    if !Script::is_missing(reply.as_ref()) {
        return Ok((checked(reply)?, waited));
    }
    let reply = call.run(wire)?;
    Ok((reply, Wait::run(wait, wire)))
}

fn pack_wait(out: &mut Vec<u8>, wanted: u32, timeout: Duration) {
    pack::array(out, 3);
    pack::bulk(out, b"WAIT");
    pack::number(out, u64::from(wanted));
    let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    pack::number(out, millis);
}
