//! Scheduled messages, and jobs that recur.

use std::time::SystemTime;

use stream_lib::{CronJob, CronState, FieldMask, ScheduledMessage, StreamSchema};

use super::dead::ms_of;
use super::group::needs;
use super::message::in_a_line;
use crate::observe::{History, StreamFacts};
use crate::serve::access::Role;
use crate::serve::page::{Field, Index, IndexRow, JobRow, Page, ScheduledRow, Schedules, Sign};
use crate::words::{age_ms, count, of, quoted, shown};

/// A message or a job that is late by more than this waits for somebody.
const LATE_MS: u64 = 60_000;

/// The schedules of a stream.
pub fn schedules(
    facts: &StreamFacts,
    jobs: &[CronJob],
    messages: &[ScheduledMessage],
    schemas: &[StreamSchema],
    now: u64,
    allowed: Role,
) -> Schedules {
    let mask = FieldMask::of(schemas);
    let shown_now = messages.len() as u64;
    Schedules {
        stream: facts.name.clone(),
        about: format!(
            "{}, {}",
            of(jobs.len() as u64, "job", "jobs"),
            of(facts.scheduled, "scheduled message", "scheduled messages")
        ),
        jobs: jobs
            .iter()
            .map(|job| job_row(&facts.name, job, now))
            .collect(),
        messages: messages
            .iter()
            .map(|message| message_row(&facts.name, message, &mask, now, allowed))
            .collect(),
        more: facts.scheduled.saturating_sub(shown_now),
        refused: needs(Role::Retry, allowed),
    }
}

fn form(what: &str, stream: &str, name: &str, value: &str) -> Vec<Field> {
    [("do", what), ("stream", stream), (name, value)]
        .into_iter()
        .map(|(name, value)| Field {
            name: name.to_owned(),
            label: None,
            value: value.to_owned(),
        })
        .collect()
}

fn in_or_ago(time: SystemTime, now: u64) -> String {
    let at = ms_of(time);
    if at >= now {
        format!("in {}", age_ms(at - now))
    } else {
        format!("{} ago", age_ms(now - at))
    }
}

fn job_row(stream: &str, job: &CronJob, now: u64) -> JobRow {
    let late = job.next.map_or(0, |next| now.saturating_sub(ms_of(next)));
    let (sign, state) = match job.state {
        CronState::On if late > LATE_MS => (
            Sign::Worsens,
            format!("late by {}: no process takes part", age_ms(late)),
        ),
        CronState::On => (Sign::Fine, "on".to_owned()),
        CronState::Paused => (Sign::Mends, "paused by somebody".to_owned()),
        _ => (Sign::Fine, "removed".to_owned()),
    };
    let does = |what: &str, words: &str| (words.to_owned(), form(what, stream, "job", &job.name));
    let mut buttons = vec![does("run-job", "Run now…")];
    match job.state {
        CronState::On => buttons.push(does("pause-job", "Pause…")),
        CronState::Paused => buttons.push(does("resume-job", "Resume…")),
        _ => buttons.clear(),
    }
    let verb = if job.state == CronState::Paused {
        "resume"
    } else {
        "pause"
    };
    JobRow {
        name: shown(job.name.as_bytes()),
        sign,
        state,
        times: format!(
            "{} {}",
            shown(job.expression.as_bytes()),
            shown(job.zone.as_bytes())
        ),
        next: job
            .next
            .map_or_else(|| "–".to_owned(), |next| in_or_ago(next, now)),
        last: in_or_ago(job.last, now),
        does: buttons,
        command: format!(
            "streamctl cron {verb} {} {}",
            quoted(stream),
            quoted(&job.name)
        ),
    }
}

fn message_row(
    stream: &str,
    message: &ScheduledMessage,
    mask: &FieldMask,
    now: u64,
    allowed: Role,
) -> ScheduledRow {
    let late = message
        .due()
        .map_or(0, |due| now.saturating_sub(ms_of(due)));
    let (sign, due) = match message.due() {
        None => (
            Sign::Worsens,
            "set aside: its body can't be read".to_owned(),
        ),
        Some(due) if late > LATE_MS => (
            Sign::Worsens,
            format!("was due {}: no process takes part", in_or_ago(due, now)),
        ),
        Some(due) => (Sign::Fine, in_or_ago(due, now)),
    };
    let id = message.id().to_string();
    let mut does = vec![(
        "Run now…".to_owned(),
        form("run-scheduled", stream, "scheduled", &id),
    )];
    if allowed >= Role::Admin {
        does.push((
            "Cancel…".to_owned(),
            form("cancel-scheduled", stream, "scheduled", &id),
        ));
    }
    ScheduledRow {
        id,
        sign,
        due,
        fields: in_a_line(message.message().iter(), mask),
        does,
    }
}

/// All streams by their schedules.
pub fn all_schedules(history: &History) -> Index {
    let look = history.latest();
    let ours = look.streams.iter().filter(|stream| stream.is_ours);
    let rows: Vec<IndexRow> = ours
        .map(|stream| IndexRow {
            name: stream.name.clone(),
            link: Page::Schedules(stream.name.clone()).link(),
            sign: Sign::Fine,
            state: if stream.scheduled == 0 {
                "no message is scheduled".to_owned()
            } else {
                "messages wait for their time".to_owned()
            },
            count: count(stream.scheduled),
            note: String::new(),
        })
        .collect();
    Index {
        title: "Schedules".to_owned(),
        about: "Messages that wait for their time, and jobs that recur.".to_owned(),
        counted: "Scheduled".to_owned(),
        rows,
    }
}
