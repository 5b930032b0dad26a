//! `audit`: changes made by these tools.

use std::slice;

use serde_json::{Map, Value, json};
use stream_lib::EntryId;

use super::events::fields_of;
use crate::audit::KEY;
use crate::cli::args::Audit;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Report, table};
use crate::server::{Answered, Redis, request};
use crate::words::{cut, dash, rfc3339, shown};

/// The longest text in a line, in characters.
const TEXT: usize = 100;

/// How many changes are asked for at a time, where only some are of interest.
const PAGE: usize = 500;

pub(crate) fn run(context: &Context, args: &Audit) -> Outcome {
    let redis = context.redis()?;
    let streams = match &args.name {
        Some(name) => slice::from_ref(name),
        None => context.globals.only.as_slice(),
    };
    let entries = newest(redis, streams, args.count as usize)?;
    let now = redis.clock()?;
    let rows = entries.iter().map(|(at, fields)| {
        let field = |name: &str| {
            let found = fields.iter().find(|(known, _)| known == name);
            found.map_or_else(dash, |(_, value)| cut(&shown(value.as_bytes()), TEXT))
        };
        [
            context.clock.time(*at, now),
            field("who"),
            field("action"),
            field("stream"),
            field("group"),
            field("done"),
            field("detail"),
        ]
    });
    let text = match entries.len() {
        0 => "No changes by these tools.\n".to_owned(),
        _ => table(
            [
                "When", "Who", "Action", "Stream", "Group", ">Done", "Detail",
            ],
            rows,
        ),
    };
    let rows: Vec<Value> = entries
        .iter()
        .map(|(at, fields)| {
            let mut row = Map::new();
            row.insert("time".to_owned(), json!(rfc3339(*at)));
            for (name, value) in fields {
                row.insert(name.clone(), value.clone().into());
            }
            Value::Object(row)
        })
        .collect();
    context
        .output
        .print(&Report::new(text, json!({ "changes": rows })).with_rows("changes"))?;
    Ok(Exit::Done)
}

/// A change: when it was made, and what it says.
type Noted = (u64, Vec<(String, String)>);

/// The newest changes of these streams, of all where none are named.
fn newest(redis: &Redis, streams: &[String], most: usize) -> Outcome<Vec<Noted>> {
    let page = if streams.is_empty() { most } else { PAGE }.to_string();
    let mut found = Vec::new();
    let mut to = "+".to_owned();
    while found.len() < most {
        let words = ["XREVRANGE", KEY, &to, "-", "COUNT", &page];
        let answer = redis.ask_one(KEY, request(words))?;
        let mut last: Option<EntryId> = None;
        for entry in answer.list() {
            let [id, fields] = entry.list() else { continue };
            let Some(id) = id.id() else { continue };
            last = Some(id);
            let fields = fields_of(fields);
            let is_of =
                |(name, value): &(String, String)| name == "stream" && streams.contains(value);
            if streams.is_empty() || fields.iter().any(is_of) {
                found.push((id.ms(), fields));
            }
        }
        match last {
            Some(id) if !streams.is_empty() => to = format!("({id}"),
            _ => break,
        }
    }
    found.truncate(most);
    Ok(found)
}
