//! Authenticates an open connection again before its credentials expire.
//!
//! The request (`AUTH`) goes in front of another one, also while answers are outstanding.
//! Its answer then comes between others, and is found by counting them. A server that
//! refuses it leaves the connection as it was.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::credentials::Given;
use super::endpoint::Endpoint;
use super::server_error::ServerError;
use crate::error::{Error, ErrorKind};

/// How long a connection waits before it looks for other credentials again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The same after new credentials were refused.
const AFTER_REFUSAL: Duration = Duration::from_secs(5);

/// The part of a connection that keeps its credentials valid.
#[derive(Debug, Default)]
pub(super) struct Reauth {
    /// `None` if they don't expire.
    renew_at: Option<Instant>,
    /// How many answers come before the one to the request under way.
    awaited: Option<usize>,
}

impl Reauth {
    /// Records the credentials that the connection was made with.
    pub(super) fn begin(&mut self, given: &Given) {
        self.renew_at = given.renew_at();
    }

    /// The request to send before the next one, if it is due and there are other
    /// credentials. `outstanding` answers are still to come.
    pub(super) fn request(
        &mut self,
        endpoint: &Arc<Endpoint>,
        outstanding: usize,
    ) -> Option<Vec<u8>> {
        let renew_at = self.renew_at?;
        if self.awaited.is_some() {
            return None;
        }
        let now = Instant::now();
        if now < renew_at {
            return None;
        }
        let Some(given) = endpoint.credentials.renewed(now) else {
            self.renew_at = Some(now + LOOK_AGAIN);
            return None;
        };
        let request = given.request();
        self.renew_at = given.renew_at();
        self.awaited = request.is_some().then_some(outstanding);
        request.map(|request| request.get_packed_command())
    }

    /// Whether the next answer is that to this request.
    pub(super) fn is_next(&self) -> bool {
        self.awaited == Some(0)
    }

    /// Records that another request was answered.
    pub(super) fn other_answered(&mut self) {
        if let Some(before) = &mut self.awaited {
            *before = before.saturating_sub(1);
        }
    }

    /// Records the answer: the line of the error, if it is one.
    pub(super) fn answered(&mut self, endpoint: &Endpoint, error: Option<&[u8]>) {
        self.awaited = None;
        let Some(line) = error else {
            return endpoint.credentials.accepted();
        };
        self.renew_at = Some(Instant::now() + AFTER_REFUSAL);
        let answer = ServerError::new(line);
        let text = format!("{} refuses them", endpoint.named());
        let error = Error::new(ErrorKind::Authentication, text).because(answer);
        endpoint.credentials.refused(&error);
    }
}
