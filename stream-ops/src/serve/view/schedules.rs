//! Scheduled messages and recurring jobs, of one stream or of all.

use std::cmp::Reverse;
use std::time::SystemTime;

use stream_lib::{CronJob, CronState, FieldMask, ScheduledMessage, StreamSchema};

use super::dead::ms_of;
use super::group::needs;
use super::message::in_a_line;
use crate::serve::access::Role;
use crate::serve::page::{Field, JobRow, ScheduledRow, Schedules, Sign};
use crate::words::{age_ms, of, quoted, shown};

/// A message or a job is late after this time.
const LATE_MS: u64 = 60_000;

/// The most messages on a page.
const MESSAGES: usize = 200;

/// The jobs and the scheduled messages of one stream.
#[derive(Debug, Clone, Default)]
pub struct StreamSchedules {
    /// The stream.
    pub stream: String,
    /// Its jobs.
    pub jobs: Vec<CronJob>,
    /// Its scheduled messages that are due first.
    pub messages: Vec<ScheduledMessage>,
    /// Their number.
    pub scheduled: u64,
    /// Its schemas.
    pub schemas: Vec<StreamSchema>,
}

/// The schedules of one stream.
pub fn schedules(of_one: &StreamSchedules, now: u64, allowed: Role) -> Schedules {
    let all = rows(std::slice::from_ref(of_one), now, allowed);
    Schedules {
        stream: Some(of_one.stream.clone()),
        title: format!("Schedules of {}", of_one.stream),
        ..all
    }
}

/// The schedules of all streams. `left_out` is the number of streams that weren't read.
pub fn all_schedules(
    of_all: &[StreamSchedules],
    left_out: usize,
    now: u64,
    allowed: Role,
) -> Schedules {
    let all = rows(of_all, now, allowed);
    let has_any = |of: &&StreamSchedules| !of.jobs.is_empty() || of.scheduled > 0;
    let streams = of_all.iter().filter(has_any).count() as u64;
    let mut about = all.about;
    if streams > 0 {
        about = format!("{about}, of {}", of(streams, "stream", "streams"));
    }
    if left_out > 0 {
        let streams = of(left_out as u64, "stream was", "streams were");
        about = format!("{about}; {streams} not looked at");
    }
    Schedules {
        title: "Schedules".to_owned(),
        about,
        ..all
    }
}

fn rows(of_all: &[StreamSchedules], now: u64, allowed: Role) -> Schedules {
    let mut jobs: Vec<((Reverse<Sign>, u64), JobRow)> = Vec::new();
    let mut messages: Vec<((Reverse<Sign>, u64), ScheduledRow)> = Vec::new();
    for one in of_all {
        let mask = FieldMask::of(&one.schemas);
        jobs.extend(one.jobs.iter().map(|job| {
            let row = job_row(&one.stream, job, now);
            ((Reverse(row.sign), job.next.map_or(u64::MAX, ms_of)), row)
        }));
        messages.extend(one.messages.iter().map(|message| {
            let row = message_row(&one.stream, message, &mask, now, allowed);
            ((Reverse(row.sign), message.due().map_or(0, ms_of)), row)
        }));
    }
    jobs.sort_by(|(a, one), (b, other)| (a, &one.name).cmp(&(b, &other.name)));
    messages.sort_by_key(|(order, _)| *order);
    messages.truncate(MESSAGES);
    let scheduled: u64 = of_all.iter().map(|one| one.scheduled).sum();
    Schedules {
        stream: None,
        title: String::new(),
        about: format!(
            "{}, {}",
            of(jobs.len() as u64, "job", "jobs"),
            of(scheduled, "scheduled message", "scheduled messages")
        ),
        more: scheduled.saturating_sub(messages.len() as u64),
        jobs: jobs.into_iter().map(|(_, row)| row).collect(),
        messages: messages.into_iter().map(|(_, row)| row).collect(),
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
    let buttons = match job.state {
        CronState::On => vec![does("run-job", "Run now…"), does("pause-job", "Pause…")],
        CronState::Paused => vec![does("run-job", "Run now…"), does("resume-job", "Resume…")],
        _ => Vec::new(),
    };
    let verb = if job.state == CronState::Paused {
        "resume"
    } else {
        "pause"
    };
    JobRow {
        stream: stream.to_owned(),
        name: shown(job.name.as_bytes()),
        sign,
        state,
        times: shown(job.expression.as_bytes()),
        zone: shown(job.zone.as_bytes()),
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
        stream: stream.to_owned(),
        id,
        sign,
        due,
        fields: in_a_line(message.message().iter(), mask),
        does,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: u64 = 2_000_000_000_000;

    #[test]
    fn times_are_said_from_now() {
        let at = |ms: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        assert_eq!(in_or_ago(at(NOW + 90_000), NOW), "in 1 min 30 s");
        assert_eq!(in_or_ago(at(NOW - 30_000), NOW), "30 s ago");
    }

    #[test]
    fn streams_without_schedules_are_not_counted() {
        let of_one = |stream: &str, scheduled| StreamSchedules {
            stream: stream.to_owned(),
            scheduled,
            ..StreamSchedules::default()
        };
        let all = [of_one("orders", 3), of_one("emails", 0)];
        let page = all_schedules(&all, 0, NOW, Role::View);
        assert_eq!(page.about, "0 jobs, 3 scheduled messages, of 1 stream");
        assert_eq!((page.more, page.stream), (3, None));
        assert!(page.refused.unwrap().contains("--allow retry"));
        let page = all_schedules(&all, 2, NOW, Role::Retry);
        assert!(
            page.about.ends_with("; 2 streams were not looked at"),
            "{}",
            page.about
        );
        let one = schedules(&all[0], NOW, Role::Retry);
        assert_eq!(
            (one.title.as_str(), one.refused),
            ("Schedules of orders", None)
        );
    }
}
