//! Requests to run a job out of turn, for the processes that have it.
//!
//! Only they can make its message. The request is a string that lapses: `?` and a token
//! until one of them has run the job, then `=` and the token; `!`, the token and the reason
//! where its message can't be made.

use std::time::Duration;

use redis::cmd;

use super::reply::{Tokens, unexpected};
use super::script::{Script, script};
use super::shortened::shortened;
use crate::connection::{Reply, Wire, from_redis};
use crate::error::Result;
use crate::keys::StreamKeys;

static ASK: Script = script!("part_cron.lua", "cron_ask.lua");
static FAIL: Script = script!(flags: "#!lua flags=allow-oom\n", "cron_fail.lua");
static WITHDRAW: Script = script!(flags: "#!lua flags=allow-oom\n", "cron_withdraw.lua");

/// The longest reason of a failure, in bytes.
const LONGEST_REASON: usize = 300;

/// The key of the request for a job: one at a time.
pub(super) fn request_key(keys: &StreamKeys, name: &str) -> String {
    keys.lock(&format!("run:{name}"))
}

/// The token of a request that no process has taken; `None` for anything else.
pub(super) fn asked_for(reply: &Reply) -> Option<String> {
    let mut tokens = Tokens::new(reply);
    if tokens.nil() {
        return None;
    }
    let token = tokens.bytes().ok()?.strip_prefix(b"?")?;
    String::from_utf8(token.to_vec()).ok()
}

/// A request to run a job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JobRequest<'a> {
    pub(crate) keys: &'a StreamKeys,
    pub(crate) name: &'a str,
    pub(crate) token: &'a str,
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskOutcome {
    Asked,
    /// Another request stands, and no process has taken it.
    Waits,
    Gone,
    Removed,
}

/// How a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequestState {
    Waits,
    Ran,
    /// A process could not make the message, for this reason.
    Failed(String),
    /// It has lapsed, or was withdrawn.
    Lapsed,
}

impl JobRequest<'_> {
    /// Asks; the request stands for `time`.
    pub(crate) fn ask(self, wire: &mut Wire, time: Duration) -> Result<AskOutcome> {
        let request = request_key(self.keys, self.name);
        let reply = ASK
            .call(&[&self.keys.cron(), &request])
            .arg(self.name)
            .arg(self.token)
            .millis(time.max(Duration::from_millis(1)))
            .run(wire)?;
        match Tokens::new(&reply).bytes()? {
            b"asked" => Ok(AskOutcome::Asked),
            b"waits" => Ok(AskOutcome::Waits),
            b"gone" => Ok(AskOutcome::Gone),
            b"removed" => Ok(AskOutcome::Removed),
            _ => Err(unexpected("cron_ask")),
        }
    }

    /// Looks whether a process has run it (`GET`).
    pub(crate) fn state(self, wire: &mut Wire) -> Result<RequestState> {
        let stands: Option<Vec<u8>> = cmd("GET")
            .arg(request_key(self.keys, self.name))
            .query(wire)
            .map_err(from_redis)?;
        Ok(self.judge(&stands.unwrap_or_default()))
    }

    /// Answers that the message can't be made.
    pub(crate) fn fail(self, wire: &mut Wire, why: &str) -> Result<()> {
        let request = request_key(self.keys, self.name);
        let why = shortened(why, LONGEST_REASON);
        FAIL.call(&[&request]).arg(self.token).arg(why).run(wire)?;
        Ok(())
    }

    /// Takes it back, unless a process has run it. Returns how it stood.
    pub(crate) fn withdraw(self, wire: &mut Wire) -> Result<RequestState> {
        let request = request_key(self.keys, self.name);
        let reply = WITHDRAW.call(&[&request]).arg(self.token).run(wire)?;
        Ok(self.judge(Tokens::new(&reply).bytes()?))
    }

    fn judge(self, stands: &[u8]) -> RequestState {
        match stands.split_first() {
            Some((b'?', token)) if token == self.token.as_bytes() => RequestState::Waits,
            Some((b'=', token)) if token == self.token.as_bytes() => RequestState::Ran,
            Some((b'!', answer)) => answer
                .strip_prefix(self.token.as_bytes())
                .and_then(|why| why.strip_prefix(b" "))
                .map_or(RequestState::Lapsed, |why| {
                    RequestState::Failed(String::from_utf8_lossy(why).into_owned())
                }),
            _ => RequestState::Lapsed,
        }
    }
}
