//! `dlq redrive`, `rm`, `export` and `import`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::Path;

use stream_lib::FieldEdits;

use super::drive::drive;
use crate::act::{DeadChoice, export_dead, import_dead, redrive, remove_dead};
use crate::cli::change_args::{DeadWhich, DlqChange};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Fault, Outcome};
use crate::cli::parse::field;
use crate::words::{escaped, of};

pub(crate) fn dlq(context: &Context, change: DlqChange) -> Outcome {
    match change {
        DlqChange::Redrive {
            which,
            set,
            unset,
            rate,
            agreed,
        } => {
            let (stream, choice) = chosen(context, which)?;
            let edits = edits(&set, &unset)?;
            let plan = redrive(context.redis()?, &stream, &choice, &edits);
            drive(context, plan.map(|plan| plan.at_most(rate)), agreed)
        }
        DlqChange::Rm { which, agreed } => {
            let (stream, choice) = chosen(context, which)?;
            let plan = remove_dead(context.redis()?, &stream, &choice);
            drive(context, plan, agreed)
        }
        DlqChange::Export { which } => {
            let (stream, choice) = chosen(context, which)?;
            export(context, &stream, &choice)
        }
        DlqChange::Import {
            of,
            file,
            limit,
            agreed,
        } => {
            let lines = lines(file.as_deref())?;
            let plan = import_dead(context.redis()?, &of.name, lines, limit);
            drive(context, plan, agreed)
        }
    }
}

fn chosen(context: &Context, which: DeadWhich) -> Outcome<(String, DeadChoice)> {
    let since = which.since.map(|since| context.since(since)).transpose()?;
    let choice = DeadChoice {
        ids: which.ids,
        reason: which.reason,
        group: which.group,
        kind: which.kind,
        newest: which.newest,
        limit: which.limit,
        until: which.until,
        since,
    };
    Ok((which.of.name, choice))
}

fn edits(set: &[String], unset: &[String]) -> Outcome<FieldEdits> {
    let mut edits = FieldEdits::new();
    for text in set {
        let (name, value) = field(text)?;
        edits = edits.set(name, value);
    }
    for name in unset {
        edits = edits.remove(name);
    }
    Ok(edits)
}

/// Writes dead letters as lines of JSON. A closed pipe is no error.
fn export(context: &Context, stream: &str, choice: &DeadChoice) -> Outcome {
    let redis = context.redis()?;
    let mut count = 0;
    let mut out = io::stdout().lock();
    for line in export_dead(redis, stream, choice, context.globals.show_sensitive)? {
        writeln!(out, "{}", escaped(&line?.to_string()))?;
        count += 1;
    }
    out.flush()?;
    context.output.note(&format!(
        "streamctl: wrote {}",
        of(count, "dead letter", "dead letters")
    ));
    Ok(Exit::Done)
}

/// The lines of a file, or of standard input.
pub(super) fn lines(file: Option<&Path>) -> Outcome<Vec<String>> {
    let unread = |e: io::Error| Fault::usage(format!("can't read the lines: {e}"));
    let reader: Box<dyn BufRead> = match file {
        Some(path) if path.as_os_str() != "-" => {
            let opened = File::open(path);
            let opened =
                opened.map_err(|e| Fault::usage(format!("can't read {}: {e}", path.display())))?;
            Box::new(BufReader::new(opened))
        }
        _ if io::stdin().is_terminal() => {
            let text = "lines of JSON are read from standard input, which is a terminal here";
            return Err(Fault::usage(text));
        }
        _ => Box::new(io::stdin().lock()),
    };
    reader.lines().map(|line| line.map_err(unread)).collect()
}
