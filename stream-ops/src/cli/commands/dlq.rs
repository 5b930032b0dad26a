//! `dlq ls` and `dlq show`.

use serde_json::{Value, json};
use std::fmt::Write as _;
use stream_lib::{
    DeadFilter, DeadLetter, DeadLetterId, DeadLetters, EntryId, FieldMask, StreamSchema,
};

use super::entries::{as_text, mask, named};
use crate::cli::args::DlqWhich;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Fault, Outcome};
use crate::cli::output::{Report, listed, table};
use crate::words::{age_ms, count, cut, millis_of, of, rfc3339, shown};

/// The longest value and error in a line, in characters.
const VALUE: usize = 200;
const ERROR: usize = 80;

pub(crate) fn letters(context: &Context, stream: &str) -> Outcome<DeadLetters> {
    Ok(context.redis()?.manager().dead_letters(stream)?)
}

/// The selection, and where it begins, in milliseconds since 1970.
fn filter(context: &Context, which: &DlqWhich) -> Outcome<(DeadFilter, Option<u64>)> {
    let mut filter = DeadFilter::new();
    if let Some(reason) = &which.reason {
        filter = filter.reason(reason);
    }
    if let Some(group) = &which.group {
        filter = filter.group(group);
    }
    if let Some(error) = &which.error {
        filter = filter.error(error);
    }
    let since = which.since.map(|since| context.since(since)).transpose()?;
    if let Some(since) = since {
        filter = filter.from(EntryId::new(since, 0));
    }
    Ok((filter, since))
}

pub(crate) fn ls(
    context: &Context,
    stream: &str,
    which: &DlqWhich,
    kinds: bool,
    most: usize,
) -> Outcome {
    ensure_known(context, stream)?;
    let letters = letters(context, stream)?;
    let now = context.redis()?.clock()?;
    let all = letters.count()?;
    if kinds {
        return ls_kinds(context, stream, &letters, which, now, all);
    }
    let (filter, since) = filter(context, which)?;
    let ids = letters.select_newest(&filter.limit(most))?;
    let found: Result<Vec<_>, _> = ids.iter().map(|id| letters.letter(*id)).collect();
    let found: Vec<DeadLetter> = found?.into_iter().flatten().collect();
    let rows = found.iter().map(|letter| {
        [
            letter.letter_id().to_string(),
            format!(
                "{} ago",
                age_ms(now.saturating_sub(millis_of(letter.time())))
            ),
            shown(letter.reason().as_bytes()),
            count(letter.deliveries()),
            shown(letter.group().as_bytes()),
            cut(&shown(letter.error().as_bytes()), ERROR),
        ]
    });
    let text = match found.len() {
        0 => "No dead letters.\n".to_owned(),
        shown => format!(
            "{} of {}, the newest first\n\n{}",
            count(shown as u64),
            of(all, "dead letter", "dead letters"),
            table(
                [
                    "Dead letter",
                    ">Died",
                    "Reason",
                    ">Deliveries",
                    "Group",
                    "Error"
                ],
                rows
            )
        ),
    };
    let rows: Vec<Value> = found.iter().map(in_short).collect();
    let since = since.and_then(rfc3339);
    let json = json!({ "stream": stream, "dead": all, "since": since, "letters": rows });
    context
        .output
        .print(&Report::new(text, json).with_rows("letters"))?;
    Ok(Exit::Done)
}

fn ls_kinds(
    context: &Context,
    stream: &str,
    letters: &DeadLetters,
    which: &DlqWhich,
    now: u64,
    all: u64,
) -> Outcome {
    let (filter, since) = filter(context, which)?;
    let kinds = letters.kinds_of(&filter)?;
    let rows = kinds.iter().map(|kind| {
        let groups: Vec<String> = kind.groups.iter().map(|g| shown(g.as_bytes())).collect();
        [
            count(kind.count),
            shown(kind.reason.as_bytes()),
            cut(&shown(kind.error.as_bytes()), ERROR),
            groups.join(", "),
            context.clock.time(millis_of(kind.first_seen), now),
            context.clock.time(millis_of(kind.last_seen), now),
            kind.sample.to_string(),
        ]
    });
    let text = match kinds.len() {
        0 => "No dead letters.\n".to_owned(),
        number => format!(
            "{}, {}: same reason and same error, ids and numbers left out\n\n{}",
            of(all, "dead letter", "dead letters"),
            of(number as u64, "kind", "kinds"),
            table(
                [
                    ">How many",
                    "Why",
                    "Error",
                    "Group",
                    ">First",
                    ">Last",
                    "For example"
                ],
                rows
            )
        ),
    };
    let rows: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            json!({
                "count": kind.count,
                "reason": kind.reason,
                "error": kind.error,
                "groups": kind.groups,
                "first": rfc3339(millis_of(kind.first_seen)),
                "last": rfc3339(millis_of(kind.last_seen)),
                "sample": kind.sample.to_string(),
            })
        })
        .collect();
    let since = since.and_then(rfc3339);
    let json = json!({ "stream": stream, "dead": all, "since": since, "kinds": rows });
    context
        .output
        .print(&Report::new(text, json).with_rows("kinds"))?;
    Ok(Exit::Done)
}

fn in_short(letter: &DeadLetter) -> Value {
    json!({
        "id": letter.letter_id().to_string(),
        "time": rfc3339(millis_of(letter.time())),
        "reason": letter.reason(),
        "error": letter.error(),
        "group": letter.group(),
        "consumer": letter.consumer(),
        "deliveries": letter.deliveries(),
        "redrives": letter.redrives(),
        "entry_id": letter.entry_id().to_string(),
        "original_id": letter.original_id().to_string(),
    })
}

pub(crate) fn show(context: &Context, stream: &str, id: &str, diff: bool) -> Outcome {
    let id: DeadLetterId = id.parse()?;
    let Some(letter) = letters(context, stream)?.letter(id)? else {
        let stream = shown(stream.as_bytes());
        return Err(Fault::no_such(format!(
            "`{stream}` has no dead letter {id}; `streamctl dlq ls {stream}` shows those that it has"
        )));
    };
    let mask = mask(context, stream)?;
    let schemas = context.redis()?.manager().schemas(stream)?;
    let misfits = StreamSchema::check_any(&schemas, letter.message());
    let now = context.redis()?.clock()?;
    let mut text = listed([
        ("Dead letter", letter.letter_id().to_string()),
        (
            "Died",
            format!(
                "{} ago",
                age_ms(now.saturating_sub(millis_of(letter.time())))
            ),
        ),
        ("Reason", shown(letter.reason().as_bytes())),
        ("Error", shown(letter.error().as_bytes())),
        ("Group", shown(letter.group().as_bytes())),
        ("Consumer", shown(letter.consumer().as_bytes())),
        ("Deliveries", count(letter.deliveries())),
        ("Redrives", letter.redrives().to_string()),
        ("First id", letter.original_id().to_string()),
    ]);
    text.push('\n');
    text.push_str(&fields(&letter, &mask));
    let mut json = in_short(&letter);
    let shown_fields = letter
        .message()
        .iter()
        .map(|(name, value)| (name, mask.shown(name, value)));
    let mut object = serde_json::Map::new();
    object.insert("fields".to_owned(), named(shown_fields).into());
    if diff {
        let (said, of) = compared(misfits.as_ref(), &schemas, &mask);
        text.push('\n');
        text.push_str(&said);
        object.insert("schema".to_owned(), of.clone());
        let misfits = misfits.iter().flat_map(|(_, misfits)| misfits);
        let misfits = misfits.map(|misfit| {
            let is_hidden = mask.hides(misfit.field.as_bytes());
            json!({
                "field": misfit.field,
                "expected": misfit.expected,
                "found": if is_hidden { None } else { misfit.found.as_ref() },
            })
        });
        object.insert("misfits".to_owned(), misfits.collect::<Vec<_>>().into());
    }
    if let Value::Object(json) = &mut json {
        json.extend(object);
    }
    context.output.print(&Report::new(text, json))?;
    Ok(Exit::Done)
}

fn fields(letter: &DeadLetter, mask: &FieldMask) -> String {
    if letter.message().is_empty() {
        return "Its fields were too large to be kept.\n".to_owned();
    }
    let fields = letter.message().iter().map(|(name, value)| {
        let value = cut(&shown(mask.shown(name, value)), VALUE);
        (shown(name), value)
    });
    let fields: Vec<(String, String)> = fields.collect();
    listed(
        fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone())),
    )
}

/// The misfits with the newest schema, in words, and the name of that schema.
fn compared(
    misfits: Option<&(&StreamSchema, Vec<stream_lib::message::Misfit>)>,
    schemas: &[StreamSchema],
    mask: &FieldMask,
) -> (String, Value) {
    match misfits {
        None if schemas.is_empty() => (
            "No schema is known: no producer or consumer has declared one.\n".to_owned(),
            Value::Null,
        ),
        None => ("It fits the newest schema.\n".to_owned(), Value::Null),
        Some((schema, misfits)) => {
            let mut text = format!("Against {}:\n", shown(schema.name.as_bytes()));
            for misfit in misfits {
                let said = if mask.hides(misfit.field.as_bytes()) {
                    let expected = misfit.expected.as_deref().unwrap_or("nothing");
                    format!("{}: {expected} was expected", misfit.field)
                } else {
                    misfit.to_string()
                };
                let _ = writeln!(text, "  {}", cut(&shown(said.as_bytes()), VALUE));
            }
            (text, as_text(schema.name.as_bytes()).into())
        }
    }
}

/// Fails for a stream of which nothing is known, dead letters included.
pub(crate) fn ensure_known(context: &Context, stream: &str) -> Outcome<()> {
    let facts = crate::observe::look_at(context.redis()?, stream)?;
    if facts.exists || facts.is_ours || facts.dead > 0 {
        return Ok(());
    }
    if let Some(line) = facts.trouble {
        return Err(Fault::new(
            Exit::Failed,
            format!("can't look at `{stream}`: {line}"),
        ));
    }
    let at = context.redis()?.address();
    let stream = shown(stream.as_bytes());
    Err(Fault::no_such(format!(
        "there is no stream `{stream}` at {at}; `streamctl stream ls` shows those that there are"
    )))
}
