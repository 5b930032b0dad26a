//! The agreement that a plan needs beyond a yes.

use super::plan::Plan;
use crate::words::{count, of};

/// A plan for more entries than this needs `--all`, or a limit.
pub const MANY: u64 = 1_000;

/// The agreement given beside the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consent {
    /// To any number of entries.
    pub all: bool,
    /// To the loss of entries that a group has not handled: unread or pending.
    pub force_unread: bool,
}

impl Consent {
    /// The flags that a plan still needs, each with the reason. Empty if none is missing.
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
