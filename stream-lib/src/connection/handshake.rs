//! The first commands on a new connection, in one round trip.

use std::sync::Arc;

use redis::{Cmd, Pipeline};

use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::server_error::ServerError;
use super::wire::Wire;
use crate::error::{Error, ErrorKind, Result};

/// The requests of a handshake, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Auth,
    Select,
    SetName,
    ClientId,
}

impl Wire {
    /// Connects, authenticates, chooses the database and sets the client's
    /// name, until a deadline, whose interrupt ends the attempt at once.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the server can't be reached or doesn't serve yet,
    /// `Authentication`, `PermissionDenied`, and `Config` for a database that
    /// doesn't exist.
    pub(super) fn connect_by(endpoint: &Arc<Endpoint>, deadline: &mut Deadline) -> Result<Self> {
        let mut wire = Self::open(endpoint, deadline)?;
        let id = run(&mut wire, deadline)?;
        wire.set_client_id(id);
        Ok(wire)
    }

    /// As [`connect_by`](Self::connect_by), within `timeout`.
    #[cfg(test)]
    pub(super) fn connect(endpoint: &Arc<Endpoint>, timeout: std::time::Duration) -> Result<Self> {
        Self::connect_by(endpoint, &mut Deadline::of(timeout))
    }
}

/// Runs the handshake; the answer is the client id, where we may know it.
fn run(wire: &mut Wire, deadline: &mut Deadline) -> Result<Option<i64>> {
    let requests = requests(wire.endpoint());
    let mut packed = Pipeline::new();
    for (_, request) in &requests {
        packed.add_command(request.clone());
    }
    let endpoint = wire.endpoint().clone();
    let sent = wire.send_within(&packed.get_packed_pipeline(), requests.len(), deadline);
    sent.map_err(unfinished)?;
    let mut client_id = None;
    for (step, _) in requests {
        let reply = wire.receive_within(deadline).map_err(unfinished)?;
        match reply.error() {
            Some(line) => check(step, &endpoint, line)?,
            None if step != Step::ClientId => {}
            None if reply.int().is_some() => client_id = reply.int(),
            None => {
                let address = &endpoint.address;
                let text = format!("what answers at {address} is not Redis");
                return Err(Error::new(ErrorKind::Protocol, text));
            }
        }
    }
    Ok(client_id)
}

/// The connection was lost half-way. Nobody's command was on its way yet, so
/// the outcome is known.
fn unfinished(error: Error) -> Error {
    match error.kind() {
        ErrorKind::OutcomeUnknown => error.of_kind(ErrorKind::Unavailable),
        _ => error,
    }
}

fn requests(endpoint: &Endpoint) -> Vec<(Step, Cmd)> {
    let command = |words: &[&str]| {
        let mut command = Cmd::new();
        for word in words {
            command.arg(word);
        }
        command
    };
    let mut requests = Vec::new();
    let credentials = &endpoint.credentials;
    let password = credentials.password.as_deref();
    match (credentials.username.as_deref(), password) {
        // A user without a password may be one who needs none.
        (Some(user), _) => {
            let words = ["AUTH", user, password.unwrap_or_default()];
            requests.push((Step::Auth, command(&words)));
        }
        (None, Some(password)) => requests.push((Step::Auth, command(&["AUTH", password]))),
        (None, None) => {}
    }
    if endpoint.db != 0 {
        requests.push((Step::Select, command(&["SELECT", &endpoint.db.to_string()])));
    }
    if let Some(name) = &endpoint.client_name {
        requests.push((Step::SetName, command(&["CLIENT", "SETNAME", name])));
    }
    // Always asked: it also finds out whether a password is missing.
    requests.push((Step::ClientId, command(&["CLIENT", "ID"])));
    requests
}

/// Says what an error reply in the handshake means, or that it means nothing.
fn check(step: Step, endpoint: &Endpoint, line: &[u8]) -> Result<()> {
    let answer = ServerError::new(line);
    let address = &endpoint.address;
    let (kind, text) = match (step, answer.kind()) {
        // "ERR max number of clients reached", LOADING, and their like; a proxy
        // without its server.
        (_, ErrorKind::Refused) | (Step::Auth | Step::Select, ErrorKind::OutcomeUnknown) => {
            let text = format!("Redis at {address} doesn't serve now");
            (ErrorKind::Unavailable, text)
        }
        (Step::Auth, ErrorKind::Authentication | ErrorKind::Server) => {
            let text = format!("Redis at {address} refuses this user name or password");
            (ErrorKind::Authentication, text)
        }
        (_, ErrorKind::Authentication) => {
            let text = format!("Redis at {address} wants a user name or password");
            (ErrorKind::Authentication, text)
        }
        (_, ErrorKind::PermissionDenied) if answer.code() == "DENIED" => {
            let text = format!("Redis at {address} denies the connection");
            (ErrorKind::PermissionDenied, text)
        }
        (Step::SetName | Step::ClientId, _) => return Ok(()),
        (Step::Select, ErrorKind::PermissionDenied) => {
            let text = format!("Redis at {address} doesn't let this user choose a database");
            (ErrorKind::PermissionDenied, text)
        }
        (Step::Select, _) => {
            let text = format!("Redis at {address} has no database {} for us", endpoint.db);
            (ErrorKind::Config, text)
        }
        (Step::Auth, kind) => (kind, format!("Redis at {address} refuses the connection")),
    };
    let line = without_password(answer.line(), endpoint);
    let answer = ServerError::new(line.as_bytes());
    Err(Error::new(kind, format!("{text}: {line}")).because(answer))
}

/// No server quotes the password; should one do so, we don't.
fn without_password(line: &str, endpoint: &Endpoint) -> String {
    match endpoint.credentials.password.as_deref() {
        Some(password) if !password.is_empty() => line.replace(password, "***"),
        _ => line.to_owned(),
    }
}
