//! Answers with the plan of a change, and starts confirmed ones.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::guard::may;
use super::pages::{frame, html};
use super::response::see_other;
use crate::act::Refused;
use crate::audit;
use crate::serve::access::{Caller, Role};
use crate::serve::change::{Asked, Question, Work, asked, plan};
use crate::serve::dash::Dash;
use crate::serve::page::{Confirm, Page, Rich, confirm, edit, refusal};
use crate::serve::query::Query;
use crate::words::shown;

/// The time that an answer waits for the end of a change. A longer change gets a page.
const QUICK: Duration = Duration::from_secs(1);

/// The request of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// To plan a change.
    Question,
    /// To make a planned change.
    Confirmed,
    /// To stop a running change.
    Stop,
}

/// Asks before a change, makes a confirmed one, or stops a running one.
pub(super) fn respond(
    dash: &Dash,
    caller: &Caller,
    wanted: Wanted,
    form: &Query,
) -> Response<Body> {
    // Without permission for changes, even errors would reveal which streams exist.
    if let Err(refused) = may(dash, caller, Role::Retry) {
        return *refused;
    }
    match wanted {
        Wanted::Question => {}
        Wanted::Confirmed => return confirmed(dash, caller, form.get("nonce")),
        Wanted::Stop => return stop(dash, caller, form.get("work")),
    }
    match asked(dash, form) {
        Ok(Asked::Edit(page)) => {
            let mut frame = frame(dash, caller);
            frame.title.clone_from(&page.title);
            html(StatusCode::OK, &edit(&frame, &page))
        }
        Ok(Asked::Change(change)) => {
            if let Err(refused) = may(dash, caller, change.role()) {
                return *refused;
            }
            match plan(&dash.redis, &caller.name, &change) {
                Ok(plan) => question(dash, caller, Question { change, plan }),
                Err(why) => unplanned(dash, caller, &why),
            }
        }
        Err(why) => refused(dash, caller, StatusCode::UNPROCESSABLE_ENTITY, &why),
    }
}

fn question(dash: &Dash, caller: &Caller, question: Question) -> Response<Body> {
    let mut page = Confirm {
        title: question.title(),
        plan: question.sentences(),
        undo: question.undo().to_owned(),
        command: question.change.command(),
        button: question.button(),
        nonce: String::new(),
        back: question.change.back(),
    };
    if page.button.is_some() {
        match dash.pending.keep(&caller.name, question) {
            Ok(nonce) => page.nonce = nonce,
            Err(why) => return refused(dash, caller, StatusCode::INTERNAL_SERVER_ERROR, &why),
        }
    }
    let mut frame = frame(dash, caller);
    frame.title.clone_from(&page.title);
    html(StatusCode::OK, &confirm(&frame, &page))
}

fn confirmed(dash: &Dash, caller: &Caller, nonce: &str) -> Response<Body> {
    let Some(question) = dash.pending.take(&caller.name, nonce) else {
        let why = "this question was answered already, or is older than ten minutes: ask again";
        return refused(dash, caller, StatusCode::CONFLICT, why);
    };
    if let Err(refused) = may(dash, caller, question.change.role()) {
        return *refused;
    }
    match dash.works.start(&dash.redis, &caller.name, question) {
        Ok(work) => shown_next(dash, &work),
        Err(why) => refused(dash, caller, StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

/// The page that a change was made from, with its result; its own page while it runs.
fn shown_next(dash: &Dash, work: &Work) -> Response<Body> {
    let told = work.wait(QUICK);
    dash.forget();
    let Some(told) = told else {
        return see_other(&Page::Work(work.id.clone()).link());
    };
    match dash.told_of.keep(told) {
        Ok(key) => see_other(&format!("{}?told={key}", work.back)),
        Err(_) => see_other(&work.back),
    }
}

/// Stops a change. Finished steps stay as they are, so no question is asked.
fn stop(dash: &Dash, caller: &Caller, id: &str) -> Response<Body> {
    let Some(work) = dash.works.find(id) else {
        let why = "there is no such change";
        return refused(dash, caller, StatusCode::NOT_FOUND, why);
    };
    if work.stop(&caller.name) {
        let detail = format!("stopped what {} had begun", work.who);
        let note = audit::Change {
            who: Some(&caller.name),
            program: "dashboard",
            action: "stop",
            stream: &work.stream,
            detail: &detail,
            command: &work.command,
            ..audit::Change::default()
        };
        // The change itself notes its progress, too.
        let _ = audit::note(&dash.redis, &note);
        work.wait(QUICK);
        dash.forget();
    }
    see_other(&Page::Work(work.id.clone()).link())
}

fn unplanned(dash: &Dash, caller: &Caller, why: &Refused) -> Response<Body> {
    let status = match why {
        Refused::NoSuch(_) => StatusCode::NOT_FOUND,
        Refused::Wrong(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Refused::Failed(_) | Refused::Redis(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    refused(dash, caller, status, &why.to_string())
}

fn refused(dash: &Dash, caller: &Caller, status: StatusCode, why: &str) -> Response<Body> {
    let frame = frame(dash, caller);
    let why = Rich::ticked(&format!("{}.", shown(why.as_bytes())));
    html(status, &refusal(&frame, "Nothing was changed", &why))
}
