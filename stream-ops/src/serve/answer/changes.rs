//! Answers with what a change would do, and does it.

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::guard::may;
use super::pages::{frame, html};
use super::response::see_other;
use crate::serve::access::{Caller, Role};
use crate::serve::change::{Asked, Change, asked, make, plan};
use crate::serve::dash::Dash;
use crate::serve::page::{Confirm, Rich, confirm, edit, refusal};
use crate::serve::query::Query;

/// Asks before a change, or makes one that was confirmed.
pub(super) fn respond(
    dash: &Dash,
    caller: &Caller,
    is_confirmed: bool,
    form: &Query,
) -> Response<Body> {
    // Whoever may change nothing hears nothing of what there is.
    if let Err(refused) = may(dash, caller, Role::Retry) {
        return *refused;
    }
    if is_confirmed {
        return confirmed(dash, caller, form.get("nonce"));
    }
    match asked(dash, form) {
        Ok(Asked::Edit(page)) => {
            let mut frame = frame(dash, caller);
            frame.title.clone_from(&page.title);
            html(StatusCode::OK, &edit(&frame, &page))
        }
        Ok(Asked::Change(change)) => match may(dash, caller, change.role()) {
            Ok(()) => question(dash, caller, change),
            Err(refused) => *refused,
        },
        Err(why) => refused(dash, caller, StatusCode::UNPROCESSABLE_ENTITY, &why),
    }
}

fn question(dash: &Dash, caller: &Caller, change: Change) -> Response<Body> {
    let planned = match plan(dash, &change) {
        Ok(planned) => planned,
        Err(why) => return refused(dash, caller, StatusCode::SERVICE_UNAVAILABLE, &why),
    };
    let (command, back) = (change.command(), change.back());
    let nonce = match dash.pending.keep(&caller.name, change) {
        Ok(nonce) => nonce,
        Err(why) => return refused(dash, caller, StatusCode::INTERNAL_SERVER_ERROR, &why),
    };
    let page = Confirm {
        title: planned.title,
        plan: planned.sentences,
        undo: planned.undo,
        command,
        button: planned.button,
        nonce,
        back,
    };
    let mut frame = frame(dash, caller);
    frame.title.clone_from(&page.title);
    html(StatusCode::OK, &confirm(&frame, &page))
}

fn confirmed(dash: &Dash, caller: &Caller, nonce: &str) -> Response<Body> {
    let Some(change) = dash.pending.take(&caller.name, nonce) else {
        let why = "this was answered already, or ten minutes have passed: ask again";
        return refused(dash, caller, StatusCode::CONFLICT, why);
    };
    if let Err(refused) = may(dash, caller, change.role()) {
        return *refused;
    }
    let told = make(dash, &caller.name, &change);
    let back = change.back();
    match dash.told_of.keep(told) {
        Ok(key) => see_other(&format!("{back}?told={key}")),
        Err(_) => see_other(&back),
    }
}

fn refused(dash: &Dash, caller: &Caller, status: StatusCode, why: &str) -> Response<Body> {
    let frame = frame(dash, caller);
    let page = refusal(
        &frame,
        "Nothing was changed",
        &Rich::from(format!("{why}.")),
    );
    html(status, &page)
}
