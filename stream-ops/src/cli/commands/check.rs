//! `check`: for monitoring.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::assess::{Assessment, Severity, State};
use crate::cli::args::{Check, CheckForm};
use crate::cli::context::{Context, no_group};
use crate::cli::exit::{Exit, Fault, Outcome};
use crate::cli::output::{Form, Report};
use crate::observe::{GroupFacts, History, StreamFacts};
use crate::prometheus::exposition;
use crate::words::{age, age_ms, count, escaped, of, shown};

/// A problem of a stream, a group or a server.
struct Problem {
    severity: Severity,
    what: String,
    reasons: Vec<String>,
}

pub(crate) fn run(context: &Context, args: &Check) -> Outcome {
    match look(context, args) {
        Ok((history, assessment, problems)) => {
            tell(context, args, &history, &assessment, &problems)
        }
        // Nagios expects a line in any case.
        Err(Fault { text, exit }) if args.format == CheckForm::Nagios && !text.is_empty() => {
            let line = text.replace('\n', " ");
            context.output.raw(&format!("UNKNOWN: {line}\n"))?;
            debug_assert_ne!(exit, Exit::Done, "an error ends with one");
            Ok(Exit::Nagios(3))
        }
        Err(fault) => Err(fault),
    }
}

fn look(context: &Context, args: &Check) -> Outcome<(History, Assessment, Vec<Problem>)> {
    let named: Vec<String> = args.name.iter().cloned().collect();
    let history = context.observe(&named)?;
    if let Some(name) = &args.name {
        let facts = context.existing(&history, name)?;
        if let Some(group) = &args.group
            && facts.group(group).is_none()
        {
            return Err(no_group(name, group));
        }
    }
    let assessment = context.assess(&history);
    let problems = problems(&history, &assessment, args);
    Ok((history, assessment, problems))
}

fn problems(history: &History, assessment: &Assessment, args: &Check) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for stream in &history.latest().streams {
        let name = shown(stream.name.as_bytes());
        if args.max_dead.is_some_and(|most| stream.dead > most) {
            let most = args.max_dead.unwrap_or(0);
            problems.push(Problem {
                severity: Severity::Trouble,
                what: name.clone(),
                reasons: vec![format!(
                    "{} dead letters (at most {})",
                    count(stream.dead),
                    count(most)
                )],
            });
        }
        for group in &stream.groups {
            if args.group.as_ref().is_some_and(|only| *only != group.name) {
                continue;
            }
            let what = format!("{name}/{}", shown(group.name.as_bytes()));
            let mut reasons = passed(stream, group, args);
            let mut severity = if reasons.is_empty() {
                Severity::Calm
            } else {
                Severity::Trouble
            };
            let found = assessment.group(&stream.name, &group.name);
            if let Some(found) = found.filter(|found| found.state.severity() < Severity::Note) {
                severity = severity.min(found.state.severity());
                // The state `NoProcess` is also the first cause.
                if reasons.is_empty() && found.state != State::NoProcess {
                    reasons.push(found.state.words().to_owned());
                }
                let causes = found.causes.iter();
                reasons.extend(causes.map(|cause| cause_in_words(cause.as_str()).to_owned()));
            }
            if severity < Severity::Note {
                problems.push(Problem {
                    severity,
                    what,
                    reasons,
                });
            }
        }
    }
    // Problems of streams and servers.
    let others = assessment
        .findings
        .iter()
        .filter(|finding| finding.group.is_none() && finding.severity < Severity::Note);
    problems.extend(others.map(|finding| {
        let what = finding.stream.as_ref();
        let what = what.map_or_else(|| "Redis".to_owned(), |s| shown(s.as_bytes()));
        let said = finding.sentence.trim_end_matches('.');
        let said = said.strip_prefix(&format!("{what} ")).unwrap_or(said);
        Problem {
            severity: finding.severity,
            reasons: vec![said.to_owned()],
            what,
        }
    }));
    problems.sort_by_key(|problem| problem.severity);
    problems
}

/// The limits that a group has passed.
fn passed(stream: &StreamFacts, group: &GroupFacts, args: &Check) -> Vec<String> {
    let mut reasons = Vec::new();
    if let (Some(most), Some(unread)) = (args.max_unread, group.unread)
        && unread > most
    {
        reasons.push(format!(
            "{} unread (at most {})",
            count(unread),
            count(most)
        ));
    }
    if let (Some(most), Some(at)) = (args.max_oldest, group.oldest_unread_ms)
        && group.unread != Some(0)
    {
        let oldest = stream.at_ms.saturating_sub(at);
        if u128::from(oldest) > most.as_millis() {
            reasons.push(format!(
                "oldest unread {} (at most {})",
                age_ms(oldest),
                age(most)
            ));
        }
    }
    if let Some(most) = args.max_pending
        && group.pending > most
    {
        reasons.push(format!(
            "{} pending (at most {})",
            count(group.pending),
            count(most)
        ));
    }
    reasons
}

fn cause_in_words(cause: &str) -> &str {
    match cause {
        "no-process" => "no process alive",
        "suspect" => "a suspect entry",
        "handlers-fail" => "handlers fail",
        "handlers-slow" => "handlers are slow",
        "too-little-capacity" => "too little capacity",
        other => other,
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Trouble => "CRITICAL",
        Severity::Warning => "WARNING",
        Severity::Note | Severity::Calm => "OK",
    }
}

fn tell(
    context: &Context,
    args: &Check,
    history: &History,
    assessment: &Assessment,
    problems: &[Problem],
) -> Outcome {
    let worst = problems
        .first()
        .map_or(Severity::Calm, |problem| problem.severity);
    let is_json = args.format == CheckForm::Json || context.output.form != Form::Table;
    match args.format {
        CheckForm::Prometheus => context.output.raw(&exposition(history, assessment))?,
        CheckForm::Nagios => {
            let lines: Vec<String> = problems.iter().map(said).collect();
            let (unread, pending) = sums(history);
            let what = if lines.is_empty() {
                all_well(assessment)
            } else {
                lines.join(" | ").replace('|', ",")
            };
            context.output.raw(&format!(
                "{}: {what} | unread={unread} pending={pending} problems={}\n",
                word(worst),
                problems.len()
            ))?;
            return Ok(Exit::Nagios(match worst {
                Severity::Trouble => 2,
                Severity::Warning => 1,
                Severity::Note | Severity::Calm => 0,
            }));
        }
        CheckForm::Text | CheckForm::Json => {
            let mut text = String::new();
            for problem in problems {
                let _ = writeln!(text, "{} {}", word(problem.severity), said(problem));
            }
            if problems.is_empty() {
                text = format!("OK {}\n", all_well(assessment));
            }
            let report = Report::new(text, json_of(worst, problems)).with_rows("problems");
            if is_json && context.output.form == Form::Table {
                let object = Value::Object(report.json);
                let line = escaped(&object.to_string());
                context.output.raw(&format!("{line}\n"))?;
            } else {
                context.output.print(&report)?;
            }
        }
    }
    Ok(match worst {
        Severity::Trouble => Exit::Trouble,
        _ => Exit::Done,
    })
}

fn json_of(worst: Severity, problems: &[Problem]) -> Value {
    let problems: Vec<Value> = problems
        .iter()
        .map(|problem| {
            json!({
                "status": word(problem.severity),
                "what": problem.what,
                "reasons": problem.reasons,
            })
        })
        .collect();
    json!({ "status": word(worst), "problems": problems })
}

fn said(problem: &Problem) -> String {
    format!("{}: {}", problem.what, problem.reasons.join("; "))
}

fn all_well(assessment: &Assessment) -> String {
    let groups: usize = assessment.streams.iter().map(|s| s.groups.len()).sum();
    let streams = of(assessment.streams.len() as u64, "stream", "streams");
    format!("{streams}, {}", of(groups as u64, "group", "groups"))
}

fn sums(history: &History) -> (u64, u64) {
    let groups = || history.latest().streams.iter().flat_map(|s| &s.groups);
    let unread = groups().filter_map(|group| group.unread).sum();
    (unread, groups().map(|group| group.pending).sum())
}
