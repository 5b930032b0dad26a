//! Reads forms.

use std::num::NonZeroU32;
use std::time::Duration;

use super::copy::{copy, copy_to_edit};
use super::edit::{edit, edits};
use super::letters::{few, letters};
use super::what::{Asked, Change};
use crate::serve::dash::Dash;
use crate::serve::query::Query;
use crate::words::shown;

/// The longest hold: a week.
const LONGEST_HOLD: Duration = Duration::from_secs(7 * 86_400);

/// Reads a form.
///
/// # Errors
///
/// If the form is invalid. The text names the problem.
pub(crate) fn asked(dash: &Dash, form: &Query) -> Result<Asked, String> {
    let stream = named(form, "stream")?;
    let group = || named(form, "group");
    let job = || named(form, "job");
    let change = match form.get("do") {
        "set-aside" => Change::SetAside {
            stream,
            group: group()?,
            at: parsed(form, "id")?,
        },
        "hold" => Change::Hold {
            stream,
            group: group()?,
            time: time(form.get("for"))?,
        },
        "unhold" => Change::Unhold {
            stream,
            group: group()?,
        },
        what @ ("redrive" | "redrive-few") => {
            let (edits, fields) = edits(form);
            let all = letters(dash, &stream, form)?;
            Change::Redrive {
                letters: if what == "redrive" { all } else { few(all) },
                at_most: rate(form.get("rate"))?,
                stream,
                edits,
                fields,
            }
        }
        "edit" => return edit(dash, &stream, form).map(|page| Asked::Edit(Box::new(page))),
        "remove-dead" => Change::RemoveDead {
            letters: letters(dash, &stream, form)?,
            stream,
        },
        "edit-copy" => {
            return copy_to_edit(dash, &stream, form).map(|page| Asked::Edit(Box::new(page)));
        }
        "send-copy" => return copy(dash, stream, form),
        "run-job" => Change::RunJob {
            stream,
            job: job()?,
        },
        "pause-job" => Change::PauseJob {
            stream,
            job: job()?,
        },
        "resume-job" => Change::ResumeJob {
            stream,
            job: job()?,
        },
        "run-scheduled" => Change::RunScheduled {
            stream,
            id: parsed(form, "scheduled")?,
        },
        "cancel-scheduled" => Change::CancelScheduled {
            stream,
            id: parsed(form, "scheduled")?,
        },
        other => {
            return Err(format!("`{}` is no action", shown(other.as_bytes())));
        }
    };
    Ok(Asked::Change(change))
}

fn named(form: &Query, name: &str) -> Result<String, String> {
    match form.get(name) {
        "" => Err(format!("the form has no {name}")),
        value => Ok(value.to_owned()),
    }
}

fn parsed<T: std::str::FromStr>(form: &Query, name: &str) -> Result<T, String> {
    let text = form.get(name);
    text.parse()
        .map_err(|_| format!("`{}` is no {name}", shown(text.as_bytes())))
}

/// Reads a duration such as `30 min`, `90s` or `2 h`. Bare numbers are minutes.
fn time(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().map_err(|_| not_a_time(text))?;
    let seconds = match unit.trim() {
        "s" | "sec" | "seconds" => 1,
        "" | "m" | "min" | "minutes" => 60,
        "h" | "hours" => 3_600,
        "d" | "days" => 86_400,
        _ => return Err(not_a_time(text)),
    };
    let time = Duration::from_secs(number.saturating_mul(seconds));
    if time.is_zero() || time > LONGEST_HOLD {
        return Err("a group can be held for a second to seven days".to_owned());
    }
    Ok(time)
}

fn not_a_time(text: &str) -> String {
    format!(
        "`{}` is no time: write 30 min, 90 s, 2 h or 1 d",
        shown(text.as_bytes())
    )
}

/// Reads a rate per second such as `50 /s` or `50`; `None` for no limit if it is empty.
fn rate(text: &str) -> Result<Option<NonZeroU32>, String> {
    let text = text.trim();
    let number = text.strip_suffix("/s").unwrap_or(text).trim_end();
    if number.is_empty() {
        return Ok(None);
    }
    let number = number.replace(',', "").parse();
    number.map(Some).map_err(|_| {
        format!(
            "`{}` is no rate: write 50 /s, or leave it empty for no limit",
            shown(text.as_bytes())
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [("30 min", 1_800), ("90s", 90), ("2h", 7_200), ("5", 300)] {
            assert_eq!(time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "min", "0", "8 d", "1 y", "-1", "99999999999999999999"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_read_as_people_write_them() {
        for (text, number) in [("50 /s", 50), ("50", 50), (" 1,000/s ", 1_000)] {
            assert_eq!(rate(text), Ok(NonZeroU32::new(number)), "{text}");
        }
        assert_eq!(rate(""), Ok(None));
        assert_eq!(rate(" /s"), Ok(None));
        for wrong in ["0", "-1", "many", "1.5", "99999999999"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
