//! Changes, as read from forms.

use std::num::NonZeroU32;
use std::time::Duration;

use stream_lib::{DeadLetterId, EntryAddress, FieldEdits, ScheduleId};

use crate::act::Message;
use crate::serve::access::Role;
use crate::serve::page::{Edit, Page};
use crate::words::{quoted, shown};

/// The request of a form.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A change.
    Change(Change),
    /// Fields to be edited first.
    Edit(Box<Edit>),
}

/// A change, with everything that it acts on.
#[derive(Debug, Clone)]
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
    /// A group reads again.
    Unhold { stream: String, group: String },
    /// Dead letters are put back, with some fields changed.
    Redrive {
        stream: String,
        letters: Vec<DeadLetterId>,
        edits: FieldEdits,
        /// The names of the changed fields.
        fields: Vec<String>,
        /// The most per second.
        at_most: Option<NonZeroU32>,
    },
    /// Dead letters are removed for good.
    RemoveDead {
        stream: String,
        letters: Vec<DeadLetterId>,
    },
    /// A corrected copy of a message is added.
    SendCopy {
        stream: String,
        /// The id of the original.
        id: String,
        message: Message,
        /// The names of the changed fields.
        fields: Vec<String>,
    },
    /// A process that has a job adds its message now.
    RunJob { stream: String, job: String },
    /// A job is paused.
    PauseJob { stream: String, job: String },
    /// A job is resumed.
    ResumeJob { stream: String, job: String },
    /// A scheduled message is added now.
    RunScheduled { stream: String, id: ScheduleId },
    /// A scheduled message is never added.
    CancelScheduled { stream: String, id: ScheduleId },
}

impl Change {
    /// The role that the change needs.
    pub(crate) fn role(&self) -> Role {
        match self {
            Self::RemoveDead { .. } | Self::CancelScheduled { .. } | Self::SendCopy { .. } => {
                Role::Admin
            }
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
            | Self::SendCopy { stream, .. }
            | Self::RunJob { stream, .. }
            | Self::PauseJob { stream, .. }
            | Self::ResumeJob { stream, .. }
            | Self::RunScheduled { stream, .. }
            | Self::CancelScheduled { stream, .. } => stream,
        }
    }

    /// The equivalent command.
    fn action(&self) -> &'static str {
        match self {
            Self::SetAside { .. } => "pending bury",
            Self::Hold { .. } => "group hold",
            Self::Unhold { .. } => "group release",
            Self::Redrive { .. } => "dlq redrive",
            Self::RemoveDead { .. } => "dlq rm",
            Self::SendCopy { .. } => "stream send",
            Self::RunJob { .. } => "cron run-now",
            Self::PauseJob { .. } => "cron pause",
            Self::ResumeJob { .. } => "cron resume",
            Self::RunScheduled { .. } => "scheduled run-now",
            Self::CancelScheduled { .. } => "scheduled cancel",
        }
    }

    /// The equivalent command line, without values.
    pub(crate) fn command(&self) -> String {
        let stream = quoted(self.stream());
        let rest = match self {
            Self::SetAside { group, at, .. } => format!("{} {at}", quoted(group)),
            Self::Hold { group, time, .. } => {
                format!("{} --for {}s", quoted(group), time.as_secs())
            }
            Self::Unhold { group, .. } => quoted(group),
            Self::Redrive {
                letters,
                fields,
                at_most,
                ..
            } => {
                let sets = fields.iter().map(|name| format!(" --set {}", set(name)));
                let rate = at_most.map_or_else(String::new, |rate| format!(" --rate {rate}"));
                format!("{}{}{rate}", ids(letters), sets.collect::<String>())
            }
            Self::RemoveDead { letters, .. } => ids(letters),
            Self::SendCopy { message, .. } => {
                let names = message.fields.iter().map(|(name, _)| set(&shown(name)));
                names.collect::<Vec<_>>().join(" ")
            }
            Self::RunJob { job, .. } | Self::PauseJob { job, .. } | Self::ResumeJob { job, .. } => {
                quoted(job)
            }
            Self::RunScheduled { id, .. } | Self::CancelScheduled { id, .. } => id.to_string(),
        };
        format!("streamctl {} {stream} {rest} --yes", self.action())
    }

    /// The page from which the change is made.
    pub(crate) fn back(&self) -> String {
        let stream = || self.stream().to_owned();
        let page = match self {
            Self::SetAside { group, .. }
            | Self::Hold { group, .. }
            | Self::Unhold { group, .. } => Page::Group(stream(), group.clone()),
            Self::Redrive { .. } | Self::RemoveDead { .. } => Page::Dead(stream()),
            Self::SendCopy { .. } => Page::Messages(stream()),
            Self::RunJob { .. }
            | Self::PauseJob { .. }
            | Self::ResumeJob { .. }
            | Self::RunScheduled { .. }
            | Self::CancelScheduled { .. } => Page::Schedules(stream()),
        };
        page.link()
    }
}

/// `name=…`: the value belongs to the message.
fn set(name: &str) -> String {
    format!("{}=…", quoted(name))
}

/// The first few ids.
fn ids(letters: &[DeadLetterId]) -> String {
    let ids: Vec<String> = letters.iter().take(3).map(ToString::to_string).collect();
    let more = if letters.len() > ids.len() {
        " …"
    } else {
        ""
    };
    format!("{}{more}", ids.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_undone_needs_admin() {
        let (stream, group) = ("s".to_owned(), "g".to_owned());
        let job = "j".to_owned();
        let id: ScheduleId = "0000000000000017-k3v9x2m4p7q8".parse().unwrap();
        let retry = [
            Change::SetAside {
                stream: stream.clone(),
                group: group.clone(),
                at: "1-0".parse().unwrap(),
            },
            Change::Hold {
                stream: stream.clone(),
                group: group.clone(),
                time: Duration::from_secs(60),
            },
            Change::Unhold {
                stream: stream.clone(),
                group,
            },
            Change::Redrive {
                stream: stream.clone(),
                letters: Vec::new(),
                edits: FieldEdits::default(),
                fields: Vec::new(),
                at_most: None,
            },
            Change::RunJob {
                stream: stream.clone(),
                job: job.clone(),
            },
            Change::PauseJob {
                stream: stream.clone(),
                job: job.clone(),
            },
            Change::ResumeJob {
                stream: stream.clone(),
                job,
            },
            Change::RunScheduled {
                stream: stream.clone(),
                id,
            },
        ];
        let admin = [
            Change::RemoveDead {
                stream: stream.clone(),
                letters: Vec::new(),
            },
            Change::CancelScheduled {
                stream: stream.clone(),
                id,
            },
            Change::SendCopy {
                stream,
                id: "1-0".to_owned(),
                message: Message::default(),
                fields: Vec::new(),
            },
        ];
        for change in retry {
            assert_eq!(change.role(), Role::Retry, "{change:?}");
        }
        for change in admin {
            assert_eq!(change.role(), Role::Admin, "{change:?}");
        }
    }
}
