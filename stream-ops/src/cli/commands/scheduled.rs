//! `scheduled ls`.

use serde_json::{Value, json};

use super::entries::{mask, named};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Report, table};
use crate::words::{age_ms, count, cut, dash, millis_of, of, rfc3339, shown};

/// The longest message in a line, in characters.
const FIELDS: usize = 80;

pub(crate) fn ls(context: &Context, stream: &str, most: usize) -> Outcome {
    super::dlq::ensure_known(context, stream)?;
    let scheduled = context.redis()?.manager().scheduled(stream)?;
    let (all, found) = (scheduled.count()?, scheduled.list(most)?);
    let mask = mask(context, stream)?;
    let now = context.redis()?.clock()?;
    let rows = found.iter().map(|message| {
        let due = message.due().map(millis_of);
        let when = match due {
            Some(at) if at > now => format!("in {}", age_ms(at - now)),
            Some(at) => format!("due for {}", age_ms(now - at)),
            None => "set aside: it can't be read".to_owned(),
        };
        let body = message.message();
        let fields: Vec<String> = body
            .iter()
            .map(|(name, value)| format!("{}={}", shown(name), shown(mask.shown(name, value))))
            .collect();
        [
            message.id().to_string(),
            when,
            message
                .unique()
                .map_or_else(dash, |key| shown(key.as_bytes())),
            cut(&fields.join(" "), FIELDS),
        ]
    });
    let text = match found.len() {
        0 => "Nothing is scheduled.\n".to_owned(),
        shown => format!(
            "{} of {}, the next first\n\n{}",
            count(shown as u64),
            of(all, "scheduled message", "scheduled messages"),
            table(["Id", ">When", "Unique", "Fields"], rows)
        ),
    };
    let rows: Vec<Value> = found
        .iter()
        .map(|message| {
            let body = message.message();
            let fields = body
                .iter()
                .map(|(name, value)| (name, mask.shown(name, value)));
            json!({
                "id": message.id().to_string(),
                "due": message.due().and_then(|due| rfc3339(millis_of(due))),
                "unique": message.unique(),
                "fields": named(fields),
            })
        })
        .collect();
    let json = json!({ "stream": stream, "scheduled": all, "messages": rows });
    context
        .output
        .print(&Report::new(text, json).with_rows("messages"))?;
    Ok(Exit::Done)
}
