//! A plan is carried out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use stream_lib::{Error, ErrorKind};

use super::pace::Pace;
use super::plan::Plan;
use crate::audit::{Change, note};
use crate::server::{Redis, with_causes};
use crate::words::{count, of};

/// Who acts, for the audit.
#[derive(Debug, Clone)]
pub struct By {
    /// A person: `user@host`, or the name that a browser has given.
    pub who: String,
    /// The program: `streamctl 0.1.0`.
    pub program: String,
    /// The command line, without secrets and values.
    pub command: String,
}

/// How it went.
#[derive(Debug)]
pub struct Outcome {
    /// How many were changed.
    pub done: u64,
    /// How many were to be changed.
    pub planned: u64,
    /// Why some were left alone, and how many.
    pub left_alone: BTreeMap<String, u64>,
    /// How it ended.
    pub ended: Ended,
    /// How far it got, and why no further.
    pub sentence: String,
    /// Why the change is not in the audit.
    pub unaudited: Option<String>,
}

/// How it ended.
#[derive(Debug)]
pub enum Ended {
    /// All was gone through.
    Through,
    /// It was cancelled between two steps.
    Cancelled,
    /// A step failed. Where its outcome is unknown, up to 50 more may have been changed.
    Failed(Error),
    /// Redis refused a step, by this line.
    Refused(String),
}

/// Carries out a plan. `cancelled` is asked between two steps; `progress` is told how many
/// were changed, or left alone, and of how many. What was changed is noted in the audit,
/// also where it ended early.
///
/// # Blocking
///
/// A round trip or a few for each 50 entries. With a pace, each step waits until its time
/// has come; `cancelled` is asked meanwhile.
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

    /// Whether all that was planned is done.
    pub fn is_whole(&self) -> bool {
        matches!(self.ended, Ended::Through) && self.left_alone.is_empty()
    }

    /// How far it got, and why no further. In one sentence, or a few.
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

    /// As JSON, to stand beside the plan's.
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
