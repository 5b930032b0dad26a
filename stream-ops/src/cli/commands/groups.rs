//! `group ls` and `group info`.

use serde_json::Value;

use super::consumers;
use crate::assess::{Cause, GroupAssessment, State, StreamAssessment};
use crate::cli::context::{Context, no_group};
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Report, listed, table};
use crate::observe::{GroupFacts, StreamFacts};
use crate::words::{age_ms, count, count_or_dash, cut, dash, ordinal, quoted, rate, shown};

pub(crate) fn ls(context: &Context, name: Option<&str>) -> Outcome {
    let named: Vec<String> = name.map(str::to_owned).into_iter().collect();
    let history = context.observe(&named)?;
    if let Some(name) = name {
        context.existing(&history, name)?;
    }
    let assessment = context.assess(&history);
    let streams: Vec<(&StreamFacts, &StreamAssessment)> = assessment
        .streams
        .iter()
        .filter_map(|found| {
            let mut streams = history.latest().streams.iter();
            Some((streams.find(|facts| facts.name == found.name)?, found))
        })
        .collect();
    let groups: Vec<Value> = streams
        .iter()
        .flat_map(|(facts, found)| {
            let groups = found.groups.iter();
            groups.filter_map(|group| {
                let facts_of = facts.group(&group.name)?;
                Some(crate::json::group(facts_of, group, facts.at_ms))
            })
        })
        .collect();
    let text = table_of(&streams, context, name.is_none());
    let json = serde_json::json!({ "groups": groups });
    context
        .output
        .print(&Report::new(text, json).with_rows("groups"))?;
    Ok(Exit::Done)
}

/// Groups, with their streams in front where there are several.
pub(crate) fn table_of(
    streams: &[(&StreamFacts, &StreamAssessment)],
    context: &Context,
    with_stream: bool,
) -> String {
    let rows = streams.iter().flat_map(|(facts, found)| {
        found.groups.iter().filter_map(|group| {
            let of = facts.group(&group.name)?;
            let mut name = shown(group.name.as_bytes());
            if with_stream {
                name = format!("{}/{name}", shown(facts.name.as_bytes()));
            }
            Some([
                name,
                format!(
                    "{} {}",
                    group.state.severity().mark(),
                    state_in_words(group, of, context, facts.at_ms)
                ),
                count_or_dash(of.unread),
                group.behind_ms.map_or_else(dash, age_ms),
                count(of.pending),
                count(of.waiting),
                group.trend.handles.map_or_else(dash, rate),
                of.living().to_string(),
                done_in(group),
            ])
        })
    });
    table(
        [
            "Group",
            "State",
            ">Unread",
            ">Oldest",
            ">In hand",
            ">Waiting",
            ">Handles",
            ">Processes",
            ">Done in",
        ],
        rows,
    )
}

fn state_in_words(
    group: &GroupAssessment,
    facts: &GroupFacts,
    context: &Context,
    now: u64,
) -> String {
    match (group.state, group.since_ms, &facts.held) {
        (State::Held, _, Some(held)) => {
            format!("held until {}", context.clock.time(held.until_ms, now))
        }
        (State::Idle, Some(since), _) => format!("idle for {}", age_ms(now.saturating_sub(since))),
        (State::StandsStill | State::FallsBehind, Some(since), _) => {
            format!(
                "{} since {}",
                group.state.words(),
                context.clock.time(since, now)
            )
        }
        (state, ..) => state.words().to_owned(),
    }
}

fn done_in(group: &GroupAssessment) -> String {
    match (group.state, group.trend.done_in) {
        (State::StandsStill | State::NoProcess, _) => "never".to_owned(),
        (_, Some(seconds)) if seconds <= 0.0 => "now".to_owned(),
        (_, Some(seconds)) => std::time::Duration::try_from_secs_f64(seconds)
            .map_or_else(|_| dash(), crate::words::age),
        (_, None) => dash(),
    }
}

pub(crate) fn info(context: &Context, stream: &str, name: &str) -> Outcome {
    let history = context.observe(&[stream.to_owned()])?;
    let facts = context.existing(&history, stream)?;
    let assessment = context.assess(&history);
    let (Some(group), Some(found)) = (facts.group(name), assessment.group(stream, name)) else {
        return Err(no_group(stream, name));
    };
    let now = facts.at_ms;
    let mut text = String::new();
    for finding in &assessment.findings {
        if finding.group.as_deref() == Some(name) {
            // The advice is this very command.
            let mut finding = finding.clone();
            finding.advice = finding
                .advice
                .filter(|a| !a.starts_with("streamctl group info"));
            text.push_str(&super::overview::said(&context.output, &finding));
        }
    }
    if text.is_empty() {
        text = format!(
            "{} {}/{} {}.\n",
            found.state.severity().mark(),
            shown(stream.as_bytes()),
            shown(name.as_bytes()),
            state_in_words(found, group, context, now)
        );
    }
    text.push('\n');
    text.push_str(&numbers(group, found, now));
    text.push_str(&safe_to_do(stream, group, found));
    if !group.suspects.is_empty() {
        text.push('\n');
        text.push_str(&super::pending::table_of_suspects(&group.suspects));
    }
    if !group.consumers.is_empty() {
        text.push('\n');
        text.push_str(&consumers::table_of(group, now));
    }
    let json = crate::json::group(group, found, now);
    context.output.print(&Report::new(text, json))?;
    Ok(Exit::Done)
}

fn numbers(group: &GroupFacts, found: &GroupAssessment, now: u64) -> String {
    let mut unread = count_or_dash(group.unread);
    if let Some(slope) = found.trend.slope.filter(|_| group.unread != Some(0)) {
        let sign = if slope < 0.0 { "−" } else { "+" };
        unread = format!("{unread}, {sign}{}/min", a_minute(slope));
        if !found.trend.is_sure {
            unread.push_str(" (estimated)");
        }
    }
    let oldest_pending = group.oldest_pending.map(|id| now.saturating_sub(id.ms()));
    let waiting = match (group.waiting, group.waiting_due) {
        (0, _) => count(0),
        (all, due) if all == due => format!("{}, all are due", count(all)),
        (all, due) => format!("{}, {} are due", count(all), count(due)),
    };
    listed([
        ("Unread", unread),
        ("Oldest unread", found.behind_ms.map_or_else(dash, age_ms)),
        ("In hand", count(group.pending)),
        ("Oldest in hand", oldest_pending.map_or_else(dash, age_ms)),
        ("In dead hands", count(group.held_by_dead())),
        ("Wait for a retry", waiting),
        ("Handles", found.trend.handles.map_or_else(dash, rate)),
        ("Done in", done_in(found)),
    ])
}

/// Safe next steps, with their command lines.
fn safe_to_do(stream: &str, group: &GroupFacts, found: &GroupAssessment) -> String {
    let of = format!("{} {}", quoted(stream), quoted(&group.name));
    let mut lines = Vec::new();
    for cause in &found.causes {
        match cause {
            Cause::Suspect { id, deliveries, .. } => lines.push(format!(
                "  Set the suspect aside ({} delivery; can be undone):\n    streamctl pending bury {of} {id}",
                ordinal(*deliveries)
            )),
            Cause::NoProcess { .. } => lines.push(format!(
                "  Start a process of {}: it takes over {} at once, and reads on where the last \
                 one stopped.",
                shown(group.name.as_bytes()),
                count(group.held_by_dead() + group.waiting_due)
            )),
            Cause::HandlersFail { error } => lines.push(format!(
                "  Handlers say: {}\n  Hold the group until that is repaired (ends by itself):\n    \
                 streamctl group hold {of} --for 30m --why '…'",
                cut(&shown(error.as_bytes()), 160)
            )),
            Cause::HandlersSlow { .. } | Cause::TooLittleCapacity => lines.push(
                "  Start more processes, or give them more workers.".to_owned(),
            ),
            Cause::Held { .. } => lines.push(format!(
                "  End the hold:\n    streamctl group release {of}"
            )),
            Cause::RedisRefuses { .. } => lines.push("  Look at Redis:\n    streamctl doctor".to_owned()),
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    format!("\nSafe to do now\n{}\n", lines.join("\n"))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates"
)]
fn a_minute(slope: f64) -> String {
    count((slope * 60.0).abs().round() as u64)
}
