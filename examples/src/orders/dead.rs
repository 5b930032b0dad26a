//! `orders dead`.

use std::io::{self, Write};
use std::time::UNIX_EPOCH;

use anyhow::bail;
use serde::Serialize;
use stream_lib::{DeadLetter, DeadLetters};

use super::args::{DeadAction, DeadArgs, DeadSelection};

pub(super) fn run(args: &DeadArgs) -> anyhow::Result<()> {
    let (DeadAction::List(selection) | DeadAction::Redrive(selection)) = &args.action;
    let DeadSelection { stream, limit } = selection;
    let limit = limit.unwrap_or(usize::MAX);
    let (_server, manager) = crate::connect()?;
    let dead = manager.dead_letters(stream)?;
    match args.action {
        DeadAction::List(_) => list(&dead, limit),
        DeadAction::Redrive(_) => redrive(&dead, limit),
    }
}

/// Page by page, so that no number of them is too large.
fn list(dead: &DeadLetters, limit: usize) -> anyhow::Result<()> {
    const PAGE: usize = 100;
    let mut out = io::stdout().lock();
    let (mut left, mut after) = (limit, None);
    while left > 0 {
        let page = dead.list_from(after, left.min(PAGE))?;
        let Some(last) = page.last() else { break };
        after = Some(last.letter_id());
        left -= page.len();
        for letter in &page {
            writeln!(out, "{}", serde_json::to_string(&Line::from(letter))?)?;
        }
    }
    Ok(())
}

fn redrive(dead: &DeadLetters, limit: usize) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{} dead letters", dead.count()?)?;
    let report = dead.redrive_some(limit)?;
    writeln!(out, "redriven {}", report.redriven)?;
    if report.without_body > 0 {
        bail!(
            "{} stay, since their fields were too large to be kept",
            report.without_body
        );
    }
    Ok(())
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    id: String,
    original_id: String,
    group: &'a str,
    consumer: &'a str,
    deliveries: u64,
    redrives: u32,
    reason: &'a str,
    error: &'a str,
    time_ms: u128,
    fields: Vec<[String; 2]>,
}

impl<'a> From<&'a DeadLetter> for Line<'a> {
    fn from(letter: &'a DeadLetter) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let fields = letter.message().iter();
        Self {
            id: letter.letter_id().to_string(),
            original_id: letter.original_id().to_string(),
            group: letter.group(),
            consumer: letter.consumer(),
            deliveries: letter.deliveries(),
            redrives: letter.redrives(),
            reason: letter.reason(),
            error: letter.error(),
            time_ms: letter
                .time()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |time| time.as_millis()),
            fields: fields
                .map(|(name, value)| [text(name), text(value)])
                .collect(),
        }
    }
}
