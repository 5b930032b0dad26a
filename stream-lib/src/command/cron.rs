//! Jobs that recur, as the stream knows them, and their ticks.

use super::cron_request::{asked_for, request_key};
use super::outgoing::{Encoded, Outgoing};
use super::pack;
use super::reply::{Tokens, checked, unexpected};
use super::script::{Script, script};
use crate::config::Retention;
use crate::connection::{Reply, Wire};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;

static DECLARE: Script = script!("part_cron.lua", "cron_declare.lua");
static CHANGE: Script =
    script!(flags: "#!lua flags=allow-oom\n", "part_cron.lua", "cron_change.lua");
static TICK: Script = script!("part_cron.lua", "part_room.lua", "cron_tick.lua");

/// A job as stored with the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredJob {
    /// The last due time, in ms since 1970.
    pub(crate) last: u64,
    pub(crate) revision: u64,
    pub(crate) state: JobState,
    /// Expression, zone and rules, which all processes use.
    pub(crate) terms: String,
}

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobState {
    On,
    Paused,
    Removed,
}

/// The answer of a script about a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobAnswer {
    pub(crate) outcome: JobOutcome,
    /// The last due time of the job.
    pub(crate) last: u64,
    /// The server's time, in ms since 1970.
    pub(crate) now: u64,
    /// The terms that apply, as in a [`StoredJob`].
    pub(crate) terms: String,
    /// How many messages were added.
    pub(crate) added: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobOutcome {
    New,
    Same,
    Changed,
    Stale,
    Paused,
    Removed,
    Ticked,
    /// Another process has done it.
    Had,
    Early,
    Gone,
    /// The server's clock was set back.
    ClockBack,
    /// The group has not finished the entry of the previous tick.
    Busy,
}

/// A job that a script acts on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JobCall<'a> {
    pub(crate) keys: &'a StreamKeys,
    pub(crate) name: &'a str,
    /// The time to use, in ms; `None` for the server's.
    pub(crate) now: Option<u64>,
}

/// What a process finds when it looks after a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobLook {
    pub(crate) stored: Option<StoredJob>,
    /// The token of a request to run it out of turn.
    pub(crate) request: Option<String>,
    /// The server's time, in ms since 1970.
    pub(crate) now: u64,
}

/// Ticks that are due, or one out of turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tick<'a> {
    /// The terms and the last due time, as the caller knows them; `None` for a tick out of
    /// turn.
    pub(crate) known: Option<(&'a str, u64)>,
    /// The token of the request that a tick out of turn answers.
    pub(crate) request: Option<&'a str>,
    /// The group that counts if the terms have no rules.
    pub(crate) no_overlap: Option<&'a str>,
    /// The last due time after this.
    pub(crate) last: u64,
    /// The times to add a message for; for one out of turn it is now.
    pub(crate) times: &'a [u64],
}

impl JobCall<'_> {
    /// Stores the job.
    pub(crate) fn declare(self, wire: &mut Wire, terms: &str, revision: u64) -> Result<JobAnswer> {
        let call = DECLARE.call(&[&self.keys.cron()]);
        let call = call.arg(self.name).arg(terms).number(revision);
        let reply = call.arg(&self.now_text()).run(wire)?;
        let mut tokens = Tokens::new(&reply);
        if tokens.array()? != 4 {
            return Err(unexpected("cron_declare"));
        }
        let outcome = outcome_of(tokens.bytes()?)?;
        let last = millis(&mut tokens)?;
        let terms = tokens.text()?.to_owned();
        Ok(JobAnswer {
            outcome,
            last,
            terms,
            now: millis(&mut tokens)?,
            added: 0,
        })
    }

    /// Adds the message for each of the ticks, unless another process has.
    pub(crate) fn tick(
        self,
        wire: &mut Wire,
        tick: Tick<'_>,
        message: &Outgoing,
    ) -> Result<JobAnswer> {
        /// How many times in a row the backup stream may have changed.
        const TRIES: usize = 3;
        let message = message.iter().next();
        let message =
            message.ok_or_else(|| Error::new(ErrorKind::Encode, "there is no message"))?;
        let mut keys = self.keys.clone();
        for _ in 0..TRIES {
            let reply = self.run_tick(wire, &keys, tick, message)?;
            let mut tokens = Tokens::new(&reply);
            if tokens.array()? != 5 {
                return Err(unexpected("cron_tick"));
            }
            let outcome = tokens.bytes()?;
            let (last, now) = (millis(&mut tokens)?, millis(&mut tokens)?);
            // Another program may have written it.
            let terms = String::from_utf8_lossy(tokens.bytes()?);
            if outcome == b"elsewhere" {
                keys = self.keys.with_known_backup(&terms)?;
                continue;
            }
            return Ok(JobAnswer {
                outcome: outcome_of(outcome)?,
                last,
                now,
                terms: terms.into_owned(),
                added: tokens.int()?.unsigned_abs(),
            });
        }
        Err(Error::new(
            ErrorKind::Refused,
            "the name of its backup stream keeps changing",
        ))
    }

    fn run_tick(
        self,
        wire: &mut Wire,
        keys: &StreamKeys,
        tick: Tick<'_>,
        message: Encoded<'_>,
    ) -> Result<Reply> {
        let (cron, backup, meta) = (keys.cron(), keys.backup(), keys.meta());
        let call = TICK.call(&[&cron, keys.stream(), &backup, &meta]);
        let call = match tick.request {
            Some(_) => call.key(request_key(keys, self.name).as_bytes()),
            None => call,
        };
        let call = call.arg(self.name);
        let call = match tick.known {
            Some((terms, last)) => call.arg(terms).number(last),
            None => call.arg("").arg(tick.request.unwrap_or("")),
        };
        let call = call
            .arg(tick.no_overlap.unwrap_or(""))
            .number(tick.last)
            .number(tick.times.len() as u64)
            .number(u64::from(crc32fast::hash(self.name.as_bytes())))
            .number(Retention::default().max_length)
            .arg(&self.now_text());
        let call = match tick.known {
            Some(_) => tick
                .times
                .iter()
                .fold(call, |call, time| call.number(*time)),
            None => tick.times.iter().fold(call, |call, _| call.arg("")),
        };
        call.packed(2 * message.count, message.fields).run(wire)
    }

    /// What the stream knows of the job (`HGET`), whether anybody asks for a run of it
    /// (`GET`), and the server's time (`TIME`).
    pub(crate) fn look(self, wire: &mut Wire) -> Result<JobLook> {
        let mut packed = Vec::with_capacity(192);
        let (cron, request) = (self.keys.cron(), request_key(self.keys, self.name));
        pack::command(
            &mut packed,
            &[b"HGET", cron.as_bytes(), self.name.as_bytes()],
        );
        pack::command(&mut packed, &[b"TIME"]);
        pack::command(&mut packed, &[b"GET", request.as_bytes()]);
        let mut replies = wire.exchange_all(&packed, 3)?.into_iter();
        let (Some(job), Some(time), Some(request)) =
            (replies.next(), replies.next(), replies.next())
        else {
            return Err(unexpected("three answers"));
        };
        let (job, time) = (checked(job)?, checked(time)?);
        let mut tokens = Tokens::new(&job);
        let stored = if tokens.nil() {
            None
        } else {
            StoredJob::read(tokens.bytes()?)
        };
        Ok(JobLook {
            stored,
            // The ticks go on where this may not be asked.
            request: checked(request).ok().and_then(|reply| asked_for(&reply)),
            now: super::schedule::time_ms(&time)?.unsigned_abs(),
        })
    }

    /// Pauses, resumes or removes the job. Returns whether there is one.
    pub(crate) fn change(self, wire: &mut Wire, state: JobState) -> Result<bool> {
        let state = match state {
            JobState::On => "on",
            JobState::Paused => "paused",
            JobState::Removed => "off",
        };
        let call = CHANGE.call(&[&self.keys.cron()]);
        let call = call.arg(self.name).arg(state);
        let reply = call.arg(&self.now_text()).run(wire)?;
        Ok(Tokens::new(&reply).int()? == 1)
    }

    fn now_text(self) -> String {
        self.now.map(|now| now.to_string()).unwrap_or_default()
    }
}

/// All jobs of a stream, by name (`HGETALL`). Those that can't be read are left out.
pub(crate) fn stored_jobs(wire: &mut Wire, keys: &StreamKeys) -> Result<Vec<(String, StoredJob)>> {
    let mut packed = Vec::with_capacity(64);
    pack::command(&mut packed, &[b"HGETALL", keys.cron().as_bytes()]);
    let reply = checked(wire.exchange(&packed)?)?;
    let mut tokens = Tokens::new(&reply);
    let mut jobs = Vec::new();
    for _ in 0..tokens.array()? / 2 {
        let (name, value) = (tokens.bytes()?, tokens.bytes()?);
        if let (Ok(name), Some(job)) = (str::from_utf8(name), StoredJob::read(value)) {
            jobs.push((name.to_owned(), job));
        }
    }
    jobs.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(jobs)
}

impl StoredJob {
    /// As `part_cron.lua` writes it.
    fn read(value: &[u8]) -> Option<Self> {
        let text = str::from_utf8(value).ok()?;
        let mut parts = text.splitn(5, '|');
        let (last, revision) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let state = match parts.next()? {
            "on" => JobState::On,
            "paused" => JobState::Paused,
            "off" => JobState::Removed,
            _ => return None,
        };
        parts.next()?;
        Some(Self {
            last,
            revision,
            state,
            terms: parts.next()?.to_owned(),
        })
    }
}

fn outcome_of(text: &[u8]) -> Result<JobOutcome> {
    Ok(match text {
        b"new" => JobOutcome::New,
        b"same" => JobOutcome::Same,
        b"changed" => JobOutcome::Changed,
        b"stale" => JobOutcome::Stale,
        b"paused" => JobOutcome::Paused,
        b"removed" => JobOutcome::Removed,
        b"ticked" => JobOutcome::Ticked,
        b"had" => JobOutcome::Had,
        b"early" => JobOutcome::Early,
        b"gone" => JobOutcome::Gone,
        b"clock" => JobOutcome::ClockBack,
        b"busy" => JobOutcome::Busy,
        _ => return Err(unexpected("a job's outcome")),
    })
}

fn millis(tokens: &mut Tokens<'_>) -> Result<u64> {
    Ok(u64::try_from(tokens.int()?).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_jobs_are_read_as_the_scripts_write_them() {
        let job = StoredJob::read(b"1700000000000|3|on|b1-2@5|0 3 * * * UTC|once|a|b").unwrap();
        assert_eq!((job.last, job.revision), (1_700_000_000_000, 3));
        assert_eq!(
            (job.state, &*job.terms),
            (JobState::On, "0 3 * * * UTC|once|a|b")
        );
        for broken in ["", "x|3|on||s", "1|3|off", "1|3|maybe||s", "1|-3|on||s"] {
            assert_eq!(StoredJob::read(broken.as_bytes()), None, "{broken}");
        }
    }
}
