//! The end of a delivery: from its outcome to a request to the settler.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::command::Mark;
use crate::config::event::{Panicked, Retried};
use crate::consumer::cause::Cause;
use crate::consumer::handler::error::is_advice;
use crate::consumer::handler::verdict::{EntryVerdict, Outcome, judge};
use crate::consumer::member::Member;
use crate::consumer::member::failure_log::Failure;
use crate::consumer::member::held::Held;
use crate::consumer::member::secrets::hidden;
use crate::consumer::member::settle::Action;
use crate::consumer::member::stage::Stage;
use crate::error::{one_line, with_causes_except};
use crate::runtime::{jitter, panic_text};

/// Ends a delivery by its outcome. `secrets` are the values that the text of its error
/// must not repeat, in place of the entry's own. Returns false if the call may have taken
/// a while.
pub(crate) fn end(
    member: &Member,
    held: &Arc<Held>,
    index: usize,
    outcome: Outcome,
    secrets: Option<&[String]>,
) -> bool {
    // The stage refuses outputs that the delivery gives later.
    let outputs = held.outputs.take(index);
    if let (Outcome::Done, Some(outputs)) = (&outcome, outputs) {
        held.set_stage(index, Stage::Settling);
        member.settle(held, index, Action::Produce(outputs));
        return false;
    }
    if matches!(outcome, Outcome::Done) && held.advance(index, Stage::Running, Stage::Done) {
        let is_news = member.acknowledging.announce(held);
        return !is_news;
    }
    if let Outcome::Panicked(text) = &outcome {
        member.counters.panicked.fetch_add(1, Ordering::Relaxed);
        member.config.events.tell(|e| {
            e.panicked(&Panicked {
                stream: member.declared_stream(),
                group: member.group.name(),
                consumer: &member.name,
                id: held.id(index),
                attempt: held.attempt(index),
                text,
            });
        });
    }
    held.set_stage(index, Stage::Settling);
    let action = action(member, held, index, outcome, secrets);
    member.settle(held, index, action);
    false
}

fn action(
    member: &Member,
    held: &Arc<Held>,
    index: usize,
    outcome: Outcome,
    secrets: Option<&[String]>,
) -> Action {
    let (id, attempt) = (held.id(index), held.attempt(index));
    let config = &member.config;
    let mark = held.mark(index);
    // An entry that runs alone comes back by the takeover, without a mark, so the number
    // of its rate limits would never be known.
    let limited = if held.is_alone() {
        u16::MAX
    } else {
        mark.limited
    };
    let so_far = (attempt, limited);
    let judged = |outcome: &Outcome| judge(outcome, so_far, &config.retry, config.on_undecodable);
    // The error may be the user's own type, and panic when it is asked.
    let verdict = catch_unwind(AssertUnwindSafe(|| judged(&outcome)));
    let verdict = verdict.unwrap_or_else(|panic| judged(&Outcome::Panicked(panic_text(panic))));
    let kind = match outcome {
        Outcome::Undecodable(_) => Failure::Undecodable,
        _ => Failure::Handler,
    };
    if matches!(outcome, Outcome::Skipped) {
        return Action::Skip;
    }
    let Some(cause) = outcome.into_cause() else {
        // With the lease lost, the entry is settled only if it is ours after all.
        return Action::AckHeld;
    };
    let shown = |cause: &Cause| {
        let text = shown(cause);
        match (secrets, &member.common.secrets) {
            (Some(secrets), Some(_)) => hidden(text, secrets.to_vec()),
            (None, Some(secrets)) => hidden(text, secrets.values_of(held.fields(index))),
            (_, None) => text,
        }
    };
    if !matches!(verdict, EntryVerdict::Hold { .. }) {
        member.counters.errors.fetch_add(1, Ordering::Relaxed);
    }
    match verdict {
        EntryVerdict::Ack => Action::AckHeld,
        EntryVerdict::Retry {
            delay,
            jitter: share,
        } => {
            let delay = jitter(delay, share);
            member.common.report.failed(|| shown(&cause));
            let failures = &member.failure_log;
            failures.failed(kind, id, attempt, delay, || shown(&cause));
            member.config.events.tell(|e| {
                e.retried(&Retried {
                    stream: member.declared_stream(),
                    group: member.group.name(),
                    consumer: &member.name,
                    id,
                    attempt,
                    delay,
                    error: cause.error(),
                });
            });
            Action::Retry { delay }
        }
        EntryVerdict::Hold { delay } => {
            member.hold_here(delay, "a handler was told of a rate limit");
            let failures = &member.failure_log;
            failures.failed(kind, id, attempt, delay, || shown(&cause));
            let limited = mark.limited + 1;
            Action::RateLimited {
                delay,
                mark: Mark {
                    limited,
                    ..Mark::default()
                },
            }
        }
        // The settler logs it, since it knows the entry's state.
        EntryVerdict::Bury(reason) => {
            let text = shown(&cause);
            member.common.report.failed(|| text.clone());
            Action::bury(reason, cause, text)
        }
    }
}

/// The text of an error. The user's own code may make it, and panic.
fn shown(cause: &Cause) -> String {
    let shown = AssertUnwindSafe(|| with_causes_except(cause.error(), is_advice));
    catch_unwind(shown).unwrap_or_else(|panic| {
        let text = panic_text(panic);
        format!("an error that can't be shown: {}", one_line(&text))
    })
}
