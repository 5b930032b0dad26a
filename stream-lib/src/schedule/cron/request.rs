//! A run of a job that other processes were asked for.

use std::fmt;
use std::sync::OnceLock;

use crate::command::{JobRequest, RequestState};
use crate::connection::Wire;
use crate::error::{Result, Shown};
use crate::schedule::parts::{Part, Parts};

/// A request to run a job: see [`Crons::ask_to_run`](super::Crons::ask_to_run).
///
/// Dropping it changes nothing: it stands until a process has run the job, or it lapses.
///
/// # Blocking
///
/// Every method waits for Redis: up to 5 s for a connection, and as long for the answer.
///
/// # Errors
///
/// As [`Crons`](super::Crons).
pub struct RunRequest {
    parts: Parts,
    part: Part,
    name: String,
    token: String,
    failure: OnceLock<String>,
}

/// How a [`RunRequest`] stands.
///
/// More may come, so a `match` needs a wildcard arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunState {
    /// No process has taken it so far.
    Waiting,
    /// A process has run the job: its message is in the stream, or in its backup stream.
    Ran,
    /// A process has taken it, and could not make the message:
    /// [`RunRequest::failure`] says why.
    Failed,
    /// It has lapsed or was withdrawn, and the job was not run.
    Lapsed,
}

impl RunRequest {
    pub(super) fn new(parts: Parts, part: Part, name: &str, token: String) -> Self {
        Self {
            parts,
            part,
            name: name.to_owned(),
            token,
            failure: OnceLock::new(),
        }
    }

    /// Looks how it stands (`GET`). A run or a failure shows for as long as the request would have
    /// stood; then it is [`Lapsed`](RunState::Lapsed), too.
    pub fn look(&self) -> Result<RunState> {
        self.run("looking for a run of a job", |request, wire| {
            request.state(wire)
        })
    }

    /// Why the run failed, once [`look`](Self::look) has returned
    /// [`Failed`](RunState::Failed): the error or the panic of the function that makes the
    /// message. That text is left out for a message type with sensitive fields. Doesn't
    /// ask Redis.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Takes it back, unless a process has answered meanwhile. Returns its answer:
    /// [`Ran`](RunState::Ran) or [`Failed`](RunState::Failed), else
    /// [`Lapsed`](RunState::Lapsed).
    pub fn withdraw(self) -> Result<RunState> {
        let stood = self.run("withdrawing a run of a job", |request, wire| {
            request.withdraw(wire)
        })?;
        Ok(match stood {
            RunState::Ran => RunState::Ran,
            RunState::Failed => RunState::Failed,
            RunState::Waiting | RunState::Lapsed => RunState::Lapsed,
        })
    }

    fn run(
        &self,
        doing: &str,
        ask: impl Fn(JobRequest<'_>, &mut Wire) -> Result<RequestState>,
    ) -> Result<RunState> {
        let asked = self.parts.run(&self.part, |wire, keys| {
            let request = JobRequest {
                keys,
                name: &self.name,
                token: &self.token,
            };
            ask(request, wire)
        });
        let state = asked.map_err(|e| {
            e.while_doing(format_args!("{doing} of `{}`", Shown(self.parts.stream())))
        })?;
        Ok(match state {
            RequestState::Waits => RunState::Waiting,
            RequestState::Ran => RunState::Ran,
            RequestState::Failed(why) => {
                self.failure.get_or_init(|| why);
                RunState::Failed
            }
            RequestState::Lapsed => RunState::Lapsed,
        })
    }
}

impl fmt::Debug for RunRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunRequest")
            .field("stream", &self.parts.stream())
            .field("job", &self.name)
            .finish_non_exhaustive()
    }
}
