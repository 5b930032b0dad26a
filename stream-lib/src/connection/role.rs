//! Checks that a server is the master that sentinels name.

use std::error::Error as StdError;
use std::fmt;

use super::credentials::command;
use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::reply::ReplyRef;
use super::scan::Token;
use super::server_error::ServerError;
use super::wire::Wire;
use crate::error::{Error, ErrorKind, Result};

const MASTER: &[u8] = b"master";

/// The source of an error: the server is a replica, because the sentinels have not
/// finished or not announced the failover yet.
#[derive(Debug)]
pub(super) struct NotMaster;

impl fmt::Display for NotMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is no master")
    }
}

impl StdError for NotMaster {}

/// Whether the attempt has failed because the server is no master.
pub(super) fn is_not_master(error: &Error) -> bool {
    error.source().is_some_and(<dyn StdError>::is::<NotMaster>)
}

/// The role in an answer to `ROLE`.
pub(super) fn role_of(reply: ReplyRef<'_>) -> &[u8] {
    match reply.tokens() {
        [Token::Array(_), Token::Bulk { start, end }, ..] => reply.slice(*start, *end),
        _ => b"stranger",
    }
}

/// # Errors
///
/// `Unavailable` for a server of another role.
pub(super) fn must_be_master(endpoint: &Endpoint, role: &[u8]) -> Result<()> {
    if role == MASTER {
        return Ok(());
    }
    let role = String::from_utf8_lossy(role.get(..20).unwrap_or(role)).into_owned();
    let text = format!("{} is no master, but a `{role}`", endpoint.named());
    Err(Error::new(ErrorKind::Unavailable, text).because(NotMaster))
}

/// Asks for the role by `INFO replication`, after the server has refused `ROLE`. A server
/// that refuses both counts as the master, with a warning.
pub(super) fn ask_otherwise(
    wire: &mut Wire,
    refusal: &ServerError,
    deadline: &mut Deadline,
) -> Result<()> {
    let endpoint = wire.endpoint().clone();
    let unfinished = |e: Error| match e.kind() {
        ErrorKind::OutcomeUnknown => e.of_kind(ErrorKind::Unavailable),
        _ => e,
    };
    let request = command(&["INFO", "replication"]).get_packed_command();
    wire.send_within(&request, 1, deadline)
        .map_err(unfinished)?;
    let reply = wire.receive_within(deadline).map_err(unfinished)?;
    let mut lines = reply.text().unwrap_or_default().split(|b| *b == b'\n');
    if let Some(role) = lines.find_map(|line| line.strip_prefix(b"role:")) {
        return must_be_master(&endpoint, role.trim_ascii());
    }
    if !endpoint.warn_of_role() {
        log::warn!(
            "{} doesn't let this user ask whether it is the master ({}), and counts as it: allow \
             `ROLE`, so that a replica is noticed at once",
            endpoint.named(),
            refusal.line()
        );
    }
    Ok(())
}
