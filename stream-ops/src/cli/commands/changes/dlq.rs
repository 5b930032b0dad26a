//! `dlq redrive` and `dlq rm`.

use std::fmt::Write as _;

use serde_json::{Map, json};
use stream_lib::{DeadFilter, DeadLetterId, DeadLetters, FieldEdits, FieldMask, StreamSchema};

use crate::cli::args::{Bounds, DlqWhich};
use crate::cli::commands::dlq::{ensure_known, filter, letters};
use crate::cli::commands::entries::mask;
use crate::cli::context::Context;
use crate::cli::exit::{Fault, Outcome};
use crate::cli::parse::field;
use crate::cli::plan::{Done, Plan, Step, carry_out, ids_in_words};
use crate::words::{count, cut, of, shown};

/// Bodies that a plan compares with the schemas.
const COMPARED: usize = 1_000;

/// How much of what is wrong a plan shows.
const MISFIT: usize = 160;

pub(crate) fn redrive(
    context: &Context,
    stream: &str,
    ids: &[DeadLetterId],
    which: &DlqWhich,
    changes: (&[String], &[String]),
    bounds: &Bounds,
) -> Outcome {
    ensure_known(context, stream)?;
    let letters = letters(context, stream)?;
    let edits = edits(changes.0, changes.1)?;
    let all = letters.count()?;
    let chosen = chosen(&letters, ids, which, bounds)?;
    let schemas = context.redis()?.manager().schemas(stream)?;
    let mask = mask(context, stream)?;
    let compared = compare(&letters, &chosen, &edits, &schemas)?;
    let until = chosen.iter().map(|id| id.id).max();
    let name = shown(stream.as_bytes());
    let groups: Vec<String> = compared
        .groups
        .iter()
        .map(|g| shown(g.as_bytes()))
        .collect();
    let groups = match groups.as_slice() {
        [] => String::new(),
        [one] => format!(", for {one} only"),
        several => format!(", each for its group only ({})", several.join(", ")),
    };
    let bound = until.map(|id| format!(" (until {id})")).unwrap_or_default();
    let mut said = format!(
        "Would put back {} of {} into `{name}`{groups}{bound}.",
        count(chosen.len() as u64),
        of(all, "dead letter", "dead letters")
    );
    said.push_str(&would_fail(&compared, &mask));
    let mut json = Map::new();
    json.insert("of".to_owned(), all.into());
    json.insert("until".to_owned(), json!(until.map(|id| id.to_string())));
    json.insert("would_fail".to_owned(), compared.would_fail.into());
    json.insert("compared".to_owned(), compared.looked_at.into());
    json.insert("without_fields".to_owned(), compared.without_body.into());
    let shown_ids = ids_in_words(&chosen);
    let plan = Plan {
        action: "dlq redrive",
        stream: stream.to_owned(),
        group: which.group.clone().unwrap_or_default(),
        items: chosen,
        said,
        done: Done::new("Put back", "dead letter", "dead letters"),
        again: again(ids, until),
        json,
        loses: None,
        which: shown_ids,
    };
    carry_out(context, &plan, bounds, |chunk| {
        let report = letters.redrive_edited(chunk, &edits)?;
        Ok(Step {
            done: report.redriven,
            left: report.missing + report.without_body,
        })
    })
}

pub(crate) fn rm(
    context: &Context,
    stream: &str,
    ids: &[DeadLetterId],
    which: &DlqWhich,
    bounds: &Bounds,
) -> Outcome {
    ensure_known(context, stream)?;
    let letters = letters(context, stream)?;
    let all = letters.count()?;
    let chosen = chosen(&letters, ids, which, bounds)?;
    let until = chosen.iter().map(|id| id.id).max();
    let bound = until.map(|id| format!(" (until {id})")).unwrap_or_default();
    let shown_ids = ids_in_words(&chosen);
    let plan = Plan {
        action: "dlq rm",
        stream: stream.to_owned(),
        group: which.group.clone().unwrap_or_default(),
        said: format!(
            "Would remove {} of {} of `{}` for good{bound}. `streamctl dlq export` keeps them.",
            count(chosen.len() as u64),
            of(all, "dead letter", "dead letters"),
            shown(stream.as_bytes())
        ),
        items: chosen,
        done: Done::new("Removed", "dead letter", "dead letters"),
        again: again(ids, until),
        json: Map::new(),
        loses: None,
        which: shown_ids,
    };
    carry_out(context, &plan, bounds, |chunk| {
        let report = letters.remove_letters(chunk)?;
        Ok(Step {
            done: report.removed,
            left: report.missing,
        })
    })
}

/// The dead letters that a command is for, the oldest first.
fn chosen(
    letters: &DeadLetters,
    ids: &[DeadLetterId],
    which: &DlqWhich,
    bounds: &Bounds,
) -> Outcome<Vec<DeadLetterId>> {
    let mut chosen = if ids.is_empty() {
        let mut filter: DeadFilter = filter(which);
        if let Some(until) = bounds.until {
            filter = filter.until(until);
        }
        if let Some(limit) = bounds.limit {
            filter = filter.limit(limit);
        }
        letters.select(&filter)?
    } else {
        ids.to_vec()
    };
    chosen.truncate(bounds.limit.unwrap_or(usize::MAX));
    Ok(chosen)
}

/// Ids say by themselves what they are for.
fn again(ids: &[DeadLetterId], until: Option<stream_lib::EntryId>) -> Option<String> {
    until
        .filter(|_| ids.is_empty())
        .map(|until| format!("--until {until}"))
}

fn edits(set: &[String], unset: &[String]) -> Outcome<FieldEdits> {
    let mut edits = FieldEdits::new();
    for text in set {
        let (name, value) = field(text)?;
        edits = edits.set(name, value);
    }
    for name in unset {
        if name.is_empty() {
            return Err(Fault::usage("--unset needs the name of a field"));
        }
        edits = edits.remove(name);
    }
    Ok(edits)
}

/// What the schemas say of those that would be put back.
#[derive(Debug, Default)]
struct Compared {
    looked_at: usize,
    would_fail: usize,
    without_body: usize,
    groups: std::collections::BTreeSet<String>,
    /// What is wrong most often: how many, the field, what is said of it, the schema.
    worst: Option<(usize, String, String, String)>,
}

fn compare(
    letters: &DeadLetters,
    chosen: &[DeadLetterId],
    edits: &FieldEdits,
    schemas: &[StreamSchema],
) -> Outcome<Compared> {
    let mut found = Compared::default();
    let mut kinds: std::collections::BTreeMap<(String, String), (usize, String)> =
        std::collections::BTreeMap::new();
    for id in chosen.iter().take(COMPARED) {
        let Some(letter) = letters.letter(*id)? else {
            continue;
        };
        found.looked_at += 1;
        found.groups.insert(letter.group().to_owned());
        if letter.message().is_empty() {
            found.without_body += 1;
            continue;
        }
        let message = edits.applied_to(letter.message());
        if let Some((schema, misfits)) = StreamSchema::check_any(schemas, &message) {
            found.would_fail += 1;
            for misfit in misfits {
                let key = (misfit.field.clone(), schema.name.clone());
                let kind = kinds.entry(key).or_insert_with(|| (0, misfit.to_string()));
                kind.0 += 1;
            }
        }
    }
    let worst = kinds.into_iter().max_by_key(|(_, (number, _))| *number);
    found.worst = worst.map(|((field, schema), (number, said))| (number, field, said, schema));
    Ok(found)
}

fn would_fail(found: &Compared, mask: &FieldMask) -> String {
    let mut said = String::new();
    if found.without_body > 0 {
        let _ = write!(
            said,
            "\n{} of them would stay: their fields were too large to be kept.",
            count(found.without_body as u64)
        );
    }
    let Some((_, field, what, schema)) = &found.worst else {
        return said;
    };
    let what = if mask.hides(field.as_bytes()) {
        field.clone()
    } else {
        cut(&shown(what.as_bytes()), MISFIT)
    };
    let _ = write!(
        said,
        "\n{} of them would fail again: {what} (schema {}).",
        count(found.would_fail as u64),
        shown(schema.as_bytes())
    );
    said
}
