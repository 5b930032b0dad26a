//! The credentials of connections: those of the configuration, or those that a
//! provider gives.
//!
//! A provider is user code, which may block. So it runs on a thread of its own, one call
//! at a time, and a connection attempt waits for it within its own deadline. Open
//! connections never wait: a connection whose credentials are about to expire starts a
//! call, goes on, and sends the new credentials with a later request. All connections
//! that are due by then share the answer.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::never;
use parking_lot::Mutex;
use redis::Cmd;

use super::deadline::Deadline;
use crate::config::{Credentials, Provider};
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::runtime::{SideCall, Ticket, Trouble};

/// Connections authenticate again when this much of their credentials' time is left, or a
/// fifth of the time if that is less.
const MARGIN: Duration = Duration::from_secs(300);

/// The time between two calls of a provider that fails, or whose answer was refused.
const AGAIN: Duration = Duration::from_secs(5);

/// The source of credentials.
pub(super) struct CredentialsSource {
    configured: Credentials,
    provided: Option<Provided>,
}

struct Provided {
    provider: Provider,
    state: Mutex<State>,
    trouble: Trouble,
}

#[derive(Default)]
struct State {
    call: SideCall<Answer>,
    /// The call that no attempt waits for.
    asked: Option<Ticket<Answer>>,
    /// For open connections.
    latest: Option<Given>,
    /// No call before this time.
    again_at: Option<Instant>,
}

type Answer = std::result::Result<Given, Arc<str>>;

/// Credentials, and when to replace them.
#[derive(Clone)]
pub(super) struct Given {
    credentials: Arc<Credentials>,
    renew_at: Option<Instant>,
}

impl CredentialsSource {
    pub(super) fn new(configured: Credentials, provider: Option<Provider>) -> Self {
        Self {
            configured,
            provided: provider.map(|provider| Provided {
                provider,
                state: Mutex::default(),
                trouble: Trouble::default(),
            }),
        }
    }

    /// The credentials for a new connection.
    ///
    /// # Errors
    ///
    /// `Unavailable` if the provider fails, or has not answered by the deadline: like an
    /// outage, this may pass.
    pub(super) fn for_handshake(&self, deadline: &mut Deadline) -> Result<Given> {
        let Some(provided) = &self.provided else {
            return Ok(Given {
                credentials: Arc::new(self.configured.clone()),
                renew_at: None,
            });
        };
        let unavailable = |text: &str| Error::new(ErrorKind::Unavailable, text);
        let Some(timeout) = deadline.remaining() else {
            return Err(unavailable("no time is left to ask for credentials"));
        };
        let ticket = provided.join(&mut provided.state.lock())?;
        let answer = match deadline.interrupt() {
            Some(interrupt) => ticket.wait(timeout, interrupt.over()),
            None => ticket.wait(timeout, &never()),
        };
        match answer {
            Some(Ok(given)) => Ok(given),
            Some(Err(text)) => {
                Err(unavailable("the provider of credentials failed").because(&*text))
            }
            None => {
                let total = deadline.total();
                let text = format!("the provider of credentials has not answered within {total:?}");
                Err(unavailable(&text))
            }
        }
    }

    /// The credentials for a connection that must replace its own at `now`, if they are
    /// there; otherwise the provider is called.
    pub(super) fn renewed(&self, now: Instant) -> Option<Given> {
        self.provided.as_ref()?.renewed(now)
    }

    /// Records that the server refuses renewed credentials.
    pub(super) fn refused(&self, error: &Error) {
        if let Some(provided) = &self.provided {
            let mut state = provided.state.lock();
            state.latest = None;
            state.again_at = Some(Instant::now() + AGAIN);
            drop(state);
            provided.warn(error);
        }
    }

    /// Records that the server has accepted renewed credentials.
    pub(super) fn accepted(&self) {
        if let Some(provided) = &self.provided
            && provided.trouble.ends()
        {
            log::warn!("connections to Redis can renew their credentials again");
        }
    }
}

impl Provided {
    fn join(&self, state: &mut State) -> Result<Ticket<Answer>> {
        let provider = self.provider.clone();
        state.call.join("stream-credentials", move || {
            let asked = Instant::now();
            match provider.ask() {
                Ok(credentials) => Ok(Given::at(asked, credentials)),
                Err(error) => Err(with_causes(&*error).into()),
            }
        })
    }

    fn renewed(&self, now: Instant) -> Option<Given> {
        let mut state = self.state.lock();
        let ended = state.asked.take_if(|ticket| ticket.has_ended());
        let failure = match ended.map(|ticket| ticket.outcome()) {
            Some(Some(Ok(given))) => {
                if given.is_due(now) {
                    // The provider may have others later.
                    state.again_at = Some(now + AGAIN);
                }
                state.latest = Some(given);
                None
            }
            Some(Some(Err(text))) => Some(text),
            Some(None) => Some("it ended without an answer".into()),
            None => None,
        };
        if failure.is_some() {
            state.again_at = Some(now + AGAIN);
        }
        state.latest.take_if(|given| given.is_due(now));
        let fresh = state.latest.clone();
        if fresh.is_none() && state.asked.is_none() && state.again_at.is_none_or(|at| at <= now) {
            match self.join(&mut state) {
                Ok(ticket) => state.asked = Some(ticket),
                Err(_) => state.again_at = Some(now + AGAIN),
            }
        }
        drop(state);
        if let Some(text) = failure {
            let error = Error::new(ErrorKind::Unavailable, "the provider failed").because(&*text);
            self.warn(&error);
        }
        fresh
    }

    fn warn(&self, error: &Error) {
        if self.trouble.begins(error) {
            log::warn!(
                "connections to Redis can't renew their credentials, and will be lost when \
                 they expire: {}",
                with_causes(error)
            );
        }
    }
}

impl Given {
    fn at(asked: Instant, credentials: Credentials) -> Self {
        let renew_after = |valid: Duration| valid.saturating_sub(MARGIN.min(valid / 5));
        let renew_at = credentials
            .valid_for
            .and_then(|valid| asked.checked_add(renew_after(valid)));
        Self {
            credentials: Arc::new(credentials),
            renew_at,
        }
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The request that authenticates a connection; `None` if it needs none.
    pub(super) fn request(&self) -> Option<Cmd> {
        let password = self.credentials.password.as_deref();
        match (self.credentials.username.as_deref(), password) {
            // A user without a password may not need one.
            (Some(user), _) => Some(command(&["AUTH", user, password.unwrap_or_default()])),
            (None, Some(password)) => Some(command(&["AUTH", password])),
            (None, None) => None,
        }
    }

    pub(super) fn renew_at(&self) -> Option<Instant> {
        self.renew_at
    }

    fn is_due(&self, now: Instant) -> bool {
        self.renew_at.is_some_and(|at| at <= now)
    }
}

/// A request made of words.
pub(super) fn command(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    for word in words {
        command.arg(word);
    }
    command
}

impl fmt::Debug for CredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.provided {
            Some(_) => f.write_str("of a provider"),
            None => self.configured.fmt(f),
        }
    }
}
