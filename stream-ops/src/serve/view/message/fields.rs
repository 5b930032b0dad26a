//! The fields of a message: decoded, with faults marked.

use stream_lib::message::{Misfit, SchemaField};
use stream_lib::{FieldMask, PeekedEntry, StreamSchema};

use super::more::MessageMore;
use crate::serve::page::{FieldRow, Rich, clock_seconds};
use crate::serve::view::stream::added_ms;
use crate::words::{age_ms, count, cut, shown};

/// The most characters of a value on a page.
const LONGEST: usize = 2_000;

/// The fields in the order of the schema, then unknown ones.
pub(super) fn rows(
    fields: &[(Vec<u8>, Vec<u8>)],
    schema: Option<&StreamSchema>,
    faults: &[Misfit],
    mask: &FieldMask,
    more: &MessageMore,
) -> Vec<FieldRow> {
    let known = schema.map(StreamSchema::fields).unwrap_or_default();
    let is_named = |field: &SchemaField, name: &[u8]| {
        field.name.as_bytes() == name || field.aliases.iter().any(|alias| alias.as_bytes() == name)
    };
    let mut rows = Vec::new();
    for field in &known {
        let value = fields.iter().find(|(name, _)| is_named(field, name));
        rows.push(match value {
            Some((name, value)) => row(name, value, &kind(field), faults, mask, more),
            None => absent(field, faults),
        });
    }
    for (name, value) in fields {
        if !known.iter().any(|field| is_named(field, name)) {
            let kind = if schema.is_some() {
                "not in the schema"
            } else {
                ""
            };
            rows.push(row(name, value, kind, faults, mask, more));
        }
    }
    rows
}

fn kind(field: &SchemaField) -> String {
    let mut kind = in_short(&field.expects());
    if field.optional {
        kind.push_str(", may be absent");
    }
    if field.sensitive {
        kind.push_str(", sensitive");
    }
    kind
}

/// Shortens `an integer from 0 to 4294967295` to `integer from 0`: the end is that of the
/// type.
fn in_short(expected: &str) -> String {
    let short = ["a ", "an "]
        .iter()
        .find_map(|article| expected.strip_prefix(article));
    let short = short.unwrap_or(expected);
    let ends = [
        u32::MAX.to_string(),
        u64::MAX.to_string(),
        u128::MAX.to_string(),
    ];
    let end = ends
        .iter()
        .find_map(|end| short.strip_suffix(end.as_str())?.strip_suffix(" to "));
    end.unwrap_or(short).to_owned()
}

fn absent(field: &SchemaField, faults: &[Misfit]) -> FieldRow {
    let is_missing = faults.iter().any(|fault| fault.field == field.name);
    FieldRow {
        name: field.name.clone(),
        kind: kind(field),
        value: if is_missing {
            Rich::new().quoted("missing")
        } else {
            Rich::new().soft("absent")
        },
        note: String::new(),
    }
}

fn row(
    name: &[u8],
    value: &[u8],
    kind: &str,
    faults: &[Misfit],
    mask: &FieldMask,
    more: &MessageMore,
) -> FieldRow {
    let said = shown(name);
    let base = FieldRow {
        name: said.clone(),
        kind: kind.to_owned(),
        value: Rich::new(),
        note: String::new(),
    };
    if mask.hides(name) {
        return FieldRow {
            value: Rich::from(FieldMask::HIDDEN),
            note: if kind.ends_with("sensitive") {
                "hidden".to_owned()
            } else {
                "hidden: unknown".to_owned()
            },
            ..base
        };
    }
    let text = cut(&shown(value), LONGEST);
    if let Some(fault) = faults.iter().find(|fault| fault.field == said) {
        let expected = fault.expected.as_deref().unwrap_or("nothing");
        return FieldRow {
            value: Rich::new().quoted(format!("“{text}”")),
            note: format!("{expected} expected"),
            ..base
        };
    }
    match usual(name, value, more) {
        Some((least, most)) => FieldRow {
            value: Rich::new().quoted(with_commas(text)),
            note: format!(
                "the last {} had {least} to {most}",
                count(more.others.len() as u64)
            ),
            ..base
        },
        None => match time(&text, more) {
            Some((time, note)) => FieldRow {
                value: Rich::from(time),
                note,
                ..base
            },
            None => FieldRow {
                value: Rich::from(text),
                ..base
            },
        },
    }
}

/// A large number with commas.
fn with_commas(text: String) -> String {
    text.parse().map_or(text, count)
}

/// A time of day, and its distance from the entry's time, if the value is a time near
/// that.
fn time(text: &str, more: &MessageMore) -> Option<(String, String)> {
    let at = text.parse::<jiff::Timestamp>().ok()?.as_millisecond();
    let at = u64::try_from(at).ok()?;
    let added = more
        .entry
        .as_ref()
        .and_then(|entry| added_ms(entry.at.id))?;
    if at.abs_diff(added) > 12 * 3_600_000 {
        return None;
    }
    let time = format!("{}.{:03}", clock_seconds(at), at % 1_000);
    let off = age_ms(at.abs_diff(added));
    let side = if at <= added { "before" } else { "after" };
    Some((time, format!("{off} {side} it was added")))
}

/// The range of a number in other messages, if this one is far off.
fn usual(name: &[u8], value: &[u8], more: &MessageMore) -> Option<(String, String)> {
    let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.trim().parse::<f64>().ok();
    let this = number(value)?;
    let is_this = |entry: &&PeekedEntry| more.entry.as_ref().is_none_or(|this| this.at != entry.at);
    let mut others: Vec<(f64, String)> = more
        .others
        .iter()
        .filter(is_this)
        .filter_map(|entry| entry.get(name))
        .filter_map(|value| Some((number(value)?, shown(value))))
        .filter(|(number, _)| number.is_finite())
        .collect();
    others.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (least, most) = (others.first()?, others.last()?);
    // A few messages are no range, and ids only grow.
    let width = (most.0 - least.0).abs().max(most.0.abs());
    let is_far = this > most.0 + 10.0 * width || this < least.0 - 10.0 * width;
    (others.len() >= 10 && is_far).then(|| (least.1.clone(), most.1.clone()))
}

/// The fields as stored in Redis, with the library's own.
pub(super) fn raw(more: &MessageMore, mask: &FieldMask) -> Vec<(String, String)> {
    let line =
        |name: &[u8], value: &[u8]| (shown(name), cut(&shown(mask.shown(name, value)), LONGEST));
    match (&more.letter, &more.entry) {
        (Some((_, letter)), _) => letter.fields.iter().map(|(n, v)| line(n, v)).collect(),
        (None, Some(entry)) => entry
            .fields
            .iter()
            .map(|f| line(&f.name, &f.value))
            .collect(),
        (None, None) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_said_in_short() {
        for (expected, short) in [
            ("a number", "number"),
            ("an integer from 0 to 4294967295", "integer from 0"),
            ("an integer from 0 to 255", "integer from 0 to 255"),
            ("text", "text"),
            ("EUR or USD", "EUR or USD"),
        ] {
            assert_eq!(in_short(expected), short);
        }
    }
}
