//! The page of a change in progress.

use std::num::NonZeroU32;

use serde_json::{Value, json};

use crate::serve::dash::{Dash, Missing};
use crate::serve::page::{Model, Page, Rich};
use crate::serve::view::{self, WorkNow};

/// The progress of a change, without asking Redis.
pub(super) fn work(dash: &Dash, id: &str) -> Result<(Model, Value), Missing> {
    let Some(work) = dash.works.find(id) else {
        return Err(Missing::None(
            Rich::new()
                .plain("There is no such change, or it ended long ago: see the ")
                .link("audit", format!("{}#audit", Page::System.link()))
                .plain("."),
        ));
    };
    if work.is_news() {
        dash.forget();
    }
    let of = WorkNow {
        id: &work.id,
        stream: &work.stream,
        doing: &work.doing,
        who: &work.who,
        command: &work.command,
        back: &work.back,
        planned: work.planned,
        handled: work.handled(),
        at_most: work.at_most.map(NonZeroU32::get),
        age: work.age(),
        stopped_by: work.stopped_by(),
        told: work.told(),
    };
    let json = json!({
        "planned": of.planned,
        "handled": of.handled,
        "at_most_per_second": of.at_most,
        "running": of.told.is_none(),
        "stopped_by": of.stopped_by,
        "result": of.told.as_ref().map(Rich::text),
        "command": of.command,
    });
    Ok((Model::Work(Box::new(view::work(&of))), json))
}
