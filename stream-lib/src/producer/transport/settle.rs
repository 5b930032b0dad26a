//! Messages whose outcome is unknown are sent again, where a key makes that safe.

use std::time::{Duration, Instant};

use crate::command::Outgoing;
use crate::connection::Topology;
use crate::error::{ErrorKind, Result};
use crate::producer::added::{Added, Answers, all_fail};
use crate::producer::transport::outlet::Outlet;
use crate::producer::unreplicated::NotReplicated;
use crate::runtime::{Backoff, Shutdown};

/// Sends messages with an idempotency key whose outcome is unknown again,
/// until `deadline` or until the producer is closed, and so those of which the connection
/// was lost before replicas had confirmed them.
pub(super) fn settle(
    topology: &Topology,
    closed: &Shutdown,
    outlet: &Outlet,
    batch: &Outgoing,
    answers: &mut [Result<Added>],
    deadline: Instant,
) {
    if !batch.has_keys() || !answers.iter().any(is_open) {
        return;
    }
    let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(500));
    loop {
        let mut again = Outgoing::default();
        let open: Vec<_> = batch
            .iter()
            .zip(answers.iter_mut())
            .filter(|(message, answer)| message.key.is_some() && is_open(answer))
            .map(|(message, answer)| {
                again.push_encoded(message);
                answer
            })
            .collect();
        let left = deadline.saturating_duration_since(Instant::now());
        if open.is_empty() || left.is_zero() || closed.is_set() {
            return;
        }
        let sent = execute_again(topology, outlet, &again, left, deadline);
        for (answer, new) in open.into_iter().zip(sent) {
            // Another error says nothing: the first try may have been written.
            if is_written(&new) {
                *answer = new;
            }
        }
        closed.sleep(backoff.next().min(left));
    }
}

fn execute_again(
    topology: &Topology,
    outlet: &Outlet,
    batch: &Outgoing,
    left: Duration,
    deadline: Instant,
) -> Answers {
    match topology.pooled(outlet.keys.stream().as_bytes(), left) {
        Ok(mut wire) => {
            wire.answer_by(deadline);
            outlet.execute_again(&mut wire, batch)
        }
        Err(e) => all_fail(batch, &e),
    }
}

/// Whether a message was sent, and it is not known what became of it or, if that was
/// asked for, whether replicas have it.
fn is_open(result: &Result<Added>) -> bool {
    let Err(e) = result else { return false };
    e.kind() == ErrorKind::OutcomeUnknown
        || NotReplicated::of(e).is_some_and(NotReplicated::is_lost)
}

fn is_written(result: &Result<Added>) -> bool {
    matches!(result, Err(e) if e.kind() == ErrorKind::NotReplicated) || result.is_ok()
}
