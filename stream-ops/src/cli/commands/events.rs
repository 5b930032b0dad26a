//! `events`: recent events of streams.

use serde_json::{Value, json};
use stream_lib::{Answer, EntryId};

use crate::cli::args::Events;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Report, table};
use crate::observe::own_key;
use crate::server::{Answered, pairs, request};
use crate::words::{count, cut, dash, rfc3339, shown};

/// The longest text in a line, in characters.
const TEXT: usize = 100;

/// An event, with its stream.
struct Event {
    stream: String,
    id: EntryId,
    fields: Vec<(String, String)>,
}

impl Event {
    fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().rfind(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

pub(crate) fn run(context: &Context, args: &Events) -> Outcome {
    let streams = if let Some(name) = &args.name {
        super::dlq::ensure_known(context, name)?;
        vec![name.clone()]
    } else {
        let history = context.observe(&[])?;
        let streams = history.latest().streams.iter();
        streams.map(|stream| stream.name.clone()).collect()
    };
    let mut events = Vec::new();
    for stream in streams {
        let most = args.count.to_string();
        let key = own_key(&stream, "events");
        let answer = context
            .redis()?
            .ask_one(&key, request(["XREVRANGE", &key, "+", "-", "COUNT", &most]))?;
        events.extend(
            answer
                .list()
                .iter()
                .filter_map(|entry| read(&stream, entry)),
        );
    }
    events.sort_by_key(|event| std::cmp::Reverse(event.id));
    events.truncate(args.count as usize);
    let now = context.redis()?.clock()?;
    let rows = events.iter().map(|event| {
        let field = |name| {
            event
                .field(name)
                .map_or_else(dash, |text| shown(text.as_bytes()))
        };
        let number = event.field("count").and_then(|text| text.parse().ok());
        [
            context.clock.time(event.id.ms(), now),
            shown(event.stream.as_bytes()),
            field("kind"),
            number.map_or_else(dash, count),
            field("group"),
            field("consumer"),
            cut(&field("text"), TEXT),
        ]
    });
    let text = match events.len() {
        0 => "No events.\n".to_owned(),
        _ => table(
            [
                "When", "Stream", "What", ">Count", "Group", "Consumer", "Text",
            ],
            rows,
        ),
    };
    let rows: Vec<Value> = events
        .iter()
        .map(|event| {
            json!({
                "time": rfc3339(event.id.ms()),
                "id": event.id.to_string(),
                "stream": event.stream,
                "kind": event.field("kind"),
                "count": event.field("count").and_then(|text| text.parse::<u64>().ok()),
                "group": event.field("group"),
                "consumer": event.field("consumer"),
                "text": event.field("text"),
            })
        })
        .collect();
    context
        .output
        .print(&Report::new(text, json!({ "events": rows })).with_rows("events"))?;
    Ok(Exit::Done)
}

fn read(stream: &str, entry: &Answer) -> Option<Event> {
    let [id, fields] = entry.list() else {
        return None;
    };
    Some(Event {
        stream: stream.to_owned(),
        id: id.id()?,
        fields: fields_of(fields),
    })
}

/// The fields of an entry that is text.
pub(crate) fn fields_of(fields: &Answer) -> Vec<(String, String)> {
    pairs(fields.list())
        .filter_map(|(name, value)| Some((name.text()?, value.text()?)))
        .collect()
}
