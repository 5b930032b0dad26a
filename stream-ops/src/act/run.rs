//! Carries out plans.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use stream_lib::{Error, ErrorKind};

use super::pace::Pace;
use super::plan::Plan;
use crate::audit::{Change, note};
use crate::server::{Redis, with_causes};
use crate::words::{count, of};

/// The author of a change, for the audit.
#[derive(Debug, Clone)]
pub struct By {
    /// A person: `user@host`, or the name given in a browser.
    pub who: String,
    /// The program: `streamctl 0.1.0`.
    pub program: String,
    /// The command line, without secrets and values.
    pub command: String,
}

/// The outcome of a plan.
#[derive(Debug)]
pub struct Outcome {
    /// The number of changed things.
    pub done: u64,
    /// The planned number.
    pub planned: u64,
    /// The reasons why some were left alone, and the number for each.
    pub left_alone: BTreeMap<String, u64>,
    /// The end of the work.
    pub ended: Ended,
    /// The result as a sentence, or a few.
    pub sentence: String,
    /// The reason why the change is missing from the audit, if it is.
    pub unaudited: Option<String>,
}

/// The end of the work on a plan.
#[derive(Debug)]
pub enum Ended {
    /// All steps were made.
    Through,
    /// The plan was cancelled between two steps.
    Cancelled,
    /// A step failed. If its outcome is unknown, up to 50 more may have been changed.
    Failed(Error),
    /// Redis refused a step with this error line.
    Refused(String),
}

/// Carries out a plan. `cancelled` is asked between two steps. `progress` gets the number
/// of things handled (changed or left alone) and the planned number after each step. The
/// change is noted in the audit, even if it ended early.
///
/// # Blocking
///
/// One round trip, or a few, per 50 entries. With a rate ([`Plan::at_most`]) each step
/// waits for its time; `cancelled` is asked during the wait.
pub fn carry_out(
    mut plan: Plan,
    redis: &Redis,
    by: &By,
    cancelled: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(u64, u64),
) -> Outcome {
    let mut outcome = Outcome {
        done: 0,
        planned: plan.count,
        left_alone: BTreeMap::new(),
        ended: Ended::Through,
        sentence: String::new(),
        unaudited: None,
    };
    let mut pace = Pace::new(plan.at_most);
    let mut is_over = plan.count == 0;
    while !is_over {
        let step = if pace.wait(cancelled) {
            pace.begin();
            plan.job.step_of(redis, pace.step())
        } else {
            outcome.ended = Ended::Cancelled;
            is_over = true;
            plan.job.cancel()
        };
        match step {
            Ok(step) => {
                pace.end(step.handled());
                outcome.done += step.done;
                for (why, count) in step.left_alone {
                    *outcome.left_alone.entry(why).or_default() += count;
                }
                is_over |= step.is_last;
                if let Some(line) = step.refused {
                    outcome.ended = Ended::Refused(line);
                    is_over = true;
                }
            }
            Err(error) => {
                outcome.ended = Ended::Failed(error);
                is_over = true;
            }
        }
        progress(outcome.done + outcome.left(), plan.count);
    }
    outcome.sentence = outcome.said(&plan);
    let is_to_note = outcome.done > 0 || !matches!(outcome.ended, Ended::Through);
    if is_to_note && plan.count > 0 {
        let change = Change {
            who: Some(&by.who),
            program: &by.program,
            action: plan.action,
            stream: &plan.stream,
            group: plan.group.as_deref().unwrap_or_default(),
            done: outcome.done,
            planned: plan.count,
            detail: &outcome.sentence,
            command: &by.command,
        };
        outcome.unaudited = match note(redis, &change) {
            Ok(refused) => refused,
            Err(error) => Some(with_causes(&error)),
        };
    }
    outcome
}

impl Outcome {
    fn left(&self) -> u64 {
        self.left_alone.values().sum()
    }

    /// Whether the whole plan was carried out.
    pub fn is_whole(&self) -> bool {
        matches!(self.ended, Ended::Through) && self.left_alone.is_empty()
    }

    /// The result as a sentence, or a few.
    fn said(&self, plan: &Plan) -> String {
        let (one, many) = plan.unit;
        let verb = plan.verb;
        let entries = of(self.planned, one, many);
        let mut text = match (&plan.single, &self.ended) {
            (Some(single), Ended::Through) if self.done > 0 => single.clone(),
            _ if self.done == self.planned => format!("{verb} {entries}"),
            _ => format!("{verb} {} of {entries}", count(self.done)),
        };
        for (why, number) in &self.left_alone {
            let _ = write!(text, "; {} {why}", count(*number));
        }
        text.push('.');
        match &self.ended {
            Ended::Through => text,
            Ended::Cancelled => format!("Interrupted. {text} The rest is as it was."),
            Ended::Refused(line) => format!("{text} Then Redis refused: {line}."),
            Ended::Failed(error) => {
                let unknown = if error.kind() == ErrorKind::OutcomeUnknown {
                    " Up to 50 more may have been."
                } else {
                    ""
                };
                format!("{text}{unknown} Then it failed: {}.", with_causes(error))
            }
        }
    }

    /// As JSON, whose names differ from those of the plan.
    pub fn json(&self) -> Map<String, Value> {
        let (ended, error) = match &self.ended {
            Ended::Through => ("through", None),
            Ended::Cancelled => ("interrupted", None),
            Ended::Refused(line) => ("failed", Some(line.clone())),
            Ended::Failed(error) => ("failed", Some(with_causes(error))),
        };
        crate::json::object(json!({
            "done": self.done,
            "left_alone": self.left_alone,
            "ended": ended,
            "error": error,
            "result": self.sentence,
            "in_audit": self.unaudited.is_none(),
        }))
    }
}
