//! `consumer ls`.

use serde_json::{Value, json};

use crate::cli::context::{Context, no_group};
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Report, table};
use crate::json::last_beat;
use crate::observe::{ConsumerFacts, GroupFacts};
use crate::words::{age_ms, count, count_or_dash, cut, dash, shown, took_ms};

pub(crate) fn ls(context: &Context, stream: &str, name: &str) -> Outcome {
    let history = context.observe(&[stream.to_owned()])?;
    let facts = context.existing(&history, stream)?;
    let group = facts.group(name).ok_or_else(|| no_group(stream, name))?;
    let now = facts.at_ms;
    let consumers = group.consumers.iter();
    let consumers: Vec<Value> = consumers.map(|c| crate::json::consumer(c, now)).collect();
    let text = match consumers.len() {
        0 => "No consumers.\n".to_owned(),
        _ => table_of(group, now),
    };
    let json = json!({ "stream": stream, "group": name, "consumers": consumers });
    context
        .output
        .print(&Report::new(text, json).with_rows("consumers"))?;
    Ok(Exit::Done)
}

/// The consumers of a group: those in trouble first.
pub(crate) fn table_of(group: &GroupFacts, now: u64) -> String {
    let mut consumers: Vec<&ConsumerFacts> = group.consumers.iter().collect();
    consumers.sort_by_key(|c| (mark(c), std::cmp::Reverse(c.pending)));
    let rows = consumers.into_iter().map(|consumer| {
        let facts = &consumer.facts;
        let program = facts.program.as_ref();
        let program = program.map(|p| shown(format!("{} {}", p.name, p.version).trim().as_bytes()));
        let busy = facts
            .workers
            .map(|workers| format!("{} of {workers}", count_or_dash(facts.running)));
        [
            shown(consumer.name.as_bytes()),
            format!("{} {}", mark(consumer), seen(consumer, now)),
            count(consumer.pending),
            consumer.oldest_pending_ms.map_or_else(dash, age_ms),
            busy.unwrap_or_else(dash),
            facts.p99_ms.map_or_else(dash, took_ms),
            program.unwrap_or_else(dash),
            state(consumer),
        ]
    });
    table(
        [
            "Consumer",
            "Last sign of life",
            ">In hand",
            ">Oldest in hand",
            ">Busy",
            ">p99",
            "Program",
            "State",
        ],
        rows,
    )
}

/// ▲ for dead consumers that hold entries.
fn mark(consumer: &ConsumerFacts) -> &'static str {
    match (consumer.alive, consumer.pending) {
        (Some(false), 1..) => "▲",
        _ => "○",
    }
}

fn seen(consumer: &ConsumerFacts, now: u64) -> String {
    match (last_beat(consumer, now), consumer.sign_ms, consumer.idle_ms) {
        (Some(age), ..) => format!("{} ago", age_ms(age)),
        (None, Some(till), _) if till <= now => {
            format!("lapsed {} ago", age_ms(now - till))
        }
        (None, Some(_), _) => "good".to_owned(),
        (None, None, Some(idle)) => format!("seen {} ago", age_ms(idle)),
        (None, None, None) => dash(),
    }
}

fn state(consumer: &ConsumerFacts) -> String {
    match (consumer.alive, consumer.pending, consumer.is_member) {
        (Some(true), ..) => match &consumer.facts.last_error {
            Some(error) => format!("alive; last error: {}", cut(&shown(error.as_bytes()), 60)),
            None => "alive".to_owned(),
        },
        (Some(false), 0, _) => "all it had was taken over".to_owned(),
        (Some(false), _, true) => "ended without a word: killed or crashed".to_owned(),
        (Some(false), _, false) => "not seen any more".to_owned(),
        (None, ..) => dash(),
    }
}
