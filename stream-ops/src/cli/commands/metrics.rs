//! `metrics`: facts in the format of Prometheus.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::json;

use crate::cli::args::Metrics;
use crate::cli::context::{Context, pause};
use crate::cli::exit::{Exit, Fault, Outcome};
use crate::cli::output::{Form, Report};
use crate::observe::History;
use crate::prometheus::exposition;

pub(crate) fn run(context: &Context, args: &Metrics) -> Outcome {
    let Some(path) = &args.textfile else {
        let text = measured(context)?;
        return match context.output.form {
            Form::Table => context.output.raw(&text),
            _ => context
                .output
                .print(&Report::new("", json!({ "prometheus": text }))),
        }
        .map(|()| Exit::Done);
    };
    loop {
        match measured(context) {
            Ok(text) => write(path, &text)?,
            // Monitoring has to learn of the outage.
            Err(fault) if args.every.is_some() => {
                let history = down(&fault.text);
                write(path, &exposition(&history, &context.assess(&history)))?;
                context.output.note(&format!("streamctl: {}", fault.text));
            }
            Err(fault) => return Err(fault),
        }
        let Some(every) = args.every else {
            return Ok(Exit::Done);
        };
        pause(every);
    }
}

fn measured(context: &Context) -> Outcome<String> {
    let history = context.observe(&[])?;
    Ok(exposition(&history, &context.assess(&history)))
}

fn down(why: &str) -> History {
    let mut history = History::default();
    history.failed(0, why.to_owned());
    history
}

/// Replaces the file as a whole: a reader finds the old content or the new one.
fn write(path: &Path, text: &str) -> Outcome<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    written.map_err(|e: io::Error| {
        let _ = fs::remove_file(&beside);
        Fault::new(Exit::Failed, format!("can't write {}: {e}", path.display()))
    })
}
