//! Changes, as they were understood.

use std::time::Duration;

use stream_lib::{DeadLetterId, EntryAddress, FieldEdits, ScheduleId};

use crate::serve::access::Role;
use crate::serve::page::Page;
use crate::words::quoted;

/// A change, with everything that it acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// A pending entry becomes a dead letter.
    SetAside {
        stream: String,
        group: String,
        at: EntryAddress,
    },
    /// A group reads nothing new for a while.
    Hold {
        stream: String,
        group: String,
        time: Duration,
    },
    /// It reads on.
    Unhold { stream: String, group: String },
    /// Dead letters are put back, some of their fields changed.
    Redrive {
        stream: String,
        letters: Vec<DeadLetterId>,
        edits: FieldEdits,
        /// The names of the fields that are changed.
        fields: Vec<String>,
    },
    /// Dead letters go for good.
    RemoveDead {
        stream: String,
        letters: Vec<DeadLetterId>,
    },
    /// A job runs once, now.
    RunJob { stream: String, job: String },
    /// A job doesn't go on.
    PauseJob { stream: String, job: String },
    /// A job goes on.
    ResumeJob { stream: String, job: String },
    /// A scheduled message is added now.
    RunScheduled { stream: String, id: ScheduleId },
    /// A scheduled message is never added.
    CancelScheduled { stream: String, id: ScheduleId },
}

impl Change {
    /// What it takes to make it.
    pub(crate) fn role(&self) -> Role {
        match self {
            Self::RemoveDead { .. } | Self::CancelScheduled { .. } => Role::Admin,
            _ => Role::Retry,
        }
    }

    /// The stream.
    pub(crate) fn stream(&self) -> &str {
        match self {
            Self::SetAside { stream, .. }
            | Self::Hold { stream, .. }
            | Self::Unhold { stream, .. }
            | Self::Redrive { stream, .. }
            | Self::RemoveDead { stream, .. }
            | Self::RunJob { stream, .. }
            | Self::PauseJob { stream, .. }
            | Self::ResumeJob { stream, .. }
            | Self::RunScheduled { stream, .. }
            | Self::CancelScheduled { stream, .. } => stream,
        }
    }

    /// The group; may be empty.
    pub(crate) fn group(&self) -> &str {
        match self {
            Self::SetAside { group, .. }
            | Self::Hold { group, .. }
            | Self::Unhold { group, .. } => group,
            _ => "",
        }
    }

    /// The command that does the same, as the audit names it.
    pub(crate) fn action(&self) -> &'static str {
        match self {
            Self::SetAside { .. } => "pending bury",
            Self::Hold { .. } => "group hold",
            Self::Unhold { .. } => "group release",
            Self::Redrive { .. } => "dlq redrive",
            Self::RemoveDead { .. } => "dlq rm",
            Self::RunJob { .. } => "cron run-now",
            Self::PauseJob { .. } => "cron pause",
            Self::ResumeJob { .. } => "cron resume",
            Self::RunScheduled { .. } => "scheduled run-now",
            Self::CancelScheduled { .. } => "scheduled cancel",
        }
    }

    /// How many entries it is about; 0 where it is about none.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Redrive { letters, .. } | Self::RemoveDead { letters, .. } => {
                letters.len() as u64
            }
            Self::SetAside { .. } | Self::RunScheduled { .. } | Self::CancelScheduled { .. } => 1,
            _ => 0,
        }
    }

    /// The same as a command line; empty where there is none.
    pub(crate) fn command(&self) -> String {
        if matches!(self, Self::RunJob { .. }) {
            return String::new();
        }
        let stream = quoted(self.stream());
        let rest = match self {
            Self::SetAside { group, at, .. } => format!("{} {at}", quoted(group)),
            Self::Hold { group, time, .. } => {
                format!("{} --for {}s", quoted(group), time.as_secs())
            }
            Self::Unhold { group, .. } => quoted(group),
            Self::Redrive { letters, .. } | Self::RemoveDead { letters, .. } => {
                let ids: Vec<String> = letters.iter().take(3).map(ToString::to_string).collect();
                let more = if letters.len() > ids.len() {
                    " …"
                } else {
                    ""
                };
                format!("{}{more}", ids.join(" "))
            }
            Self::RunJob { job, .. } | Self::PauseJob { job, .. } | Self::ResumeJob { job, .. } => {
                quoted(job)
            }
            Self::RunScheduled { id, .. } | Self::CancelScheduled { id, .. } => id.to_string(),
        };
        format!("streamctl {} {stream} {rest} --yes", self.action())
    }

    /// The page from which it is made.
    pub(crate) fn back(&self) -> String {
        let stream = || self.stream().to_owned();
        let page = match self {
            Self::SetAside { group, .. }
            | Self::Hold { group, .. }
            | Self::Unhold { group, .. } => Page::Group(stream(), group.clone()),
            Self::Redrive { .. } | Self::RemoveDead { .. } => Page::Dead(stream()),
            _ => Page::Schedules(stream()),
        };
        page.link()
    }
}
