//! The first commands on a new connection, in one round trip.

use std::error::Error as _;
use std::io;
use std::sync::Arc;

use redis::{Cmd, Pipeline};

use super::credentials::{Given, command};
use super::deadline::Deadline;
use super::endpoint::{Endpoint, Role};
use super::role::{ask_otherwise, must_be_master, role_of};
use super::scan::ProtocolError;
use super::server_error::ServerError;
use super::wire::Wire;
use crate::config::{Address, Credentials};
use crate::error::{Error, ErrorKind, Result};

/// The requests of a handshake, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Auth,
    Select,
    SetName,
    ClientId,
    Role,
}

impl Wire {
    /// Connects, authenticates, chooses the database and sets the client's
    /// name, until a deadline, whose interrupt ends the attempt at once.
    ///
    /// # Errors
    ///
    /// `Unavailable` if the server can't be reached or doesn't serve yet,
    /// `Authentication`, `PermissionDenied`, and `Config` for a database that doesn't
    /// exist.
    pub(super) fn connect_by(endpoint: &Arc<Endpoint>, deadline: &mut Deadline) -> Result<Self> {
        endpoint.origin.ensure_here()?;
        // Credentials come first, since a server closes connections that stay silent for
        // long.
        let given = endpoint.credentials.for_handshake(deadline)?;
        let mut wire = Self::open(endpoint, deadline)?;
        let id = run(&mut wire, &given, deadline)?;
        wire.set_client_id(id);
        wire.authenticated_by(&given);
        Ok(wire)
    }

    /// As [`connect_by`](Self::connect_by), within `timeout`.
    #[cfg(test)]
    pub(super) fn connect(endpoint: &Arc<Endpoint>, timeout: std::time::Duration) -> Result<Self> {
        Self::connect_by(endpoint, &mut Deadline::of(timeout))
    }
}

/// Runs the handshake; returns the client id, if the user may ask for it.
fn run(wire: &mut Wire, given: &Given, deadline: &mut Deadline) -> Result<Option<i64>> {
    let credentials = given.credentials();
    let requests = requests(wire.endpoint(), given);
    let mut packed = Pipeline::new();
    for (_, request) in &requests {
        packed.add_command(request.clone());
    }
    let endpoint = wire.endpoint().clone();
    let sent = wire.send_within(&packed.get_packed_pipeline(), requests.len(), deadline);
    sent.map_err(unfinished)?;
    let mut client_id = None;
    let mut unasked = None;
    for (step, _) in requests {
        let reply = wire.receive_within(deadline);
        let reply = reply.map_err(|e| explained(unfinished(e), &endpoint.address))?;
        match reply.error() {
            Some(line) if step == Step::Role => unasked = Some(ServerError::new(line)),
            Some(line) => check(step, &endpoint, credentials, line)?,
            None if step == Step::Role => must_be_master(&endpoint, role_of(reply))?,
            None if step != Step::ClientId => {}
            None if reply.int().is_some() => client_id = reply.int(),
            None => {
                let address = &endpoint.address;
                let text = format!("the server at {address} is not Redis");
                return Err(Error::new(ErrorKind::Protocol, text));
            }
        }
    }
    if let Some(refusal) = unasked {
        ask_otherwise(wire, &refusal, deadline)?;
    }
    Ok(client_id)
}

/// The connection was lost during the handshake. No caller's command was sent yet, so the
/// outcome is known.
fn unfinished(error: Error) -> Error {
    match error.kind() {
        ErrorKind::OutcomeUnknown => error.of_kind(ErrorKind::Unavailable),
        _ => error,
    }
}

/// Explains why a server may not be understood.
fn explained(error: Error, address: &Address) -> Error {
    if !matches!(address, Address::Tcp { tls: false, .. }) {
        return error;
    }
    let cause = error.source();
    let cause_is_tls = cause.and_then(|cause| cause.downcast_ref::<ProtocolError>());
    if cause_is_tls.is_some_and(ProtocolError::is_tls) {
        let text = format!("the server at {address} speaks TLS: use a `rediss://` URL");
        return Error::new(ErrorKind::Protocol, text).because(error);
    }
    let lost = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
    let is_closed = |kind: io::ErrorKind| {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};

        matches!(kind, BrokenPipe | ConnectionReset | UnexpectedEof)
    };
    if lost.is_some_and(|cause| is_closed(cause.kind())) {
        return error.adding("; a TLS port closes it in the same way: use a `rediss://` URL");
    }
    error
}

fn requests(endpoint: &Endpoint, given: &Given) -> Vec<(Step, Cmd)> {
    let mut requests = Vec::new();
    if let Some(request) = given.request() {
        requests.push((Step::Auth, request));
    }
    if endpoint.db != 0 {
        requests.push((Step::Select, command(&["SELECT", &endpoint.db.to_string()])));
    }
    if let Some(name) = &endpoint.client_name {
        requests.push((Step::SetName, command(&["CLIENT", "SETNAME", name])));
    }
    // Always sent, since it also shows a missing password.
    requests.push((Step::ClientId, command(&["CLIENT", "ID"])));
    if endpoint.role == Role::Master {
        requests.push((Step::Role, command(&["ROLE"])));
    }
    requests
}

/// The meaning of an error reply in the handshake; some mean nothing.
fn check(step: Step, endpoint: &Endpoint, credentials: &Credentials, line: &[u8]) -> Result<()> {
    let answer = ServerError::new(line);
    let server = endpoint.named();
    let (kind, text) = match (step, answer.kind()) {
        // "ERR max number of clients reached", LOADING, and similar; a proxy without its
        // server.
        (_, ErrorKind::Refused) | (Step::Auth | Step::Select, ErrorKind::OutcomeUnknown) => {
            let text = format!("{server} doesn't serve now");
            (ErrorKind::Unavailable, text)
        }
        (Step::Auth, ErrorKind::Authentication | ErrorKind::Server) => {
            let text = format!("{server} refuses this user name or password");
            (ErrorKind::Authentication, text)
        }
        (_, ErrorKind::Authentication) => {
            let text = format!("{server} wants a user name or password");
            (ErrorKind::Authentication, text)
        }
        (_, ErrorKind::PermissionDenied) if answer.code() == "DENIED" => {
            let text = format!("{server} denies the connection");
            (ErrorKind::PermissionDenied, text)
        }
        (Step::SetName | Step::ClientId | Step::Role, _) => return Ok(()),
        (Step::Select, ErrorKind::PermissionDenied) => {
            let text = format!("{server} doesn't let this user choose a database");
            (ErrorKind::PermissionDenied, text)
        }
        (Step::Select, _) => {
            let text = format!("{server} has no database {} for this user", endpoint.db);
            (ErrorKind::Config, text)
        }
        (Step::Auth, kind) => (kind, format!("{server} refuses the connection")),
    };
    let line = without_password(answer.line(), credentials);
    let answer = ServerError::new(line.as_bytes());
    Err(Error::new(kind, format!("{text}: {line}")).because(answer))
}

/// Hides the password, should a server quote it.
fn without_password(line: &str, credentials: &Credentials) -> String {
    match credentials.password.as_deref() {
        Some(password) if !password.is_empty() => line.replace(password, "***"),
        _ => line.to_owned(),
    }
}
