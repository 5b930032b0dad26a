//! `stream peek` and `stream tail`.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};
use stream_lib::{EntryId, FieldMask, Peek, PeekedEntry};

use crate::cli::context::{Context, pause};
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Report;
use crate::words::{age_ms, cut, rfc3339, shown};

/// The longest value in a line, in characters.
const VALUE: usize = 200;

/// How often new entries are asked for.
const EVERY: Duration = Duration::from_millis(500);

/// Entries per look of `tail`.
const PAGE: usize = 100;

pub(crate) fn peek(context: &Context, stream: &str, most: u32, from: Option<EntryId>) -> Outcome {
    let history = context.observe(&[stream.to_owned()])?;
    let facts = context.existing(&history, stream)?;
    let which = match from {
        Some(from) => Peek::oldest(most as usize).between(from..=EntryId::MAX),
        None => Peek::newest(most as usize),
    };
    let page = context.redis()?.manager().peek(stream, &which)?;
    let mask = mask(context, stream)?;
    let mut text = String::new();
    for entry in &page.entries {
        text.push_str(&line(entry, &mask, Some(facts.at_ms)));
    }
    if page.entries.is_empty() {
        text.push_str("No entries.\n");
    }
    let entries: Vec<Value> = page.entries.iter().map(|e| object(e, &mask)).collect();
    let json = json!({ "stream": stream, "entries": entries });
    context
        .output
        .print(&Report::new(text, json).with_rows("entries"))?;
    Ok(Exit::Done)
}

pub(crate) fn tail(context: &Context, stream: &str, most: Option<u64>) -> Outcome {
    let manager = context.redis()?.manager();
    // By id, in all partitions: from the newest entry on.
    let newest = manager.peek(stream, &Peek::newest(1).max_value_bytes(1))?;
    let mut after = newest
        .entries
        .first()
        .map_or(EntryId::MIN, |entry| entry.at.id);
    let mut seen = 0;
    loop {
        let which = Peek::oldest(PAGE).between(after.next()..=EntryId::MAX);
        let page = manager.peek(stream, &which)?;
        let Some(last) = page.entries.last() else {
            pause(EVERY);
            continue;
        };
        let mask = mask(context, stream)?;
        for entry in &page.entries {
            let json = object(entry, &mask);
            context
                .output
                .print(&Report::new(line(entry, &mask, None), json))?;
            seen += 1;
            if most.is_some_and(|most| seen >= most) {
                return Ok(Exit::Done);
            }
        }
        after = last.at.id;
    }
}

/// The values that are hidden; with `--show-sensitive`, none. It is read after the entries,
/// since the type of an entry is stored before the entry.
pub(crate) fn mask(context: &Context, stream: &str) -> Outcome<FieldMask> {
    if context.globals.show_sensitive {
        return Ok(FieldMask::default());
    }
    let schemas = context.redis()?.manager().schemas(stream)?;
    Ok(FieldMask::of(&schemas))
}

fn line(entry: &PeekedEntry, mask: &FieldMask, now: Option<u64>) -> String {
    let age = now.map(|now| format!("  {} ago", age_ms(now.saturating_sub(entry.at.id.ms()))));
    let mut line = format!("{}{}\n", entry.at, age.unwrap_or_default());
    for field in &entry.fields {
        let value = mask.shown(&field.name, &field.value);
        let mut value = cut(&shown(value), VALUE);
        if !field.is_whole() && !mask.hides(&field.name) {
            let _ = write!(value, " ({})", crate::words::bytes(field.length));
        }
        let _ = writeln!(line, "  {}  {value}", shown(&field.name));
    }
    let left_out = entry.field_count.saturating_sub(entry.fields.len() as u64);
    if left_out > 0 {
        let _ = writeln!(line, "  … {left_out} more fields");
    }
    line
}

fn object(entry: &PeekedEntry, mask: &FieldMask) -> Value {
    let fields = entry.fields.iter().map(|field| {
        let value = mask.shown(&field.name, &field.value);
        (field.name.as_slice(), value)
    });
    json!({
        "id": entry.at.to_string(),
        "time": rfc3339(entry.at.id.ms()),
        "fields": named(fields),
        "is_whole": entry.is_whole(),
    })
}

/// Fields by name; of duplicates the last. Bytes that are no text are written as `\xff`.
pub(crate) fn named<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Map<String, Value> {
    fields
        .map(|(name, value)| (as_text(name), Value::String(as_text(value))))
        .collect()
}

/// Text as it is, since JSON escapes it; bytes that are no text escaped.
pub(crate) fn as_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => shown(bytes),
    }
}
