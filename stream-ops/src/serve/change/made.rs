//! Makes a change, and notes it.

use std::time::{Duration, SystemTime};

use stream_lib::{DeadLetterId, DeadLetters, Error, FieldEdits, Result};

use super::what::Change;
use crate::audit;
use crate::serve::dash::Dash;
use crate::serve::page::Rich;
use crate::server::with_causes;
use crate::words::{cut, of};

/// Dead letters of one request.
const CHUNK: usize = 50;

/// How a change went.
struct Made {
    done: u64,
    /// In a sentence.
    told: String,
    /// Which entries; no payload.
    detail: String,
    /// What ended it early.
    failed: Option<String>,
}

impl Made {
    fn one(told: String, detail: String) -> Self {
        Self {
            done: 1,
            told,
            detail,
            failed: None,
        }
    }

    fn nothing(told: String) -> Self {
        Self {
            done: 0,
            detail: told.clone(),
            told,
            failed: None,
        }
    }
}

/// Makes a change of somebody, notes it in the audit, and tells how it went.
pub(crate) fn make(dash: &Dash, who: &str, change: &Change) -> Rich {
    let made = act(dash, who, change).unwrap_or_else(|error| Made {
        failed: Some(with_causes(&error)),
        ..Made::nothing(format!("{} was not done", change.action()))
    });
    dash.forget();
    let detail = match &made.failed {
        Some(why) => format!("{}; then it failed: {why}", made.detail),
        None => made.detail.clone(),
    };
    let command = change.command();
    let note = audit::Change {
        who: Some(who),
        action: change.action(),
        stream: change.stream(),
        group: change.group(),
        done: made.done,
        planned: change.count(),
        detail: &detail,
        program: "dashboard",
        command: &command,
    };
    let noted = match audit::note(&dash.redis, &note) {
        Ok(None) => None,
        Ok(Some(line)) => Some(line),
        Err(error) => Some(with_causes(&error)),
    };
    let mut told = Rich::new().plain(made.told).plain(". ");
    if let Some(why) = made.failed {
        told = told.bad(format!("It failed then: {}. ", cut(&why, 300)));
    }
    if let Some(why) = noted {
        told = told.bad(format!("It is not in the audit: {}.", cut(&why, 200)));
    }
    told
}

fn act(dash: &Dash, who: &str, change: &Change) -> Result<Made> {
    let manager = dash.redis.manager();
    Ok(match change {
        Change::SetAside { stream, group, at } => {
            let why = format!("set aside by {who}, by hand");
            let report = manager.pending(stream, group)?.bury(&[*at], &why)?;
            match report.done {
                0 => Made::nothing(format!("{at} was left alone: {report}")),
                _ => Made::one(format!("{at} was set aside for {group}"), at.to_string()),
            }
        }
        Change::Hold {
            stream,
            group,
            time,
        } => {
            // By the server's clock, which is the one that ends it.
            let now = Duration::from_millis(dash.redis.clock()?);
            let until = SystemTime::UNIX_EPOCH + now + *time;
            manager.hold(
                stream,
                group,
                until,
                &format!("by {who}, from the dashboard"),
            )?;
            let time = crate::words::age(*time);
            Made::one(
                format!("{group} is held back for {time}"),
                format!("for {time}"),
            )
        }
        Change::Unhold { stream, group } => either(
            manager.release(stream, group)?,
            Made::one(format!("{group} reads on"), String::new()),
            Made::nothing(format!("{group} was not held")),
        ),
        Change::Redrive {
            stream,
            letters,
            edits,
            fields,
        } => {
            let dead = manager.dead_letters(stream)?;
            redrive(&dead, letters, edits, fields)
        }
        Change::RemoveDead { stream, letters } => {
            let dead = manager.dead_letters(stream)?;
            remove(&dead, letters)
        }
        Change::RunJob { stream, job } => {
            manager.crons(stream)?.run_now(job)?;
            Made::one(format!("{job} has run"), job.clone())
        }
        Change::PauseJob { stream, job } => either(
            manager.crons(stream)?.pause(job)?,
            Made::one(format!("{job} is paused"), job.clone()),
            Made::nothing(format!("{job} was paused already, or is gone")),
        ),
        Change::ResumeJob { stream, job } => either(
            manager.crons(stream)?.resume(job)?,
            Made::one(format!("{job} goes on"), job.clone()),
            Made::nothing(format!("{job} was not paused, or is gone")),
        ),
        Change::RunScheduled { stream, id } => either(
            manager.scheduled(stream)?.run_now(*id)?,
            Made::one("The message was added".to_owned(), id.to_string()),
            Made::nothing("The message was added or cancelled already".to_owned()),
        ),
        Change::CancelScheduled { stream, id } => either(
            manager.scheduled(stream)?.cancel(*id)?,
            Made::one("The message was cancelled".to_owned(), id.to_string()),
            Made::nothing("The message was added or cancelled already".to_owned()),
        ),
    })
}

/// What is told where it was done, and where there was nothing to do.
fn either(was_done: bool, done: Made, nothing: Made) -> Made {
    if was_done { done } else { nothing }
}

/// In steps: what was done stays done where a later step fails.
fn redrive(
    dead: &DeadLetters,
    letters: &[DeadLetterId],
    edits: &FieldEdits,
    fields: &[String],
) -> Made {
    let (mut done, mut missing, mut bare) = (0, 0, 0);
    let failed = in_steps(letters, |step| {
        let report = if edits.is_empty() {
            dead.redrive_letters(step)?
        } else {
            dead.redrive_edited(step, edits)?
        };
        done += report.redriven as u64;
        missing += report.missing as u64;
        bare += report.without_body as u64;
        Ok(())
    });
    let mut told = format!(
        "{} put back",
        of(done, "dead letter was", "dead letters were")
    );
    if missing > 0 {
        told = format!("{told}, {missing} had gone already");
    }
    if bare > 0 {
        told = format!("{told}, {bare} stay without their fields");
    }
    let mut detail = ids(letters);
    if !fields.is_empty() {
        detail = format!("{detail}; changed: {}", fields.join(", "));
    }
    Made {
        done,
        told,
        detail,
        failed,
    }
}

fn remove(dead: &DeadLetters, letters: &[DeadLetterId]) -> Made {
    let mut done = 0;
    let failed = in_steps(letters, |step| {
        done += dead.remove_letters(step)?.removed as u64;
        Ok(())
    });
    Made {
        done,
        told: format!(
            "{} removed",
            of(done, "dead letter was", "dead letters were")
        ),
        detail: ids(letters),
        failed,
    }
}

fn in_steps(
    letters: &[DeadLetterId],
    mut step: impl FnMut(&[DeadLetterId]) -> Result<()>,
) -> Option<String> {
    let done: std::result::Result<(), Error> = letters.chunks(CHUNK).try_for_each(&mut step);
    done.err().map(|error| with_causes(&error))
}

/// The first and the last, and how many.
fn ids(letters: &[DeadLetterId]) -> String {
    match letters {
        [] => String::new(),
        [one] => one.to_string(),
        [first, .., last] => format!("{first} to {last}, {}", letters.len()),
    }
}
