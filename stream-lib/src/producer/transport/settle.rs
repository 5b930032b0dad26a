//! The repetition of messages with unknown outcome, if a key makes that safe.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::command::Outgoing;
use crate::connection::Topology;
use crate::error::{ErrorKind, Result};
use crate::producer::added::{Added, Answers, all_fail};
use crate::producer::transport::outlet::Outlet;
use crate::producer::unreplicated::NotReplicated;
use crate::runtime::{Backoff, Shutdown};

/// The pauses between tries, growing: as short as those of refused requests.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Sends messages with an idempotency key whose outcome is unknown again, until
/// `deadline` or until the producer is closed; also those whose connection was lost
/// before replicas had confirmed them.
pub(super) fn settle(
    topology: &Topology,
    closed: &Shutdown,
    outlet: &Outlet,
    batch: &Outgoing,
    answers: &mut [Result<Added>],
    deadline: Instant,
) {
    let left = || deadline.saturating_duration_since(Instant::now());
    let may_go = || !left().is_zero() && !closed.is_set();
    if !batch.has_keys() || !answers.iter().any(is_open) || !may_go() {
        return;
    }
    let seen = Cell::new(topology.changes());
    let send = |again: &Outgoing| {
        seen.set(topology.changes());
        execute_again(topology, outlet, again, left(), deadline)
    };
    // A newly found server ends the pause; a server that is back sends no signal.
    let pause = |time: Duration| {
        topology.refresh();
        topology.pause(seen.get(), closed, time.min(left()), || false);
        may_go()
    };
    repeat(batch, answers, send, pause);
}

/// Sends the messages with unknown outcome, until there are none, or `pause`, which waits
/// before another try, returns false.
fn repeat(
    batch: &Outgoing,
    answers: &mut [Result<Added>],
    mut send: impl FnMut(&Outgoing) -> Answers,
    mut pause: impl FnMut(Duration) -> bool,
) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
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
        if open.is_empty() {
            return;
        }
        let mut is_left = false;
        for (answer, new) in open.into_iter().zip(send(&again)) {
            // Another error shows nothing: the first try may have been written.
            if is_written(&new) {
                *answer = new;
            }
            is_left |= is_open(answer);
        }
        if !is_left || !pause(backoff.next()) {
            return;
        }
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

/// Whether a message was sent, and it is unknown what happened to it or, if that was
/// asked for, whether replicas have it.
fn is_open(result: &Result<Added>) -> bool {
    let Err(e) = result else { return false };
    e.kind() == ErrorKind::OutcomeUnknown
        || NotReplicated::of(e).is_some_and(NotReplicated::is_lost)
}

fn is_written(result: &Result<Added>) -> bool {
    matches!(result, Err(e) if e.kind() == ErrorKind::NotReplicated) || result.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Extras;
    use crate::error::Error;
    use crate::message::{EntryId, RawMessage};

    fn batch_of(keys: &[&str]) -> Outgoing {
        let mut batch = Outgoing::default();
        for key in keys {
            let message = RawMessage::new().with("n", "1");
            batch.push(&message, &Extras::of_key(*key)).unwrap();
        }
        batch
    }

    fn lost() -> Result<Added> {
        Err(Error::new(ErrorKind::OutcomeUnknown, "lost"))
    }

    const WRITTEN: Added = Added::Main(EntryId::new(1, 1));

    #[test]
    fn nothing_waits_once_all_outcomes_are_known() {
        let batch = batch_of(&["a", "b"]);
        let mut answers = [lost(), lost()];
        let mut sent = Vec::new();
        let mut news = vec![vec![Ok(WRITTEN)], vec![lost(), Ok(WRITTEN)]];
        let mut pauses = Vec::new();
        let send = |again: &Outgoing| {
            sent.push(again.len());
            news.pop().unwrap()
        };
        repeat(&batch, &mut answers, send, |time| {
            pauses.push(time);
            true
        });
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(sent, [2, 1]);
        assert_eq!(pauses.len(), 1, "one between the two");
    }

    #[test]
    fn a_server_that_is_back_is_found_soon_however_long_it_was_away() {
        let batch = batch_of(&["a"]);
        let mut answers = [lost()];
        let mut longest = Duration::ZERO;
        let mut tries = 0;
        repeat(
            &batch,
            &mut answers,
            |_| vec![lost()],
            |time| {
                longest = longest.max(time);
                tries += 1;
                tries < 50
            },
        );
        assert!(answers.iter().all(Result::is_err));
        assert!(longest <= Duration::from_millis(250), "{longest:?}");
    }
}
