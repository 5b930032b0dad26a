//! Requests worded by callers: those of the tools.

use super::pack;
use crate::connection::{Reply, ServerError, Wire};
use crate::error::{ErrorKind, Result};

/// Sends requests, each its words, in one round trip, and returns the answers, including
/// errors of the server except those that waiting or another server may cure.
pub(crate) fn ask(wire: &mut Wire, requests: &[Vec<Vec<u8>>]) -> Result<Vec<Reply>> {
    let mut packed = Vec::new();
    for request in requests {
        let words: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        pack::command(&mut packed, &words);
    }
    let replies = wire.exchange_all(&packed, requests.len())?;
    // If one was refused for now, so were the others: none of them counts.
    if let [first, ..] = replies.as_slice()
        && let Some(line) = first.as_ref().error()
    {
        let error = ServerError::new(line).into_error();
        let is_passing = matches!(
            error.kind(),
            ErrorKind::Unavailable | ErrorKind::Refused | ErrorKind::Authentication
        );
        if is_passing {
            return Err(error);
        }
    }
    Ok(replies)
}
