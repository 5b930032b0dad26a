//! `retention plan`.

use serde_json::json;
use std::fmt::Write as _;

use crate::cli::context::Context;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Report, listed};
use crate::words::{count, of, shown};

pub(crate) fn plan(context: &Context, stream: &str) -> Outcome {
    super::dlq::ensure_known(context, stream)?;
    let plan = context.redis()?.manager().retention_plan(stream)?;
    let name = shown(stream.as_bytes());
    let mut text = match plan.removes {
        0 => format!("Would remove nothing from {name} now.\n"),
        removes => format!(
            "Would remove {} from {name}.\n",
            of(removes, "entry", "entries")
        ),
    };
    let blocked = plan.blocked.as_ref().map(ToString::to_string);
    if let Some(blocked) = &blocked {
        let _ = writeln!(text, "{}", shown(blocked.as_bytes()));
    }
    text.push('\n');
    text.push_str(&listed([
        ("Priority", format!("{:?}", plan.priority).to_lowercase()),
        ("Entries", count(plan.length)),
        ("Too many", count(plan.excess)),
        ("Too old", count(plan.expired)),
        ("Acknowledged by all groups", count(plan.acknowledged)),
        ("Unread or pending", count(plan.above_floor)),
    ]));
    let json = json!({
        "stream": stream,
        "priority": format!("{:?}", plan.priority).to_lowercase(),
        "length": plan.length,
        "removes": plan.removes,
        "excess": plan.excess,
        "expired": plan.expired,
        "acknowledged": plan.acknowledged,
        "above_floor": plan.above_floor,
        "blocked": blocked,
    });
    context.output.print(&Report::new(text, json))?;
    Ok(Exit::Done)
}
