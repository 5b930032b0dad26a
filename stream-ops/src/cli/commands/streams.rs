//! `stream ls` and `stream info`.

use serde_json::{Value, json};

use super::overview::table_of;
use crate::assess::{Severity, StreamAssessment};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Report, listed, table};
use crate::observe::StreamFacts;
use crate::server::{Answered, request};
use crate::words::{age_ms, bytes, count, count_or_dash, dash, rate, shown};

pub(crate) fn ls(context: &Context) -> Outcome {
    let history = context.observe(&[])?;
    let assessment = context.assess(&history);
    let streams: Vec<Value> = assessment
        .streams
        .iter()
        .filter_map(|found| {
            let mut streams = history.latest().streams.iter();
            let facts = streams.find(|facts| facts.name == found.name)?;
            Some(crate::json::stream(facts, found))
        })
        .collect();
    let text = table_of(&history, &assessment);
    let is_complete = assessment.is_complete;
    let json = json!({ "is_complete": is_complete, "streams": streams });
    context
        .output
        .print(&Report::new(text, json).with_rows("streams"))?;
    Ok(Exit::Done)
}

pub(crate) fn info(context: &Context, name: &str, partitions: bool) -> Outcome {
    let history = context.observe(&[name.to_owned()])?;
    let mut facts = context.existing(&history, name)?.clone();
    if facts.partitions.is_none() {
        let usage = request(["MEMORY", "USAGE", name, "SAMPLES", "20"]);
        facts.memory = context.redis()?.ask_one(name, usage)?.count();
    }
    let assessment = context.assess(&history);
    let Some(found) = assessment.stream(name) else {
        return Ok(Exit::Failed);
    };
    let mut text = String::new();
    for finding in &assessment.findings {
        if finding.stream.is_some() && finding.severity < Severity::Calm {
            text.push_str(&super::overview::said(&context.output, finding));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&about(&facts, found));
    if !facts.groups.is_empty() {
        text.push('\n');
        text.push_str(&super::groups::table_of(&[(&facts, found)], context, false));
    }
    let mut json = crate::json::stream(&facts, found);
    if partitions {
        let parts = context.redis()?.manager().partition_stats(name)?;
        let rows = parts.iter().map(|part| {
            let unread = part.groups.iter().map(|g| g.unread);
            let unread: Option<u64> = unread.sum();
            let pending = part.groups.iter().map(|g| g.pending).sum();
            [
                shown(part.name.as_bytes()),
                count(part.length),
                count_or_dash(unread),
                count(pending),
                count(part.backup),
                count(part.dead),
            ]
        });
        text.push('\n');
        text.push_str(&table(
            [
                "Partition",
                ">Entries",
                ">Unread",
                ">Pending",
                ">Backup",
                ">Dead letters",
            ],
            rows,
        ));
        let parts: Vec<Value> = parts
            .iter()
            .map(|part| {
                json!({ "name": part.name, "length": part.length, "backup": part.backup, "dead": part.dead })
            })
            .collect();
        if let Value::Object(json) = &mut json {
            json.insert("each_partition".to_owned(), parts.into());
        }
    }
    context
        .output
        .print(&Report::new(text, json).with_rows("groups"))?;
    Ok(Exit::Done)
}

fn about(facts: &StreamFacts, found: &StreamAssessment) -> String {
    let now = facts.at_ms;
    let mut arrives = found.arrives.map_or_else(dash, rate);
    if found.arrives.is_some() && !found.arrives_is_sure {
        arrives.push_str(" (estimated)");
    }
    let oldest = facts.first.map(|id| age_ms(now.saturating_sub(id.ms())));
    let mut rows = vec![
        ("Stream", shown(facts.name.as_bytes())),
        ("Entries", count(facts.length)),
        ("Arrives", arrives),
        ("Oldest", oldest.unwrap_or_else(dash)),
        ("Memory", facts.memory.map_or_else(dash, bytes)),
        ("Dead letters", count(facts.dead)),
        ("Backup", backup(facts)),
        ("Scheduled", count(facts.scheduled)),
        ("Retention", facts.priority.clone().unwrap_or_else(dash)),
        ("At most", count_or_dash(facts.max_length)),
    ];
    if let Some(partitions) = facts.partitions {
        rows.push(("Partitions", partitions.to_string()));
        rows.push(("Outside of them", count(facts.outside)));
    }
    listed(rows)
}

fn backup(facts: &StreamFacts) -> String {
    let entries = count(facts.backup);
    match facts.backup_capacity {
        Some(most) => format!("{entries} of at most {}", count(most)),
        None => entries,
    }
}
