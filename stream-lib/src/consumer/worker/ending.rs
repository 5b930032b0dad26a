//! The end of a delivery: from its outcome to a request to the settler.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::consumer::handler::verdict::{EntryVerdict, Outcome, judge};
use crate::consumer::member::Member;
use crate::consumer::member::held::Held;
use crate::consumer::member::settle::Action;
use crate::consumer::member::stage::Stage;
use crate::runtime::{jitter, panic_text};

/// Ends a delivery as its outcome asks for. Returns false if that may have taken
/// a while.
pub(crate) fn end(member: &Member, held: &Arc<Held>, index: usize, outcome: Outcome) -> bool {
    if matches!(outcome, Outcome::Done) && held.advance(index, Stage::Running, Stage::Done) {
        let is_news = member.acknowledging.announce(held);
        return !is_news;
    }
    if let Outcome::Panicked(text) = &outcome {
        member.counters.panicked.fetch_add(1, Ordering::Relaxed);
        member
            .config
            .events
            .tell(|e| e.panicked(held.id(index), text));
    }
    held.set_stage(index, Stage::Settling);
    let attempt = held.attempt(index);
    let policy = &member.config.retry;
    // An error's text may be the user's own code too, and panic.
    let verdict = catch_unwind(AssertUnwindSafe(|| judge(&outcome, attempt, policy)));
    let verdict = verdict.unwrap_or_else(|panic| {
        let text = format!("an error that can't be shown: {}", panic_text(&*panic));
        judge(&Outcome::Panicked(text), attempt, policy)
    });
    let action = match verdict {
        // With the lease lost, the entry is settled only if it is ours after
        // all.
        EntryVerdict::Ack => Action::AckHeld,
        EntryVerdict::Retry {
            delay,
            jitter: share,
        } => {
            let delay = jitter(delay, share);
            log::debug!(
                "delivery {attempt} of {} of `{}` failed, next in {delay:?}",
                held.id(index),
                member.group.stream()
            );
            let id = held.id(index);
            member.config.events.tell(|e| e.retried(id, attempt, delay));
            Action::Retry { delay }
        }
        EntryVerdict::Bury { reason, error } => Action::Bury { reason, error },
    };
    member.settle(held, index, action);
    // An error may be the user's own type, and so is how it is dropped.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(outcome)));
    false
}
