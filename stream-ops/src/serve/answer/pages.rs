//! Answers with a page, or its JSON.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::response::{Kind, answer};
use crate::json;
use crate::prometheus::exposition;
use crate::serve::access::{Caller, Role};
use crate::serve::change::Work;
use crate::serve::dash::{Dash, Missing};
use crate::serve::load::{TELLING, load};
use crate::serve::page::{Frame, Model, Page, Place, Rich, clock_seconds, refusal};
use crate::serve::query::Query;
use crate::serve::view::round_trip;
use crate::words::count;

/// A page, or its JSON.
pub(super) fn page(
    dash: &Dash,
    caller: &Caller,
    page: &Page,
    query: &Query,
    is_json: bool,
    told: Option<Rich>,
) -> Response<Body> {
    let loaded = load(dash, page, query);
    match loaded.as_ref() {
        Ok((model, facts)) if is_json => as_json(dash, model, facts),
        Ok((model, _)) => {
            let mut frame = frame(dash, caller);
            frame.title = format!("{} · streams", model.title());
            frame.place = model.place();
            frame.crumbs = model.crumbs();
            frame.json = Some(json_link(page, query));
            frame.is_live = true;
            frame.told = told;
            // The page of the change shows it already.
            let here = page.link();
            frame.going.retain(|(_, to)| *to != here);
            html(StatusCode::OK, &model.html(&frame))
        }
        Err(missing) if is_json => {
            let (status, title, text) = why(missing);
            let body = json::object(json!({ "error": title, "detail": text.text() }));
            answer(status, Kind::Json, Value::Object(body).to_string())
        }
        Err(missing) => {
            let (status, title, text) = why(missing);
            let mut frame = frame(dash, caller);
            frame.title = format!("{title} · streams");
            frame.is_live = *missing == Missing::NotYet;
            html(status, &refusal(&frame, title, &text))
        }
    }
}

pub(super) fn html(status: StatusCode, markup: &maud::Markup) -> Response<Body> {
    answer(status, Kind::Html, markup.0.clone())
}

fn why(missing: &Missing) -> (StatusCode, &'static str, Rich) {
    match missing {
        Missing::NotYet => (
            StatusCode::OK,
            "The first look is under way",
            Rich::from("This page appears as soon as the look is complete."),
        ),
        Missing::None(text) => (StatusCode::NOT_FOUND, "There is no such page", text.clone()),
        Missing::Failed(text) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "This can't be read now",
            Rich::from(format!("{text}.")),
        ),
    }
}

fn json_link(page: &Page, query: &Query) -> String {
    let link = match page {
        Page::Overview => "/overview".to_owned(),
        page => page.link(),
    };
    match query.only(&TELLING) {
        query if query.is_empty() => format!("{link}.json"),
        query => format!("{link}.json?{query}"),
    }
}

fn as_json(dash: &Dash, model: &Model, facts: &Value) -> Response<Body> {
    let at = dash.poller.read(|history| history.latest().at_ms);
    let body = json::object(json!({
        "at": json::time(Some(at)),
        "title": model.title(),
        "facts": facts,
        "page": model.json(),
    }));
    answer(StatusCode::OK, Kind::Json, Value::Object(body).to_string())
}

/// The frame around every page.
pub(super) fn frame(dash: &Dash, caller: &Caller) -> Frame {
    dash.poller.read(|history| {
        let look = history.latest();
        let server = look.servers.first();
        let version = server.and_then(|server| server.version.clone());
        let parts = [
            version.map(|version| version.to_lowercase()),
            server.map(round_trip),
        ];
        let dead: u64 = look.streams.iter().map(|stream| stream.dead).sum();
        let standing = match history.outage() {
            Some(outage) => format!("Redis not reached since {}", clock_seconds(outage.since_ms)),
            None => "live".to_owned(),
        };
        Frame {
            title: "streams".to_owned(),
            place: Place::Nowhere,
            redis: dash
                .settings
                .title
                .clone()
                .unwrap_or_else(|| dash.redis.address().to_owned()),
            server: parts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
            clock: if look.at_ms == 0 {
                "–".to_owned()
            } else {
                format!("{} UTC", clock_seconds(look.at_ms))
            },
            standing,
            dead: (dead > 0).then(|| count(dead)),
            may: may(dash, caller),
            json: None,
            is_live: false,
            told: None,
            going: going(dash),
            crumbs: Vec::new(),
        }
    })
}

/// The running changes.
fn going(dash: &Dash) -> Vec<(String, String)> {
    let said = |work: &Arc<Work>| {
        let so_far = format!(
            "{}: {} so far, by {}.",
            work.doing,
            count(work.handled()),
            work.who
        );
        (so_far, Page::Work(work.id.clone()).link())
    };
    dash.works.running().iter().map(said).collect()
}

fn may(dash: &Dash, caller: &Caller) -> String {
    let allowed = dash.settings.allow;
    if caller.is_known {
        return format!("{} (role: {})", caller.role.may(), caller.role);
    }
    if allowed > Role::View {
        return format!("You may look; a change asks for the token (role: {allowed})");
    }
    format!("{} (role: view)", Role::View.may())
}

/// The metrics for Prometheus.
pub(super) fn metrics(dash: &Dash) -> Response<Body> {
    let text = dash
        .poller
        .read(|history| exposition(history, &crate::assess::assess(history)));
    answer(StatusCode::OK, Kind::Metrics, text)
}

/// Whether Redis can be reached.
pub(super) fn ready(dash: &Dash) -> Response<Body> {
    let why = dash.poller.read(|history| match history.outage() {
        Some(_) => Some("Redis is not reached"),
        None if history.latest().at_ms == 0 => Some("the first look is under way"),
        None => None,
    });
    match why {
        None => answer(StatusCode::OK, Kind::Text, "ready\n"),
        // The error of the outage is only for callers who may read pages.
        Some(why) => answer(
            StatusCode::SERVICE_UNAVAILABLE,
            Kind::Text,
            format!("{why}\n"),
        ),
    }
}
