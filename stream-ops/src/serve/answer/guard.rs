//! The caller of a request, and the permission.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response, StatusCode};

use super::response::{ask_for_token, refuse};
use crate::serve::access::{Caller, Credentials, Role};
use crate::serve::dash::Dash;

/// Admits a request, or answers with the reason why not.
pub(super) fn admit(
    dash: &Dash,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Caller, Box<Response<Body>>> {
    if !dash.names.has_host(headers) {
        return Err(Box::new(refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "the dashboard doesn't answer to this name; add it by `streamctl serve --host NAME`",
        )));
    }
    if !dash.names.has_origin(headers) {
        return Err(Box::new(refuse(
            StatusCode::FORBIDDEN,
            "pages of other sites get nothing from the dashboard",
        )));
    }
    if *method == Method::POST && !dash.names.is_same_origin(headers) {
        return Err(Box::new(refuse(
            StatusCode::FORBIDDEN,
            "a change needs `Origin` or `Sec-Fetch-Site`, and they must name the dashboard",
        )));
    }
    let token = dash.settings.token.as_ref();
    let credentials = Credentials::of(headers, token);
    let needs_token = !dash.settings.listen.ip().is_loopback();
    match credentials {
        Credentials::Wrong => Err(Box::new(ask_for_token("the token is wrong"))),
        Credentials::None if needs_token => {
            Err(Box::new(ask_for_token("the pages need the token here")))
        }
        credentials => Ok(credentials.caller(dash.settings.allow)),
    }
}

/// Permits a change that needs a role, or answers with the reason why not.
pub(super) fn may(dash: &Dash, caller: &Caller, role: Role) -> Result<(), Box<Response<Body>>> {
    if dash.settings.token.is_none() {
        return Err(Box::new(refuse(
            StatusCode::FORBIDDEN,
            "changes need a token: start `streamctl serve` with --token-file and --allow",
        )));
    }
    if !caller.is_known {
        return Err(Box::new(ask_for_token("a change needs the token")));
    }
    if caller.role < role {
        let why = format!(
            "this needs the role {role}, and the dashboard was started with --allow {}",
            caller.role
        );
        return Err(Box::new(refuse(StatusCode::FORBIDDEN, &why)));
    }
    Ok(())
}
