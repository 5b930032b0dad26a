//! Several scripts in one request.

use super::reply::{checked, unexpected};
use super::script::{Call, Script};
use crate::connection::{Reply, Wire};
use crate::error::Result;

/// Runs scripts that don't need each other's answers, followed by one packed command,
/// whose answer may be an error. Scripts that the server doesn't know are sent again, one
/// by one.
pub(super) fn run_together_with<const N: usize>(
    wire: &mut Wire,
    calls: [&Call<'_>; N],
    command: &[u8],
) -> Result<([Reply; N], Reply)> {
    let mut packed = Vec::new();
    for call in calls {
        call.pack_into(&mut packed);
    }
    packed.extend_from_slice(command);
    let mut replies = wire.exchange_all(&packed, N + 1)?;
    let last = replies.pop().ok_or_else(|| unexpected("an answer"))?;
    let mut answers = Vec::with_capacity(N);
    for (call, reply) in calls.into_iter().zip(replies) {
        answers.push(if Script::is_missing(reply.as_ref()) {
            call.run(wire)?
        } else {
            checked(reply)?
        });
    }
    let answers = answers.try_into().map_err(|_| unexpected("scripts"))?;
    Ok((answers, last))
}
