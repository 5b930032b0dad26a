//! `overview`: what is wrong, the worst first, and all streams.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::time::Duration;

use serde_json::{Value, json};

use crate::assess::{Assessment, Finding, GroupAssessment, Severity, State, StreamAssessment};
use crate::cli::args::Overview;
use crate::cli::context::{Context, pause};
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Output, Report, table};
use crate::observe::{History, StreamFacts};
use crate::server::with_causes;
use crate::words::{age_ms, count, dash, of, rate, shown};

pub(crate) fn run(context: &Context, args: &Overview) -> Outcome {
    if args.watch {
        return watch(context, args.every);
    }
    let history = context.observe(&[])?;
    let assessment = context.assess(&history);
    context
        .output
        .print(&report(&context.output, &history, &assessment))?;
    Ok(Exit::Done)
}

/// Looks again and again: the screen is written over on a terminal, and lines are added
/// elsewhere.
fn watch(context: &Context, every: Duration) -> Outcome {
    let mut observer = context.observer(&[])?;
    let mut history = History::default();
    let is_screen = io::stdout().is_terminal();
    loop {
        match observer
            .find(Duration::from_millis(200))
            .and_then(|_| observer.look())
        {
            Ok(look) => history.add(look),
            Err(error) => {
                let now = jiff::Timestamp::now().as_millisecond();
                history.failed(u64::try_from(now).unwrap_or(0), with_causes(&error));
            }
        }
        let assessment = context.assess(&history);
        let mut report = report(&context.output, &history, &assessment);
        if is_screen {
            report.text.insert_str(0, "\x1b[H\x1b[2J");
        }
        context.output.print(&report)?;
        pause(every);
    }
}

pub(crate) fn report(output: &Output, history: &History, assessment: &Assessment) -> Report {
    let look = history.latest();
    let mut text = String::new();
    for finding in &assessment.findings {
        text.push_str(&said(output, finding));
    }
    if assessment
        .findings
        .iter()
        .all(|f| f.severity > Severity::Warning)
    {
        let groups: usize = assessment.streams.iter().map(|s| s.groups.len()).sum();
        let (streams, groups) = (assessment.streams.len() as u64, groups as u64);
        if streams == 0 {
            text.push_str("○ There are no streams.\n");
        } else {
            let (streams, groups) = (
                of(streams, "stream", "streams"),
                of(groups, "group", "groups"),
            );
            let _ = writeln!(text, "○ All is well: {streams}, {groups}.");
        }
    }
    let streams: Vec<Value> = assessment
        .streams
        .iter()
        .filter_map(|found| {
            let facts = facts_of(history, &found.name)?;
            Some(crate::json::stream(facts, found))
        })
        .collect();
    if !streams.is_empty() {
        text.push('\n');
        text.push_str(&table_of(history, assessment));
    }
    let findings: Vec<Value> = assessment
        .findings
        .iter()
        .map(crate::json::finding)
        .collect();
    let servers: Vec<Value> = look.servers.iter().map(crate::json::server).collect();
    Report::new(
        text,
        json!({
            "at": crate::json::time(Some(assessment.at_ms)),
            "severity": assessment.severity().as_str(),
            "is_complete": assessment.is_complete,
            "findings": findings,
            "streams": streams,
            "servers": servers,
        }),
    )
    .with_rows("findings")
}

/// A finding in two or three lines.
pub(crate) fn said(output: &Output, finding: &Finding) -> String {
    let head = format!("{} {}", finding.severity.mark(), finding.sentence);
    let mut text = format!("{}\n", output.painted(finding.severity, &head));
    if !finding.detail.is_empty() {
        let _ = writeln!(text, "  {}", finding.detail);
    }
    if let Some(advice) = &finding.advice {
        let _ = writeln!(text, "  → {advice}");
    }
    text
}

/// All streams, the worst first.
pub(crate) fn table_of(history: &History, assessment: &Assessment) -> String {
    let rows = assessment.streams.iter().filter_map(|found| {
        let facts = facts_of(history, &found.name)?;
        Some([
            shown(found.name.as_bytes()),
            groups_in_words(found, assessment.at_ms),
            furthest_behind(found),
            found.arrives.map_or_else(dash, rate),
            count(facts.length),
            count(facts.dead),
        ])
    });
    table(
        [
            "Stream",
            "Groups",
            ">Furthest behind",
            ">Arrives",
            ">Entries",
            ">Dead letters",
        ],
        rows,
    )
}

fn facts_of<'a>(history: &'a History, name: &str) -> Option<&'a StreamFacts> {
    let mut streams = history.latest().streams.iter();
    streams.find(|facts| facts.name == name)
}

/// `▲ billing stands still, 2 keep up`.
fn groups_in_words(found: &StreamAssessment, now: u64) -> String {
    let mark = found.state.severity().mark();
    let Some(worst) = found.groups.first() else {
        return format!("{mark} no group reads it");
    };
    let mut others: BTreeMap<State, u64> = BTreeMap::new();
    for group in found.groups.iter().skip(1) {
        *others.entry(group.state).or_default() += 1;
    }
    let mut text = format!("{mark} {}", in_words(worst, now));
    for (state, number) in others {
        let _ = write!(text, ", {number} {}", state.words_of(number));
    }
    text
}

/// `billing stands still`.
pub(crate) fn in_words(group: &GroupAssessment, now: u64) -> String {
    let name = shown(group.name.as_bytes());
    match (group.state, group.since_ms) {
        (State::NoProcess, _) => format!("{name} has no process"),
        (State::Idle, Some(since)) => {
            format!("{name} idle for {}", age_ms(now.saturating_sub(since)))
        }
        (state, _) => format!("{name} {}", state.words()),
    }
}

fn furthest_behind(found: &StreamAssessment) -> String {
    let behind = found.groups.iter().filter_map(|group| group.behind_ms);
    behind.max().map_or_else(dash, age_ms)
}
