//! `doctor`: checks of servers and streams.
//!
//! *servers* checks each master, *streams* each stream. A [`Line`] is the result of one
//! check.

mod line;
mod scripts;
mod servers;
mod streams;

use serde_json::{Value, json};
use std::fmt::Write as _;

use self::line::Line;
use crate::assess::{Kind, Severity};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Report;
use crate::observe::is_of_one_stream;
use crate::server::with_causes;
use crate::words::{cut, shown};

pub(crate) fn run(context: &Context) -> Outcome {
    let redis = context.redis()?;
    let history = context.observe(&[])?;
    let assessment = context.assess(&history);
    let mut lines = servers::lines(context, redis, &history)?;
    for stream in &history.latest().streams {
        match streams::lines(redis, stream, context) {
            Err(error) if is_of_one_stream(error.kind()) => {
                let why = cut(&shown(with_causes(&error).as_bytes()), 300);
                let line = Line::good("stream", Some(&stream.name), why);
                lines.push(line.at(Severity::Warning));
            }
            checked => lines.extend(checked?),
        }
    }
    // Findings that no other line reports.
    let is_of_doctor = |kind: Kind| {
        matches!(
            kind,
            Kind::DeadLettersNearCap
                | Kind::RetentionBlocked
                | Kind::MixedVersions
                | Kind::MemoryNearlyFull
                | Kind::BackupNearlyFull
                | Kind::OutsidePartitions
        )
    };
    for finding in assessment.findings.iter().filter(|f| is_of_doctor(f.kind)) {
        lines.push(Line {
            severity: finding.severity,
            what: finding.kind.as_str(),
            about: finding.stream.clone(),
            text: format!("{} {}", finding.sentence, finding.detail)
                .trim()
                .to_owned(),
            advice: finding.advice.clone(),
        });
    }
    for (kind, what) in [
        (Kind::DeadLettersNearCap, "dead-letters-near-cap"),
        (Kind::RetentionBlocked, "retention-blocked"),
        (Kind::MixedVersions, "mixed-versions"),
    ] {
        if assessment
            .findings
            .iter()
            .all(|finding| finding.kind != kind)
        {
            lines.push(Line::good(what, None, "none"));
        }
    }
    let text: String = lines.iter().map(|line| said(context, line)).collect();
    let rows: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!({
                "severity": line.severity.as_str(),
                "what": line.what,
                "stream": line.about,
                "text": line.text,
                "advice": line.advice,
            })
        })
        .collect();
    let worst = lines.iter().map(|line| line.severity).min();
    context
        .output
        .print(&Report::new(text, json!({ "lines": rows })).with_rows("lines"))?;
    Ok(match worst {
        Some(Severity::Trouble) => Exit::Trouble,
        _ => Exit::Done,
    })
}

fn said(context: &Context, line: &Line) -> String {
    let about = line
        .about
        .as_ref()
        .map(|name| format!("{}: ", shown(name.as_bytes())));
    let text = format!(
        "{} {:<22} {}{}",
        line.severity.mark(),
        line.what,
        about.unwrap_or_default(),
        line.text
    );
    let mut said = format!("{}\n", context.output.painted(line.severity, &text));
    if let Some(advice) = &line.advice {
        let _ = writeln!(said, "  {:<22} → {advice}", "");
    }
    said
}
