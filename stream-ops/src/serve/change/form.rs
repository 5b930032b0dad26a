//! What a form asks for.

use std::collections::BTreeSet;
use std::time::Duration;

use stream_lib::{DeadFilter, DeadLetterId, EntryId, FieldEdits, FieldMask, StreamSchema};

use super::what::Change;
use crate::serve::dash::Dash;
use crate::serve::load::{deads, schemas};
use crate::serve::page::{Edit, Page, Rich};
use crate::serve::query::Query;
use crate::serve::view::chosen;
use crate::server::with_causes;
use crate::words::{count, of, shown};

/// Dead letters that one change takes at most. More of them are for the command line, which
/// says how far it got.
const MOST_LETTERS: usize = 1_000;

/// The longest hold: a week.
const LONGEST_HOLD: Duration = Duration::from_secs(7 * 86_400);

/// What a form asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A change.
    Change(Change),
    /// Fields to be edited first.
    Edit(Box<Edit>),
}

/// Reads a form.
///
/// # Errors
///
/// What is wrong with it, as a sentence.
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
        "redrive" => {
            let (edits, fields) = edits(form);
            Change::Redrive {
                letters: letters(dash, &stream, form)?,
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
            return Err(format!(
                "`{}` is nothing that can be done",
                shown(other.as_bytes())
            ));
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

/// A duration as people write it: `30 min`, `90s`, `2 h`. Bare numbers are minutes.
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
        "`{}` is no time: 30 min, 90 s, 2 h and 1 d are",
        shown(text.as_bytes())
    )
}

/// The dead letters that are ticked, and those of the kind that the page didn't have.
fn letters(dash: &Dash, stream: &str, form: &Query) -> Result<Vec<DeadLetterId>, String> {
    let read = |name: &'static str| -> Result<BTreeSet<DeadLetterId>, String> {
        let ids = form.all(name).map(|id| {
            id.parse()
                .map_err(|_| format!("`{}` is no dead letter", shown(id.as_bytes())))
        });
        ids.collect()
    };
    let (mut ids, shown_ids) = (read("letter")?, read("shown")?);
    if form.get("more") == "yes" {
        let now = dash.redis.clock().map_err(|error| with_causes(&error))?;
        let kinds = deads(dash, stream, now)?;
        let kinds: Vec<_> = kinds.iter().map(|(kind, _)| kind.clone()).collect();
        let kind = chosen(&kinds, form.get("kind")).ok_or("this kind of dead letters is gone")?;
        let until: EntryId = parsed(form, "until")?;
        let filter = DeadFilter::new()
            .kind(kind)
            .until(until)
            .limit(MOST_LETTERS + 1);
        let letters = dash.redis.manager().dead_letters(stream);
        let found = letters.and_then(|letters| letters.select(&filter));
        let found = found.map_err(|error| with_causes(&error))?;
        ids.extend(found.into_iter().filter(|id| !shown_ids.contains(id)));
    }
    match ids.len() {
        0 => Err("no dead letter is ticked".to_owned()),
        number if number > MOST_LETTERS => Err(format!(
            "this page takes {} at a time; `streamctl dlq` takes more, and says how far it got",
            of(MOST_LETTERS as u64, "dead letter", "dead letters")
        )),
        _ => Ok(ids.into_iter().collect()),
    }
}

/// The fields that are others than they were.
fn edits(form: &Query) -> (FieldEdits, Vec<String>) {
    let mut edits = FieldEdits::new();
    let mut names = Vec::new();
    for (name, value) in form.under("field:") {
        let was = format!("was:{name}");
        if form.all(&was).next() != Some(value) {
            edits = edits.set(name, value);
            names.push(name.to_owned());
        }
    }
    (edits, names)
}

/// The fields of the first letter, to be edited for all. What may not be shown stays as it is.
fn edit(dash: &Dash, stream: &str, form: &Query) -> Result<Edit, String> {
    let ids = letters(dash, stream, form)?;
    let first = ids.first().ok_or("no dead letter is ticked")?;
    let letter = dash.redis.manager().dead_letters(stream);
    let letter = letter.and_then(|letters| letters.letter(*first));
    let letter = letter.map_err(|error| with_causes(&error))?;
    let letter = letter.ok_or("the dead letter is gone")?;
    let schemas = schemas(dash, stream);
    let mask = FieldMask::of(&schemas);
    let faults = StreamSchema::check_any(&schemas, letter.message());
    let faults = faults.map(|(_, faults)| faults).unwrap_or_default();
    let mut fields: Vec<(String, String, String)> = Vec::new();
    let mut hidden = vec![
        ("do".to_owned(), "redrive".to_owned()),
        ("stream".to_owned(), stream.to_owned()),
    ];
    hidden.extend(ids.iter().map(|id| ("letter".to_owned(), id.to_string())));
    for (name, value) in letter.message().iter() {
        // What isn't text can't be edited as text.
        let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value)) else {
            continue;
        };
        if mask.hides(name.as_bytes()) || fields.iter().any(|(known, ..)| known == name) {
            continue;
        }
        let fault = faults.iter().find(|fault| fault.field == name);
        let wrong = fault.and_then(|fault| fault.expected.clone());
        let wrong = wrong.map(|expected| format!("{expected} expected"));
        hidden.push((format!("was:{name}"), value.to_owned()));
        fields.push((name.to_owned(), value.to_owned(), wrong.unwrap_or_default()));
    }
    for fault in &faults {
        if fault.found.is_none()
            && let Some(expected) = &fault.expected
        {
            let wrong = format!("missing: {expected} expected");
            hidden.push((format!("was:{}", fault.field), String::new()));
            fields.push((fault.field.clone(), String::new(), wrong));
        }
    }
    let text = match ids.len() {
        1 => Rich::from("The one dead letter is put back with what you change."),
        several => Rich::from(format!(
            "These are the fields of the first one. What you change is changed in all {}; the rest stays as it is in each.",
            count(several as u64)
        )),
    };
    Ok(Edit {
        title: format!(
            "Edit and put back {}",
            of(ids.len() as u64, "dead letter", "dead letters")
        ),
        text,
        fields,
        hidden,
        button: "Go on…".to_owned(),
        back: Page::Dead(stream.to_owned()).link(),
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
    fn only_what_was_changed_is_edited() {
        let form = Query::read(b"field:a=1&was:a=1&field:b=2&was:b=3&field:c=&was:c=");
        let (edits, names) = edits(&form);
        assert_eq!(names, ["b"]);
        assert!(!edits.is_empty());
    }
}
