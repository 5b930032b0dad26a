//! `schema ls`, `schema show` and `schema diff`.

use serde_json::{Value, json};
use stream_lib::StreamSchema;
use stream_lib::message::SchemaField;

use crate::cli::context::Context;
use crate::cli::exit::{Exit, Fault, Outcome};
use crate::cli::output::{Report, table};
use crate::words::{age_ms, dash, millis_of, of, rfc3339, shown};

pub(crate) fn ls(context: &Context, stream: &str) -> Outcome {
    super::dlq::ensure_known(context, stream)?;
    let schemas = context.redis()?.manager().schemas(stream)?;
    let now = context.redis()?.clock()?;
    let rows = schemas.iter().map(|schema| {
        let by = match (schema.by_producers, schema.by_consumers) {
            (true, true) => "producers, consumers",
            (true, false) => "producers",
            (false, true) => "consumers",
            (false, false) => "–",
        };
        [
            shown(schema.name.as_bytes()),
            schema.fingerprint.clone(),
            schema.fields().len().to_string(),
            by.to_owned(),
            some(&schema.program),
            format!(
                "{} ago",
                age_ms(now.saturating_sub(millis_of(schema.first_seen)))
            ),
            format!(
                "{} ago",
                age_ms(now.saturating_sub(millis_of(schema.last_seen)))
            ),
        ]
    });
    let text = match schemas.len() {
        0 => "No schema is known: no producer or consumer has declared one.\n".to_owned(),
        _ => table(
            [
                "Type",
                "Fingerprint",
                ">Fields",
                "Told by",
                "Program",
                ">First seen",
                ">Last seen",
            ],
            rows,
        ),
    };
    let rows: Vec<Value> = schemas.iter().map(object).collect();
    let json = json!({ "stream": stream, "schemas": rows });
    context
        .output
        .print(&Report::new(text, json).with_rows("schemas"))?;
    Ok(Exit::Done)
}

pub(crate) fn show(context: &Context, stream: &str, which: &str) -> Outcome {
    let schemas = context.redis()?.manager().schemas(stream)?;
    let schema = one(&schemas, stream, which)?;
    let rows = schema
        .fields()
        .into_iter()
        .map(|field| [shown(field.name.as_bytes()), field.expects(), marks(field)]);
    let text = format!(
        "{} {}, {}\n\n{}",
        shown(schema.name.as_bytes()),
        schema.fingerprint,
        of(schema.fields().len() as u64, "field", "fields"),
        table(["Field", "Expected", "Marks"], rows)
    );
    context.output.print(&Report::new(text, object(schema)))?;
    Ok(Exit::Done)
}

/// Shows the differences between two schemas.
pub(crate) fn diff(context: &Context, stream: &str, one_of: &str, other_of: &str) -> Outcome {
    let schemas = context.redis()?.manager().schemas(stream)?;
    let (before, after) = (
        one(&schemas, stream, one_of)?,
        one(&schemas, stream, other_of)?,
    );
    let (old, new) = (before.fields(), after.fields());
    let find = |fields: &[&SchemaField], name: &str| {
        fields
            .iter()
            .find(|field| field.is_named(name.as_bytes()))
            .map(|f| (*f).clone())
    };
    let mut changes: Vec<(&str, String, String, String)> = Vec::new();
    for field in &old {
        let name = shown(field.name.as_bytes());
        match find(&new, &field.name) {
            None => changes.push(("−", name, in_words(field), dash())),
            Some(now) if in_words(&now) != in_words(field) => {
                changes.push(("≠", name, in_words(field), in_words(&now)));
            }
            Some(_) => {}
        }
    }
    for field in &new {
        if find(&old, &field.name).is_none() {
            changes.push(("+", shown(field.name.as_bytes()), dash(), in_words(field)));
        }
    }
    let json: Vec<Value> = changes
        .iter()
        .map(
            |(_, field, before, after)| json!({ "field": field, "before": before, "after": after }),
        )
        .collect();
    let text = if changes.is_empty() {
        "The same fields.\n".to_owned()
    } else {
        let rows = changes
            .into_iter()
            .map(|(mark, field, before, after)| [mark.to_owned(), field, before, after]);
        table(["", "Field", "Before", "After"], rows)
    };
    let json = json!({ "before": before.fingerprint, "after": after.fingerprint, "changes": json });
    context
        .output
        .print(&Report::new(text, json).with_rows("changes"))?;
    Ok(Exit::Done)
}

fn one<'a>(schemas: &'a [StreamSchema], stream: &str, which: &str) -> Outcome<&'a StreamSchema> {
    let found = schemas
        .iter()
        .find(|schema| schema.fingerprint == which || schema.name == which);
    found.ok_or_else(|| {
        let (stream, which) = (shown(stream.as_bytes()), shown(which.as_bytes()));
        Fault::no_such(format!(
            "`{stream}` has no schema `{which}`; `streamctl schema ls {stream}` shows those that \
             it has"
        ))
    })
}

fn in_words(field: &SchemaField) -> String {
    let marks = marks(field);
    if marks == "–" {
        field.expects()
    } else {
        format!("{}, {marks}", field.expects())
    }
}

fn marks(field: &SchemaField) -> String {
    let marks: Vec<&str> = [
        ("optional", field.optional),
        ("has a default", field.default),
        ("sensitive", field.sensitive),
        ("idempotency key", field.idempotency_key),
        ("partition key", field.key),
    ]
    .into_iter()
    .filter_map(|(name, is)| is.then_some(name))
    .collect();
    some(&marks.join(", "))
}

fn some(text: &str) -> String {
    if text.is_empty() {
        dash()
    } else {
        shown(text.as_bytes())
    }
}

fn object(schema: &StreamSchema) -> Value {
    let fields: Vec<Value> = schema
        .fields()
        .into_iter()
        .map(|field| {
            json!({
                "name": field.name,
                "type": field.ty,
                "optional": field.optional,
                "default": field.default,
                "sensitive": field.sensitive,
                "key": field.key,
                "idempotency_key": field.idempotency_key,
            })
        })
        .collect();
    json!({
        "name": schema.name,
        "fingerprint": schema.fingerprint,
        "by_producers": schema.by_producers,
        "by_consumers": schema.by_consumers,
        "program": schema.program,
        "first_seen": rfc3339(millis_of(schema.first_seen)),
        "last_seen": rfc3339(millis_of(schema.last_seen)),
        "fields": fields,
    })
}
