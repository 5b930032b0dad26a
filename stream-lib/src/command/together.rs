//! Several scripts in one request.

use super::reply::checked;
use super::script::{Call, Script};
use crate::connection::{Reply, Wire};
use crate::error::Result;

/// Runs scripts that don't need each other's answers. Those that the server
/// doesn't know are sent again, each by itself.
pub(super) fn run_together<const N: usize>(
    wire: &mut Wire,
    calls: [&Call<'_>; N],
) -> Result<[Reply; N]> {
    let mut packed = Vec::new();
    for call in calls {
        call.pack_into(&mut packed);
    }
    let replies = wire.exchange_all(&packed, N)?;
    let mut answers = Vec::with_capacity(N);
    for (call, reply) in calls.into_iter().zip(replies) {
        answers.push(if Script::is_missing(reply.as_ref()) {
            call.run(wire)?
        } else {
            checked(reply)?
        });
    }
    answers
        .try_into()
        .map_err(|_| super::reply::unexpected("scripts"))
}
