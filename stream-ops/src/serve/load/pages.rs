//! Makes pages.

use std::sync::Arc;

use serde_json::{Value, json};
use stream_lib::{DeadLetterId, EntryAddress, Peek};

use super::dead::{Which, dead_letters};
use super::more::{changes, events, in_a_line, newest, of_stream, pending, schemas};
use super::schedules::{all_schedules, schedules};
use super::work::work;
use crate::assess::{Assessment, assess};
use crate::json as facts;
use crate::observe::{History, StreamFacts, Suspect};
use crate::serve::dash::{Dash, Loaded, Missing};
use crate::serve::page::{Model, Page, Place, Rich};
use crate::serve::query::Query;
use crate::serve::view::{self, Looking, MessageMore, PeekedLetter, happened, ms_of};
use crate::server::with_causes;
use crate::since::Since;

/// The most messages of a page, and the most events.
const MESSAGES: usize = 50;
const HAPPENED: usize = 8;
const MUCH_HAPPENED: usize = 50;

/// The parts of a query that change a page.
pub(crate) const TELLING: [&str; 5] = ["kind", "q", "since", "after", "letter"];

type Built = Result<(Model, Value), Missing>;

/// Makes a page, or returns the cached one.
pub(crate) fn load(dash: &Dash, page: &Page, query: &Query) -> Loaded {
    let key = format!("{}?{}", page.link(), query.only(&TELLING));
    dash.count_answer();
    if let Page::Work(id) = page {
        // Progress doesn't come from Redis, and isn't cached.
        return Arc::new(work(dash, id));
    }
    dash.pages.read(&key, || {
        dash.count_read();
        Arc::new(build(dash, page, query))
    })
}

fn build(dash: &Dash, page: &Page, query: &Query) -> Built {
    let is_new = dash
        .poller
        .read(|h| h.latest().at_ms == 0 && h.outage().is_none());
    if is_new {
        return Err(Missing::NotYet);
    }
    match page {
        Page::Overview => Ok(overview(dash)),
        Page::Stream(name) => stream(dash, name),
        Page::Group(name, group) => one_group(dash, name, group),
        Page::AllDead => Ok(dash.poller.read(|h| {
            (
                Model::Index(Box::new(view::all_dead(h)), Place::Dead),
                Value::Null,
            )
        })),
        Page::AllMessages => Ok(dash.poller.read(|h| {
            (
                Model::Index(Box::new(view::all_messages(h)), Place::Messages),
                Value::Null,
            )
        })),
        Page::AllSchedules => all_schedules(dash).map_err(Missing::Failed),
        Page::Dead(name) => dead(dash, name, query),
        Page::Messages(name) => messages(dash, name, query),
        Page::Message(name, id) => message(dash, name, id, query),
        Page::Schedules(name) => {
            let (of, now) = known(dash, name)?;
            schedules(dash, &of, now).map_err(Missing::Failed)
        }
        Page::System => Ok(system(dash)),
        Page::Work(id) => work(dash, id),
    }
}

fn overview(dash: &Dash) -> (Model, Value) {
    let happened = happened(&events(dash), HAPPENED);
    let past = dash.problems.lock().last().cloned();
    dash.poller.read(|history| {
        let found = assess(history);
        let page = view::overview(history, &found, happened, past.as_ref());
        let look = history.latest();
        let streams: Vec<Value> = found
            .streams
            .iter()
            .filter_map(|stream| {
                let of = look
                    .streams
                    .iter()
                    .find(|facts| facts.name == stream.name)?;
                Some(facts::stream(of, stream))
            })
            .collect();
        let json = json!({
            "is_complete": found.is_complete,
            "last_problem": past.as_ref().map(facts::past),
            "findings": found.findings.iter().map(facts::finding).collect::<Vec<_>>(),
            "streams": streams,
            "servers": look.servers.iter().map(facts::server).collect::<Vec<_>>(),
        });
        (Model::Overview(Box::new(page)), json)
    })
}

/// The known facts of a stream, and the time.
fn known(dash: &Dash, name: &str) -> Result<(StreamFacts, u64), Missing> {
    dash.poller.read(|history| {
        let look = history.latest();
        let found = look.streams.iter().find(|stream| stream.name == name);
        found
            .map(|stream| (stream.clone(), look.at_ms))
            .ok_or_else(|| no_stream(history, name))
    })
}

fn no_stream(history: &History, name: &str) -> Missing {
    let more = if history.latest().is_complete {
        "It may have been removed."
    } else {
        "Streams are still being looked for."
    };
    Missing::None(
        Rich::new()
            .plain("There is no stream ")
            .code(name)
            .plain(format!(". {more} "))
            .link("All streams", Page::Overview.link()),
    )
}

fn stream(dash: &Dash, name: &str) -> Built {
    known(dash, name)?;
    let more = of_stream(dash, name);
    let built = dash.poller.read(|history| {
        let found = assess(history);
        let page = view::stream(history, &found, name, &more)?;
        let of = history
            .latest()
            .streams
            .iter()
            .find(|stream| stream.name == name)?;
        let json = facts::stream(of, found.stream(name)?);
        Some((Model::Stream(Box::new(page)), json))
    });
    built.ok_or_else(|| dash.poller.read(|history| no_stream(history, name)))
}

fn one_group(dash: &Dash, stream: &str, group: &str) -> Built {
    let (of, now) = known(dash, stream)?;
    let peek = |suspect: &Suspect| in_a_line(dash, stream, suspect);
    let allowed = dash.settings.allow;
    // Redis is read before the history is locked.
    let (history, found): (History, Assessment) = dash
        .poller
        .read(|history| (history.clone(), assess(history)));
    let page = view::group(&history, &found, (stream, group), peek, allowed);
    let (Some(page), Some(of), Some(judged)) = (page, of.group(group), found.group(stream, group))
    else {
        return Err(Missing::None(
            Rich::new()
                .plain("There is no group ")
                .code(group)
                .plain(" of this stream. ")
                .link(stream, Page::Stream(stream.to_owned()).link()),
        ));
    };
    Ok((Model::Group(Box::new(page)), facts::group(of, judged, now)))
}

fn dead(dash: &Dash, stream: &str, query: &Query) -> Built {
    let (of, now) = known(dash, stream)?;
    let which = Which {
        kind: query.get("kind"),
        search: query.get("q"),
        since: query.get("since"),
    };
    if let Err(why) = which.since.parse::<Since>()
        && !which.since.is_empty()
    {
        let said = Rich::new().code(which.since);
        return Err(Missing::None(said.plain(format!(" is no time: {why}."))));
    }
    let more = dead_letters(dash, stream, which, now).map_err(Missing::Failed)?;
    let groups: Vec<&str> = of.groups.iter().map(|group| group.name.as_str()).collect();
    let which = (which.kind, which.search);
    let page = view::dead(stream, &groups, which, &more, now, dash.settings.allow);
    Ok((Model::Dead(Box::new(page)), Value::Null))
}

fn messages(dash: &Dash, stream: &str, query: &Query) -> Built {
    let (of, now) = known(dash, stream)?;
    let mut peek = Peek::newest(MESSAGES)
        .max_bytes(256 << 10)
        .max_value_bytes(1 << 10);
    if let Ok(after) = query.get("after").parse::<EntryAddress>() {
        peek = peek.after(after);
    }
    let page = dash.redis.manager().peek(stream, &peek);
    let page = page.map_err(|error| Missing::Failed(with_causes(&error)))?;
    let schemas = schemas(dash, stream).map_err(Missing::Failed)?;
    let page = view::messages(&of, &page, &schemas, now);
    Ok((Model::Messages(Box::new(page)), Value::Null))
}

fn message(dash: &Dash, stream: &str, id: &str, query: &Query) -> Built {
    let (of, now) = known(dash, stream)?;
    let Ok(at) = id.parse::<EntryAddress>() else {
        return Err(Missing::None(
            Rich::new().code(id).plain(" is no id of an entry."),
        ));
    };
    let manager = dash.redis.manager();
    let failed = |error: stream_lib::Error| Missing::Failed(with_causes(&error));
    let letter = match query.get("letter").parse::<DeadLetterId>() {
        Ok(which) => {
            let letters = manager.dead_letters(stream).map_err(failed)?;
            letters.letter(which).map_err(failed)?
        }
        Err(_) => None,
    };
    let letter = letter.map(|letter| {
        let said = PeekedLetter {
            group: letter.group().to_owned(),
            reason: letter.reason().to_owned(),
            error: letter.error().to_owned(),
            age_ms: now.saturating_sub(ms_of(letter.time())),
            fields: letter
                .message()
                .iter()
                .map(|(name, value)| (name.to_vec(), value.to_vec()))
                .collect(),
        };
        (letter.letter_id().to_string(), said)
    });
    let groups: Vec<String> = of.groups.iter().map(|group| group.name.clone()).collect();
    let more = MessageMore {
        entry: manager.entry(stream, at).map_err(failed)?,
        letter,
        pending: pending(dash, stream, &groups, at),
        schemas: schemas(dash, stream).map_err(Missing::Failed)?,
        others: newest(dash, stream),
    };
    let page = view::message(&of, id, &more, now, dash.settings.allow);
    Ok((Model::Message(Box::new(page)), Value::Null))
}

fn system(dash: &Dash) -> (Model, Value) {
    let happened = happened(&events(dash), MUCH_HAPPENED);
    let audit = changes(dash);
    let (answered, read) = dash.counts();
    let looking = Looking {
        every: dash.settings.every,
        answered,
        read,
    };
    dash.poller.read(|history| {
        let found = assess(history);
        let page = view::system(history, &found, &audit, happened, looking);
        let look = history.latest();
        let servers = look.servers.iter().map(facts::server);
        let cost = look.cost;
        let json = json!({
            "servers": servers.collect::<Vec<_>>(),
            "findings": found.findings.iter().map(facts::finding).collect::<Vec<_>>(),
            "looking": {
                "every_seconds": looking.every.as_secs_f64(),
                "looks": history.looks(),
                "streams": look.streams.len(),
                "calls": cost.map(|cost| cost.of_redis.calls),
                "round_trips": cost.map(|cost| cost.of_redis.round_trips),
                "bytes_sent": cost.map(|cost| cost.of_redis.sent),
                "bytes_received": cost.map(|cost| cost.of_redis.received),
                "took_seconds": cost.map(|cost| cost.took.as_secs_f64()),
                "server_seconds": history.server_time().map(|time| time.as_secs_f64()),
                "pages_answered": looking.answered,
                "pages_read": looking.read,
            },
        });
        (Model::System(Box::new(page)), json)
    })
}
