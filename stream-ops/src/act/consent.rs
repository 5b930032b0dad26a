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
            let many = count(MANY);
            let text = format!("it is more than {many}: --all means all of them, --limit N fewer");
            missing.push(("--all", text));
        }
        if plan.unhandled > 0 && !self.force_unread {
            let entries = of(plan.unhandled, "entry is", "entries are");
            let text = format!("{entries} unread or pending: --force-unread means these too");
            missing.push(("--force-unread", text));
        }
        missing
    }
}
