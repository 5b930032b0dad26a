//! `retention run`.

use serde_json::{Map, json};

use crate::cli::args::Bounds;
use crate::cli::commands::dlq::ensure_known;
use crate::cli::context::Context;
use crate::cli::exit::Outcome;
use crate::cli::plan::{Done, Plan, at_once};
use crate::words::shown;

pub(crate) fn run(context: &Context, stream: &str, bounds: &Bounds) -> Outcome {
    ensure_known(context, stream)?;
    let manager = context.redis()?.manager();
    let planned = manager.retention_plan(stream)?;
    let is_low = matches!(planned.priority, stream_lib::Priority::Low);
    let mut json = Map::new();
    json.insert("removes".to_owned(), json!(planned.removes));
    json.insert("above_floor".to_owned(), json!(planned.above_floor));
    let plan = Plan {
        action: "retention run",
        stream: stream.to_owned(),
        group: String::new(),
        which: String::new(),
        items: if planned.removes > 0 {
            vec![()]
        } else {
            Vec::new()
        },
        said: format!("Would clean {}.", shown(planned.to_string().as_bytes())),
        done: Done::new("Cleaned", "stream", "streams"),
        again: None,
        json,
        loses: (is_low && planned.above_floor > 0)
            .then(|| "by the priority `low` entries go that some group has not handled".to_owned()),
    };
    at_once(context, &plan, bounds, || {
        let report = context.redis()?.manager().cleanup_now(stream)?;
        context.output.note(&format!("streamctl: {report}"));
        Ok(true)
    })
}
