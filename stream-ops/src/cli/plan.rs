//! Changes: planned, shown, asked about, made in steps, and noted in the audit.
//!
//! All commands that change or remove entries go this way. Nothing is done without
//! `--yes`, or a yes on a terminal. A plan names the entries that it is for: what comes
//! later is not touched. An interruption ends the step that goes on, and the result says
//! how far it came.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};

use super::args::Bounds;
use super::context::Context;
use super::exit::{Exit, Fault, Outcome};
use super::output::{Form, Report};
use crate::audit::{Change, note};
use crate::words::{count, of, shown};

/// How many entries one step changes.
const CHUNK: usize = 50;

/// More than this needs `--all` or `--limit`.
const MANY: usize = 1_000;

/// When progress begins to show.
const SHOW_AFTER: Duration = Duration::from_millis(500);

/// What would be done.
#[derive(Debug)]
pub(crate) struct Plan<T> {
    /// The command, such as `dlq redrive`.
    pub(crate) action: &'static str,
    pub(crate) stream: String,
    /// The group; may be empty.
    pub(crate) group: String,
    /// What it is done to, each by itself.
    pub(crate) items: Vec<T>,
    /// What would be done, in sentences; begins with "Would".
    pub(crate) said: String,
    /// How it is said that it was done.
    pub(crate) done: Done,
    /// What the command line has to have, too, so that it acts on the same.
    pub(crate) again: Option<String>,
    /// More about it, for programs.
    pub(crate) json: Map<String, Value>,
    /// Which ones, for the audit; may be empty.
    pub(crate) which: String,
    /// Why `--force-unread` is needed, where it is.
    pub(crate) loses: Option<String>,
}

/// How it is said that something was done: "Moved 2 entries to the dead letters."
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) did: &'static str,
    pub(crate) one: &'static str,
    pub(crate) many: &'static str,
    /// What follows; may be empty.
    pub(crate) end: &'static str,
}

impl Done {
    pub(crate) const fn new(did: &'static str, one: &'static str, many: &'static str) -> Self {
        Self {
            did,
            one,
            many,
            end: "",
        }
    }

    fn said(self, number: usize) -> String {
        let what = of(number as u64, self.one, self.many);
        format!("{} {what}{}.", self.did, self.end)
    }
}

/// What came of one step.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Step {
    /// With how many it was done.
    pub(crate) done: usize,
    /// With how many it wasn't: they are gone, or somebody else has them.
    pub(crate) left: usize,
}

impl Step {
    pub(crate) fn all(done: usize) -> Self {
        Self { done, left: 0 }
    }
}

/// Shows a plan; carries it out where the user wishes so.
pub(crate) fn carry_out<T>(
    context: &Context,
    plan: &Plan<T>,
    bounds: &Bounds,
    mut step: impl FnMut(&[T]) -> Outcome<Step>,
) -> Outcome {
    let number = plan.items.len();
    if number == 0 {
        return tell(
            context,
            plan,
            "Nothing was changed: there is nothing to do.",
            None,
        );
    }
    if let Some(loses) = &plan.loses
        && !bounds.force_unread
    {
        tell(context, plan, "Nothing was changed.", None)?;
        return Err(Fault::usage(format!(
            "{loses}; if that is what you want, add --force-unread"
        )));
    }
    if number > MANY && !bounds.all && bounds.limit.is_none() {
        tell(context, plan, "Nothing was changed.", None)?;
        return Err(Fault::usage(format!(
            "{} are more than {}: add --all, or try a few first with --limit",
            count(number as u64),
            count(MANY as u64)
        )));
    }
    if !context.globals.yes && !asked(context, plan)? {
        let again = match &plan.again {
            Some(again) => format!("the same with {again} --yes"),
            None => "the same with --yes".to_owned(),
        };
        return tell(
            context,
            plan,
            &format!("Nothing was changed. Act: {again}"),
            None,
        );
    }
    context.end_between_steps();
    let progress = Progress::new(number as u64, context.output.is_quiet);
    let mut sum = Step::default();
    let mut failure = None;
    for chunk in plan.items.chunks(CHUNK) {
        if context.is_interrupted() {
            failure = Some(Fault::new(Exit::Interrupted, "interrupted"));
            break;
        }
        match step(chunk) {
            Ok(report) => {
                sum.done += report.done;
                sum.left += report.left;
                progress.at((sum.done + sum.left) as u64);
            }
            Err(fault) => {
                failure = Some(fault);
                break;
            }
        }
    }
    progress.end();
    keep_note(context, plan, sum, failure.as_ref());
    finish(context, plan, sum, failure)
}

/// Ids for the audit: the first ones, and how many more there are.
pub(crate) fn ids_in_words<I: ToString>(ids: &[I]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<String> = ids.iter().take(SHOWN).map(ToString::to_string).collect();
    let mut text = shown.join(" ");
    if ids.len() > SHOWN {
        let _ = write!(text, " and {} more", ids.len() - SHOWN);
    }
    text
}

/// Asks on a terminal. Returns false where there is none.
fn asked<T>(context: &Context, plan: &Plan<T>) -> Outcome<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    let mut err = io::stderr();
    if context.output.form != Form::Table || !io::stdout().is_terminal() {
        writeln!(err, "{}", plan.said)?;
    } else {
        context.output.raw(&format!("{}\n", plan.said))?;
    }
    write!(err, "Do it? [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}

fn finish<T>(context: &Context, plan: &Plan<T>, sum: Step, failure: Option<Fault>) -> Outcome {
    let mut text = plan.done.said(sum.done);
    if sum.left > 0 {
        let _ = write!(
            text,
            " {} were left: they are gone meanwhile, or a living consumer holds them.",
            count(sum.left as u64)
        );
    }
    let Some(fault) = failure else {
        let exit = if sum.left > 0 {
            Exit::Failed
        } else {
            Exit::Done
        };
        return tell(context, plan, &text, Some(sum)).map(|_| exit);
    };
    let rest = plan.items.len() - sum.done - sum.left;
    let _ = write!(
        text,
        " Stopped: {} of {} were not reached; run it again for them.",
        count(rest as u64),
        count(plan.items.len() as u64)
    );
    tell(context, plan, &text, Some(sum))?;
    let exit = match fault.exit {
        Exit::Interrupted => Exit::Interrupted,
        Exit::Unreached => Exit::Unreached,
        _ => Exit::Failed,
    };
    Err(Fault::new(exit, fault.text))
}

/// The change stands whether it could be noted or not.
fn keep_note<T>(context: &Context, plan: &Plan<T>, sum: Step, failure: Option<&Fault>) {
    let mut detail = plan.done.said(sum.done);
    if !plan.which.is_empty() {
        let _ = write!(detail, " {}", plan.which);
    }
    if let Some(fault) = failure {
        let _ = write!(detail, " Stopped: {}", fault.text);
    }
    let change = Change {
        who: None,
        action: plan.action,
        stream: &plan.stream,
        group: &plan.group,
        done: sum.done as u64,
        detail: &detail,
    };
    let noted = context.redis().map(|redis| note(redis, &change));
    let problem = match noted {
        Ok(Ok(None)) => return,
        Ok(Ok(Some(line))) => line,
        Ok(Err(e)) => e.to_string(),
        Err(fault) => fault.text,
    };
    context.output.note(&format!(
        "streamctl: the change could not be noted in the audit: {}",
        shown(problem.as_bytes())
    ));
}

fn tell<T>(context: &Context, plan: &Plan<T>, end: &str, sum: Option<Step>) -> Outcome {
    let text = match (sum, context.globals.yes) {
        // The plan was shown when it was asked about.
        (Some(_), false) => format!("{end}\n"),
        _ => format!("{}\n{end}\n", plan.said),
    };
    let mut object = json!({
        "action": plan.action,
        "stream": plan.stream,
        "group": (!plan.group.is_empty()).then_some(&plan.group),
        "planned": plan.items.len(),
        "plan": plan.said,
        "changed": sum.is_some_and(|sum| sum.done > 0),
        "done": sum.map(|sum| sum.done),
        "left": sum.map(|sum| sum.left),
        "again": plan.again,
    });
    if let Value::Object(object) = &mut object {
        object.extend(plan.json.clone());
    }
    context.output.print(&Report::new(text, object))?;
    Ok(Exit::Done)
}

/// A bar on standard error, once it takes a while.
struct Progress {
    began: Instant,
    bar: ProgressBar,
    is_quiet: bool,
}

impl Progress {
    fn new(number: u64, is_quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(number), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len}, {eta} left") {
            bar.set_style(style);
        }
        Self {
            began: Instant::now(),
            bar,
            is_quiet,
        }
    }

    fn at(&self, done: u64) {
        if self.bar.is_hidden() && !self.is_quiet && self.began.elapsed() >= SHOW_AFTER {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(done);
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// Changes that are one step: made at once, after the same questions.
pub(crate) fn at_once(
    context: &Context,
    plan: &Plan<()>,
    bounds: &Bounds,
    change: impl Fn() -> Outcome<bool>,
) -> Outcome {
    carry_out(context, plan, bounds, |_| {
        Ok(if change()? {
            Step::all(1)
        } else {
            Step { done: 0, left: 1 }
        })
    })
}
