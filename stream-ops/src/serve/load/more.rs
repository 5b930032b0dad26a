//! Single facts for a page, read from Redis.

use std::sync::Arc;

use stream_lib::{EntryAddress, Peek, PendingEntry, PendingFilter, StreamSchema};

use crate::audit;
use crate::observe::{Suspect, own_key};
use crate::serve::dash::Dash;
use crate::serve::view::{Event, Noted, Retention, StreamMore};
use crate::server::{Answered, pairs, request, with_causes};
use crate::words::{cut, shown};

/// The most events of a stream, and the most streams whose events are read.
const EVENTS: &str = "20";
const EVENTFUL: usize = 200;

/// The most changes on a page.
const CHANGES: &str = "50";

/// The most groups in which a message is looked for.
const GROUPS: usize = 50;

/// The schemas of a stream. If they can't be read, it is unknown which values are
/// sensitive, so none may be shown. They are read after the messages that they describe,
/// and not kept: the type of a message is stored before the message.
pub(crate) fn schemas(dash: &Dash, stream: &str) -> Result<Vec<StreamSchema>, String> {
    let schemas = dash.redis.manager().schemas(stream);
    schemas.map_err(|error| {
        format!(
            "without the schemas of the stream it isn't known which values are sensitive, and \
             they can't be read: {}",
            with_causes(&error)
        )
    })
}

pub(super) fn of_stream(dash: &Dash, stream: &str) -> StreamMore {
    let memory = request(["MEMORY", "USAGE", stream, "SAMPLES", "5"]);
    let memory = dash.redis.ask_one(stream, memory).ok();
    let schemas = schemas(dash, stream).unwrap_or_default();
    let newest = StreamSchema::newest(&schemas);
    StreamMore {
        memory: memory.and_then(|answer| answer.count()),
        holds: newest
            .into_iter()
            .map(|schema| schema.name.clone())
            .collect(),
        retention: Some(dash.retention.read(stream, || retention(dash, stream))),
    }
}

fn retention(dash: &Dash, stream: &str) -> Result<Retention, String> {
    let plan = dash.redis.manager().retention_plan(stream);
    let plan = plan.map_err(|error| with_causes(&error))?;
    Ok(Retention {
        removes: plan.removes,
        may_be_more: plan.removes >= stream_lib::RetentionPlan::COUNTED,
        unhandled: plan.above_floor,
        blocked_by: plan.blocked.and_then(|blocked| blocked.group),
        priority: plan.priority.to_string(),
    })
}

/// The fields of a suspect entry in one line, without sensitive values.
pub(super) fn in_a_line(dash: &Dash, stream: &str, suspect: &Suspect) -> Option<String> {
    let at = address_of(stream, suspect);
    let entry = dash.redis.manager().entry(stream, at).ok()??;
    let schemas = schemas(dash, stream).ok()?;
    let mask = stream_lib::FieldMask::of(&schemas);
    let newest = StreamSchema::newest(&schemas);
    let kind = newest.first().map(|schema| schema.name.clone());
    let fields = entry
        .fields
        .iter()
        .filter(|field| field.name.first() != Some(&b'~'));
    let fields = fields.take(4).map(|field| {
        let value = shown(mask.shown(&field.name, &field.value));
        format!("{} {}", cut(&shown(&field.name), 30), cut(&value, 30))
    });
    let parts: Vec<String> = kind.into_iter().chain(fields).collect();
    Some(parts.join(" · "))
}

/// The address of a suspect entry.
fn address_of(stream: &str, suspect: &Suspect) -> EntryAddress {
    let tag = suspect
        .stream
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'));
    let number = tag.and_then(|(tag, _)| tag.rsplit_once(':')?.1.parse().ok());
    EntryAddress::new(number.filter(|_| suspect.stream != stream), suspect.id)
}

/// The groups in which a message is pending.
pub(super) fn pending(
    dash: &Dash,
    stream: &str,
    groups: &[String],
    at: EntryAddress,
) -> Vec<(String, Option<PendingEntry>)> {
    let manager = dash.redis.manager();
    let look = |group: &String| {
        let filter = PendingFilter::new().between(at.id..=at.id);
        let page = manager
            .pending(stream, group)
            .and_then(|pending| pending.list(&filter));
        let entries = page.map(|page| page.entries).unwrap_or_default();
        let entry = entries.into_iter().find(|entry| entry.at == at);
        (group.clone(), entry)
    };
    groups.iter().take(GROUPS).map(look).collect()
}

/// Some of the newest messages, to compare one with.
pub(super) fn newest(dash: &Dash, stream: &str) -> Vec<stream_lib::PeekedEntry> {
    let peek = Peek::newest(200).max_bytes(256 << 10).max_value_bytes(64);
    let page = dash.redis.manager().peek(stream, &peek);
    page.map(|page| page.entries).unwrap_or_default()
}

/// The latest events of all streams.
pub(super) fn events(dash: &Dash) -> Arc<Vec<Event>> {
    dash.events.read("", || {
        let streams: Vec<String> = dash.poller.read(|history| {
            let streams = history
                .latest()
                .streams
                .iter()
                .filter(|stream| stream.is_ours);
            streams
                .take(EVENTFUL)
                .map(|stream| stream.name.clone())
                .collect()
        });
        let ask = |stream: &String| {
            let key = own_key(stream, "events");
            request(["XREVRANGE", &key, "+", "-", "COUNT", EVENTS])
        };
        let answers = if dash.redis.is_cluster() {
            let one = |stream: &String| dash.redis.ask_one(stream, ask(stream)).ok();
            streams.iter().map(one).collect()
        } else {
            let requests: Vec<_> = streams.iter().map(ask).collect();
            let answers = dash.redis.ask("", &requests).unwrap_or_default();
            answers.into_iter().map(Some).collect::<Vec<_>>()
        };
        let mut events = Vec::new();
        for (stream, answer) in streams.iter().zip(answers) {
            let Some(answer) = answer else { continue };
            events.extend(
                answer
                    .list()
                    .iter()
                    .filter_map(|entry| event(stream, entry)),
            );
        }
        Arc::new(events)
    })
}

fn event(stream: &str, entry: &stream_lib::Answer) -> Option<Event> {
    let [id, fields] = entry.list() else {
        return None;
    };
    let field = |name: &str| {
        fields
            .field(name)
            .and_then(Answered::text)
            .unwrap_or_default()
    };
    Some(Event {
        stream: stream.to_owned(),
        at_ms: id.id()?.ms(),
        kind: field("kind"),
        count: field("count").parse().unwrap_or(1),
        group: field("group"),
        consumer: field("consumer"),
        text: field("text"),
    })
}

/// The latest changes, the newest first.
pub(super) fn changes(dash: &Dash) -> Vec<Noted> {
    let ask = request(["XREVRANGE", audit::KEY, "+", "-", "COUNT", CHANGES]);
    let Ok(answer) = dash.redis.ask_one(audit::KEY, ask) else {
        return Vec::new();
    };
    let note = |entry: &stream_lib::Answer| {
        let [id, fields] = entry.list() else {
            return None;
        };
        let fields =
            pairs(fields.list()).filter_map(|(name, value)| Some((name.text()?, value.text()?)));
        Some((id.id()?.ms(), fields.collect()))
    };
    answer.list().iter().filter_map(note).collect()
}
