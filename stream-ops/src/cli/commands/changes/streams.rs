//! `stream send` and `stream trim`.

use std::time::Duration;

use serde_json::{Map, json};
use stream_lib::{Added, Priority, Producer, RawMessage, StreamConfig};

use crate::audit::{Change, note};
use crate::cli::args::Bounds;
use crate::cli::commands::dlq::ensure_known;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Fault, Outcome};
use crate::cli::output::Report;
use crate::cli::parse::field;
use crate::cli::plan::{Done, Plan, at_once};
use crate::observe::look_at;
use crate::words::{age, count, shown};

/// A length that no stream has.
const NO_LIMIT: u64 = 1_000_000_000_000;

/// Adding removes nothing: it is done without a question, and noted.
pub(crate) fn send(
    context: &Context,
    stream: &str,
    fields: &[String],
    key: Option<&str>,
) -> Outcome {
    let mut message = RawMessage::new();
    for text in fields {
        let (name, value) = field(text)?;
        message.push(name, value);
    }
    let redis = context.redis()?;
    let manager = redis.manager();
    manager.create_simple_producer("streamctl", StreamConfig::new(stream))?;
    let producer: Producer<RawMessage> = manager.producer("streamctl")?;
    let draft = producer.with(&message);
    let draft = match key {
        Some(key) => draft.idempotency_key(key),
        None => draft,
    };
    let added = draft.add()?;
    let (said, id) = match added {
        Added::Main(id) => ("added", id),
        Added::Backup(id) => ("added to the backup stream", id),
        Added::Duplicate(id) => ("was added before", id),
        _ => return Err(Fault::new(Exit::Failed, "the message was not added")),
    };
    let detail = format!("{id} {said}");
    let change = Change {
        who: None,
        action: "stream send",
        stream,
        group: "",
        done: 1,
        detail: &detail,
    };
    if let Ok(Some(line)) = note(redis, &change) {
        context
            .output
            .note(&format!("streamctl: the audit has no note of it: {line}"));
    }
    let is_new = !matches!(added, Added::Duplicate(_));
    let json = json!({ "stream": stream, "id": id.to_string(), "is_new": is_new });
    context
        .output
        .print(&Report::new(format!("{id} {said}"), json))?;
    Ok(Exit::Done)
}

pub(crate) fn trim(
    context: &Context,
    stream: &str,
    max_length: Option<u64>,
    max_age: Option<Duration>,
    bounds: &Bounds,
) -> Outcome {
    ensure_known(context, stream)?;
    let facts = look_at(context.redis()?, stream)?;
    // Without force, only what all groups have done with.
    let priority = if bounds.force_unread {
        Priority::Low
    } else {
        Priority::Normal
    };
    let mut config = StreamConfig::new(stream)
        .priority(priority)
        .trim_without_groups(true)
        .min_retention_count(0);
    let mut wishes = Vec::new();
    if let Some(entries) = max_length {
        config = config.max_length(entries);
        let beyond = facts.length.saturating_sub(entries);
        wishes.push(format!(
            "{} entries beyond {}",
            count(beyond),
            count(entries)
        ));
    } else {
        config = config.max_length(NO_LIMIT);
    }
    if let Some(time) = max_age {
        config = config.max_age(time);
        wishes.push(format!("all that are older than {}", age(time)));
    }
    let which = if bounds.force_unread {
        "read or not"
    } else {
        "but for those that a group has not handled"
    };
    let plan = Plan {
        action: "stream trim",
        stream: stream.to_owned(),
        group: String::new(),
        items: vec![()],
        said: format!(
            "Would remove from `{}`, which has {}: {}, {which}.",
            shown(stream.as_bytes()),
            count(facts.length),
            wishes.join(", and ")
        ),
        done: Done::new("Trimmed", "stream", "streams"),
        again: None,
        json: Map::new(),
        loses: None,
        which: String::new(),
    };
    at_once(context, &plan, bounds, || {
        let report = context.redis()?.manager().cleanup_once(&config)?;
        context.output.note(&format!("streamctl: {report}"));
        Ok(true)
    })
}
