//! The repetition of messages that were refused and not written.

use std::time::Instant;

use crate::command::Outgoing;
use crate::connection::{Retry, Topology, answer_of};
use crate::error::Result;
use crate::producer::added::{Added, Answers};
use crate::producer::transport::outlet::Outlet;

/// Whether a message may go again: nothing was written.
pub(super) fn is_refused(answer: &Result<Added>) -> bool {
    matches!(answer, Err(e) if answer_of(e).may_go_again())
}

/// Whether a message is in Redis, or may be.
fn may_be_written(answer: &Result<Added>) -> bool {
    answer
        .as_ref()
        .map_or_else(|e| answer_of(e).may_be_written(), |_| true)
}

/// Whether messages of one script were refused because one of them is too large.
pub(super) fn are_too_large_together(answers: &[Result<Added>]) -> bool {
    let is_too_large =
        |answer: &Result<Added>| matches!(answer, Err(e) if answer_of(e).is_too_large());
    answers.len() > 1 && answers.iter().all(is_too_large)
}

/// The messages of a batch that may go again: those that were refused while nothing
/// behind them was written. `overtaken` tells, and is set, whether something behind was.
pub(super) fn open_messages(
    outlet: &Outlet,
    batch: &Outgoing,
    answers: &[Result<Added>],
    overtaken: &mut bool,
) -> Vec<usize> {
    let together = outlet.needs_script(batch) && are_too_large_together(answers);
    let mut open = Vec::new();
    for (place, answer) in answers.iter().enumerate().rev() {
        *overtaken |= may_be_written(answer);
        if !*overtaken && (together || is_refused(answer)) {
            open.push(place);
        }
    }
    open.reverse();
    open
}

/// Sends these messages of a batch, in order, until they have an answer other than a
/// refusal, or the deadline has passed. Their answers are replaced.
pub(super) fn send_again(
    topology: &Topology,
    outlet: &Outlet,
    batch: &Outgoing,
    answers: &mut Answers,
    mut open: Vec<usize>,
    deadline: Instant,
) {
    let chosen = |answers: &Answers, open: &[usize]| -> Vec<Result<Added>> {
        let chosen = open.iter().filter_map(|place| answers.get(*place));
        chosen.cloned().collect()
    };
    let mut was_sent = false;
    if !are_too_large_together(&chosen(answers, &open)) {
        let left = Retry::until(deadline).left();
        let first = open.first().and_then(|place| answers.get(*place));
        let first = first.and_then(|answer| answer.clone().err());
        let key = outlet.keys.stream().as_bytes();
        let sent = topology.run_after(key, left, first.as_ref(), |wire| {
            wire.answer_by(deadline);
            was_sent = true;
            let rest = batch.pick(&open);
            for (place, answer) in open.iter().zip(outlet.execute(wire, &rest)) {
                if let Some(old) = answers.get_mut(*place) {
                    *old = answer;
                }
            }
            let new = chosen(answers, &open);
            if outlet.needs_script(&rest) && are_too_large_together(&new) {
                return Ok(());
            }
            let mut overtaken = false;
            let again = open_messages(outlet, &rest, &new, &mut overtaken);
            open = again
                .iter()
                .filter_map(|place| open.get(*place).copied())
                .collect();
            match open.first().and_then(|place| answers.get(*place)) {
                Some(Err(e)) => Err(e.clone()),
                _ => Ok(()),
            }
        });
        // Without a connection they keep the answer that they have, if any.
        for place in &open {
            if let (Err(e), Some(answer)) = (&sent, answers.get_mut(*place)) {
                *answer = match std::mem::replace(answer, Err(e.clone())) {
                    Err(own) if was_sent => Err(topology.settled(own)),
                    _ => Err(e.clone()),
                };
            }
        }
    }
    if are_too_large_together(&chosen(answers, &open)) {
        // Each goes by itself, so that each gets its own answer.
        for place in open {
            send_again(topology, outlet, batch, answers, vec![place], deadline);
        }
    }
}
