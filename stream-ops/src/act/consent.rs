//! What a plan asks for beyond a yes.

use super::plan::Plan;
use crate::words::{count, of};

/// Above this number a plan asks for `--all`, or for a limit.
pub const MANY: u64 = 1_000;

/// What was agreed to beside the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consent {
    /// All of them, however many they are.
    pub all: bool,
    /// Also what a group has not handled: unread or pending.
    pub force_unread: bool,
}

impl Consent {
    /// What is missing for a plan, each as the flag that gives it and why it is asked for.
    /// Nothing is missing where that is empty.
    pub fn missing(self, plan: &Plan) -> Vec<(&'static str, String)> {
        let mut missing = Vec::new();
        if plan.count > MANY && !plan.is_limited && !self.all {
            let few = if plan.has_limit {
                ", or try a few first with --limit"
            } else {
                ""
            };
            let (number, many) = (count(plan.count), count(MANY));
            missing.push((
                "--all",
                format!("{number} are more than {many}: add --all{few}"),
            ));
        }
        if plan.unhandled > 0 && !self.force_unread {
            let entries = of(plan.unhandled, "entry is", "entries are");
            let text = format!(
                "{entries} unread or pending, and lost to the group; if that is what you want, \
                 add --force-unread"
            );
            missing.push(("--force-unread", text));
        }
        missing
    }
}
