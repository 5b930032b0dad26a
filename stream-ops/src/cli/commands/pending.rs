//! `pending ls`.

use serde_json::{Value, json};
use stream_lib::EntryId;

use crate::cli::args::OneGroup;
use crate::cli::context::{Context, no_group};
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Report, table};
use crate::observe::Suspect;
use crate::server::{Answered, request};
use crate::words::{age_ms, count, shown};

pub(crate) fn ls(
    context: &Context,
    of: &OneGroup,
    only_suspects: bool,
    consumer: Option<&str>,
    most: u32,
) -> Outcome {
    let history = context.observe(std::slice::from_ref(&of.name))?;
    let facts = context.existing(&history, &of.name)?;
    let group = facts
        .group(&of.group)
        .ok_or_else(|| no_group(&of.name, &of.group))?;
    let entries = if only_suspects {
        let suspects = group.suspects.iter();
        let suspects = suspects.filter(|s| consumer.is_none_or(|name| s.consumer == name));
        suspects.take(most as usize).cloned().collect()
    } else {
        let mut entries = Vec::new();
        for part in super::parts_of(facts) {
            let left = (most as usize).saturating_sub(entries.len());
            entries.extend(pending(context, &part, &of.group, consumer, left)?);
        }
        entries
    };
    let text = match (entries.is_empty(), only_suspects) {
        (true, true) => "No suspects: no entry in dead hands was delivered twice.\n".to_owned(),
        (true, false) => "Nothing is pending.\n".to_owned(),
        _ => table_of_suspects(&entries),
    };
    let rows: Vec<Value> = entries
        .iter()
        .map(|entry| {
            json!({
                "stream": entry.stream,
                "id": entry.id.to_string(),
                "consumer": entry.consumer,
                "deliveries": entry.deliveries,
                "delivered_seconds_ago": crate::json::seconds(Some(entry.idle_ms)),
            })
        })
        .collect();
    let json = json!({
        "stream": of.name,
        "group": of.group,
        "pending": group.pending,
        "entries": rows,
    });
    context
        .output
        .print(&Report::new(text, json).with_rows("entries"))?;
    Ok(Exit::Done)
}

/// Pending entries (`XPENDING`), the oldest first.
pub(crate) fn pending(
    context: &Context,
    stream: &str,
    group: &str,
    consumer: Option<&str>,
    most: usize,
) -> Outcome<Vec<Suspect>> {
    /// Entries per request.
    const PAGE: usize = 1_000;
    let redis = context.redis()?;
    let mut found: Vec<Suspect> = Vec::new();
    let mut from = "-".to_owned();
    while found.len() < most {
        let page = PAGE.min(most - found.len());
        let mut words = vec!["XPENDING", stream, group, &from, "+"];
        let number = page.to_string();
        words.push(&number);
        words.extend(consumer);
        let answer = redis.ask_one(stream, request(words))?;
        let entries = answer.list();
        for entry in entries {
            let [id, consumer, idle, deliveries] = entry.list() else {
                continue;
            };
            let (Some(id), Some(consumer)) = (id.id(), consumer.text()) else {
                continue;
            };
            found.push(Suspect {
                stream: stream.to_owned(),
                id,
                consumer,
                deliveries: deliveries.count().unwrap_or(0),
                idle_ms: idle.count().unwrap_or(0),
            });
        }
        match found.last() {
            Some(last) if entries.len() == page => from = after(last.id),
            _ => break,
        }
    }
    Ok(found)
}

fn after(id: EntryId) -> String {
    format!("({id}")
}

/// Entries with their holders.
pub(crate) fn table_of_suspects(entries: &[Suspect]) -> String {
    let rows = entries.iter().map(|entry| {
        [
            entry.id.to_string(),
            shown(entry.consumer.as_bytes()),
            count(entry.deliveries),
            format!("{} ago", age_ms(entry.idle_ms)),
        ]
    });
    table(["Entry", "Consumer", ">Deliveries", ">Delivered"], rows)
}
