//! Shows a plan, asks for consent, and carries it out.

use std::env;
use std::io::{self, IsTerminal, Write};

use serde_json::{Value, json};

use super::progress::Progress;
use crate::act::{
    By, Consent, Ended, Outcome as Result, Plan, Planned, Refused, carry_out, without_values,
};
use crate::audit::user;
use crate::cli::change_args::Agreed;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Fault, Outcome};
use crate::cli::output::{Form, Report};
use crate::words::{of, shown};

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Failed(error) => error.into(),
            Refused::NoSuch(text) => Self::no_such(text),
            Refused::Wrong(text) => Self::usage(text),
            Refused::Redis(line) => {
                let line = shown(line.as_bytes());
                Self::new(Exit::Failed, format!("Redis refuses: {line}"))
            }
        }
    }
}

/// Shows a plan, and carries it out where the user agrees.
pub(super) fn drive(context: &Context, plan: Planned, agreed: impl Into<Agreed>) -> Outcome {
    let (plan, agreed) = (plan?, agreed.into());
    if plan.is_empty() {
        let more = json!({ "dry_run": !context.globals.yes, "changed": false, "done": 0 });
        print(
            context,
            &plan,
            "Nothing was changed: there is nothing to do.",
            more,
        )?;
        let is_missing = plan.details.get("missing").and_then(Value::as_u64) > Some(0);
        return Ok(if is_missing { Exit::NoSuch } else { Exit::Done });
    }
    let consent = Consent {
        all: agreed.all,
        force_unread: agreed.force_unread,
    };
    let missing = consent.missing(&plan);
    if context.globals.yes {
        if let Some(texts) = refusal(&missing) {
            let entries = of(plan.count, plan.unit.0, plan.unit.1);
            return Err(Fault::usage(format!(
                "nothing was changed, of {entries}: {texts}"
            )));
        }
        return act(context, plan, true);
    }
    let may_ask = context.output.form == Form::Table
        && io::stdin().is_terminal()
        && io::stderr().is_terminal();
    if !may_ask || !missing.is_empty() {
        let flags: Vec<&str> = missing.iter().map(|(flag, _)| *flag).collect();
        let end = format!(
            "Nothing was changed. Act: the same with {}",
            again(&plan, &flags)
        );
        let more = json!({
            "dry_run": true,
            "changed": false,
            "done": 0,
            "needs": flags,
            "act_with": again(&plan, &flags),
        });
        print(context, &plan, &end, more)?;
        return Ok(Exit::Done);
    }
    context
        .output
        .raw(&format!("{}\n", plan.sentences.join("\n")))?;
    if !is_agreed(&plan)? {
        context.output.raw("Nothing was changed.\n")?;
        return Ok(Exit::Done);
    }
    act(context, plan, false)
}

/// The flags with which the same command acts on the same entries.
fn again(plan: &Plan, flags: &[&str]) -> String {
    let given: Vec<String> = env::args().collect();
    let mut words = Vec::new();
    for (flag, value) in plan.begin.iter().chain(&plan.bound) {
        let is_given = given
            .windows(2)
            .any(|pair| pair == [(*flag).to_owned(), value.clone()])
            || given.contains(&format!("{flag}={value}"));
        if !is_given {
            words.push(format!("{flag} {value}"));
        }
    }
    words.extend(flags.iter().map(|flag| (*flag).to_owned()));
    words.push("--yes".to_owned());
    words.join(" ")
}

fn refusal(missing: &[(&'static str, String)]) -> Option<String> {
    let texts: Vec<&str> = missing.iter().map(|(_, text)| text.as_str()).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

fn is_agreed(plan: &Plan) -> Outcome<bool> {
    let mut err = io::stderr();
    write!(
        err,
        "{}: do it? [y/N] ",
        of(plan.count, plan.unit.0, plan.unit.1)
    )?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn act(context: &Context, plan: Plan, with_plan: bool) -> Outcome {
    let redis = context.redis()?;
    let by = By {
        who: user(),
        program: format!("streamctl {}", env!("CARGO_PKG_VERSION")),
        command: format!("streamctl {}", without_values(env::args().skip(1))),
    };
    let (mut json, sentences) = (plan.json(), plan.sentences.clone());
    context.end_between_steps();
    let mut progress = Progress::new(plan.count, context.output.is_quiet);
    let outcome = carry_out(
        plan,
        redis,
        &by,
        &|| context.is_interrupted(),
        &mut |done, _| progress.at(done),
    );
    progress.end();
    if let Some(why) = &outcome.unaudited {
        let why = shown(why.as_bytes());
        context
            .output
            .note(&format!("streamctl: the audit has no note of it: {why}"));
    }
    for (name, flag) in [("dry_run", false), ("changed", outcome.done > 0)] {
        json.insert(name.to_owned(), flag.into());
    }
    json.extend(outcome.json());
    let mut text = String::new();
    if with_plan {
        text.push_str(&sentences.join("\n"));
        text.push('\n');
    }
    text.push_str(&shown_lines(&outcome.sentence));
    let printed = context
        .output
        .print(&Report::new(text, Value::Object(json)));
    match printed {
        // A closed pipe doesn't change the outcome.
        Err(fault) if fault.exit != Exit::Done => Err(fault),
        _ => Ok(exit(&outcome)),
    }
}

fn exit(outcome: &Result) -> Exit {
    match &outcome.ended {
        Ended::Through if outcome.is_whole() => Exit::Done,
        Ended::Cancelled => Exit::Interrupted,
        Ended::Failed(error) if outcome.done == 0 => Fault::from(error.clone()).exit,
        Ended::Through | Ended::Failed(_) | Ended::Refused(_) => Exit::Failed,
    }
}

/// Escapes each line: the text of a server's error may hold anything.
fn shown_lines(text: &str) -> String {
    let lines = text.lines().map(|line| shown(line.as_bytes()));
    lines.collect::<Vec<_>>().join("\n")
}

fn print(context: &Context, plan: &Plan, end: &str, more: Value) -> Outcome<()> {
    let text = format!("{}\n{end}\n", plan.sentences.join("\n"));
    let mut json = plan.json();
    if let Value::Object(more) = more {
        json.extend(more);
    }
    context
        .output
        .print(&Report::new(text, Value::Object(json)))
}
