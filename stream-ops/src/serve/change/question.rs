//! The question before a change, in words.

use super::what::Change;
use crate::act::{Failing, Plan};
use crate::serve::page::Rich;
use crate::words::{age, of, shown};

/// A change that waits to be confirmed, with its plan.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) change: Change,
    pub(crate) plan: Plan,
}

impl Question {
    /// The question.
    pub(crate) fn title(&self) -> String {
        match &self.change {
            Change::SetAside { group, at, .. } => format!("Set {at} aside, for {group} only?"),
            Change::Hold { group, time, .. } => format!("Hold {group} back for {}?", age(*time)),
            Change::Unhold { group, .. } => format!("Let {group} read again?"),
            Change::Redrive { stream, .. } => format!("Put {} back into {stream}?", self.many()),
            Change::RemoveDead { stream, .. } => {
                format!("Remove {} of {stream} for good?", self.many())
            }
            Change::SendCopy { stream, id, .. } => {
                format!("Send a corrected copy of {id} to {stream}?")
            }
            Change::RunJob { job, .. } => format!("Run {job} now?"),
            Change::PauseJob { job, .. } => format!("Pause {job}?"),
            Change::ResumeJob { job, .. } => format!("Resume {job}?"),
            Change::RunScheduled { .. } => "Add this message now?".to_owned(),
            Change::CancelScheduled { .. } => "Cancel this message?".to_owned(),
        }
    }

    fn many(&self) -> String {
        let (one, many) = self.plan.unit;
        of(self.plan.count, one, many)
    }

    /// The change in progress, as a heading.
    pub(crate) fn doing(&self) -> String {
        match &self.change {
            Change::Redrive { stream, .. } => {
                format!("Putting {} back into {stream}", self.many())
            }
            Change::RemoveDead { stream, .. } => format!("Removing {} of {stream}", self.many()),
            other => format!("Changing {}", other.stream()),
        }
    }

    /// The sentences of the plan, in the words of the pages.
    pub(crate) fn sentences(&self) -> Vec<Rich> {
        let fail = self.plan.failing.as_ref().and_then(Failing::sentence);
        let mut said = Vec::new();
        for sentence in &self.plan.sentences {
            let is_bad = fail.as_ref() == Some(sentence);
            for line in sentence.lines() {
                let line = shown(line.trim().as_bytes());
                said.push(if is_bad {
                    Rich::new().strong(line)
                } else {
                    Rich::ticked(&line)
                });
            }
        }
        if self.plan.is_empty() {
            return said;
        }
        match &self.change {
            Change::Redrive { fields, .. } => {
                if !fields.is_empty() {
                    said.push(Rich::from(format!("Changed fields: {}.", names(fields))));
                }
                said.push(Rich::from(match &self.plan.failing {
                    Some(failing) if failing.count > 0 => return said,
                    Some(_) => "By the newest schema, nothing would fail again.",
                    None => "No schema is known to check against.",
                }));
            }
            Change::SendCopy { fields, .. } => {
                said.push(Rich::from(format!("Changed fields: {}.", names(fields))));
                if self.plan.failing.is_some() {
                    said.push(Rich::from("It fits the newest schema. All groups get it."));
                } else {
                    said.push(Rich::from("All groups get it."));
                }
            }
            Change::SetAside { .. } => {
                said.push(Rich::from("Other groups are left alone."));
            }
            _ => {}
        }
        said
    }

    /// Whether, and how, the change can be undone.
    pub(crate) fn undo(&self) -> &'static str {
        match &self.change {
            Change::SetAside { .. } => "It can be undone: the dead letter can be put back.",
            Change::Hold { .. } => "It can be undone, and ends by itself.",
            Change::Unhold { .. } => "It can be undone: the group can be held again.",
            Change::Redrive { .. } => {
                "It can't be undone, but an entry that fails again comes back here."
            }
            Change::RemoveDead { .. } => "It can't be undone: the fields are lost, too.",
            Change::SendCopy { .. } => "It can't be undone: the groups handle the copy.",
            Change::RunJob { .. } | Change::RunScheduled { .. } => {
                "It can't be undone: the groups handle the message."
            }
            Change::PauseJob { .. } => "It can be undone: the job can be resumed.",
            Change::ResumeJob { .. } => "It can be undone: the job can be paused again.",
            Change::CancelScheduled { .. } => "It can't be undone: the message is lost.",
        }
    }

    /// The words on the button; `None` if there is nothing to do.
    pub(crate) fn button(&self) -> Option<String> {
        if self.plan.is_empty() {
            return None;
        }
        let word = match &self.change {
            Change::SetAside { .. } => "Set it aside",
            Change::Hold { .. } => "Hold it back",
            Change::Unhold { .. } => "Let it read",
            Change::Redrive { .. } => "Put back",
            Change::RemoveDead { .. } => "Remove",
            Change::SendCopy { .. } => "Send it",
            Change::RunJob { .. } => "Run it now",
            Change::PauseJob { .. } => "Pause it",
            Change::ResumeJob { .. } => "Resume it",
            Change::RunScheduled { .. } => "Add it now",
            Change::CancelScheduled { .. } => "Cancel it",
        };
        Some(word.to_owned())
    }
}

fn names(fields: &[String]) -> String {
    let names: Vec<String> = fields.iter().map(|name| shown(name.as_bytes())).collect();
    names.join(", ")
}
