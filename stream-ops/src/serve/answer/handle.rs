//! The handling of a request.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::changes::{self, Wanted};
use super::guard::admit;
use super::pages;
use super::response::{Kind, answer, refuse, wrong_method};
use crate::serve::dash::Dash;
use crate::serve::page::{ICON, Page, SCRIPT, STYLE};
use crate::serve::query::Query;

/// The largest body of a request, in bytes, and the time for it to arrive.
const LARGEST_BODY: usize = 1 << 20;
const BODY_IN: Duration = Duration::from_secs(5);

/// Answers a request.
pub(crate) fn router(dash: Arc<Dash>) -> Router {
    Router::new().fallback(handle).with_state(dash)
}

async fn handle(State(dash): State<Arc<Dash>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(refused) => return *refused,
    };
    // Requests to Redis block, so they run on their own threads.
    let answered =
        spawn_blocking(move || respond(&dash, &head.method, &head.uri, &head.headers, &body));
    match answered.await {
        Ok(response) => response,
        Err(_) => refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the page could not be made",
        ),
    }
}

async fn read(body: Body) -> Result<Bytes, Box<Response<Body>>> {
    use axum::body::HttpBody as _;

    let too_large = || {
        Box::new(refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is too large",
        ))
    };
    if body.size_hint().lower() > LARGEST_BODY as u64 {
        return Err(too_large());
    }
    match timeout(BODY_IN, to_bytes(body, LARGEST_BODY)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(Box::new(refuse(
            StatusCode::REQUEST_TIMEOUT,
            "the body took too long to arrive",
        ))),
    }
}

fn respond(
    dash: &Dash,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Response<Body> {
    let is_get = matches!(*method, Method::GET | Method::HEAD);
    // A balancer knows neither host names nor tokens.
    match uri.path() {
        "/healthz" if is_get => return answer(StatusCode::OK, Kind::Text, "well\n"),
        "/readyz" if is_get => return pages::ready(dash),
        _ => {}
    }
    let caller = match admit(dash, method, headers) {
        Ok(caller) => caller,
        Err(refused) => return *refused,
    };
    let query = Query::read(uri.query().unwrap_or_default().as_bytes());
    match uri.path() {
        path @ ("/change" | "/confirm" | "/stop") => {
            if *method != Method::POST {
                return wrong_method("POST");
            }
            let wanted = match path {
                "/change" => Wanted::Question,
                "/confirm" => Wanted::Confirmed,
                _ => Wanted::Stop,
            };
            changes::respond(dash, &caller, wanted, &Query::read(body))
        }
        _ if !is_get => wrong_method("GET, HEAD"),
        "/style.css" => answer(StatusCode::OK, Kind::Style, STYLE),
        "/live.js" => answer(StatusCode::OK, Kind::Script, SCRIPT),
        "/icon.svg" => answer(StatusCode::OK, Kind::Icon, ICON),
        "/metrics" => pages::metrics(dash),
        path => match Page::of(path) {
            Some((page, is_json)) => {
                let is_json = is_json || query.get("format") == "json";
                let told = dash.told(query.get("told"));
                pages::page(dash, &caller, &page, &query, is_json, told)
            }
            None => refuse(StatusCode::NOT_FOUND, "there is no such page"),
        },
    }
}
