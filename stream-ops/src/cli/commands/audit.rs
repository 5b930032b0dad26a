//! `audit`: changes made by these tools.

use serde_json::{Map, Value, json};

use super::events::fields_of;
use crate::audit::KEY;
use crate::cli::args::Audit;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Report, table};
use crate::server::{Answered, request};
use crate::words::{cut, dash, rfc3339, shown};

/// The longest text in a line, in characters.
const TEXT: usize = 100;

pub(crate) fn run(context: &Context, args: &Audit) -> Outcome {
    let most = args.count.to_string();
    let redis = context.redis()?;
    let answer = redis.ask_one(KEY, request(["XREVRANGE", KEY, "+", "-", "COUNT", &most]))?;
    let now = redis.clock()?;
    let entries: Vec<(u64, Vec<(String, String)>)> = answer
        .list()
        .iter()
        .filter_map(|entry| match entry.list() {
            [id, fields] => Some((id.id()?.ms(), fields_of(fields))),
            _ => None,
        })
        .collect();
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
