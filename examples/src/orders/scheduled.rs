//! `orders scheduled`.

use std::io::{self, Write};
use std::time::UNIX_EPOCH;

use serde::Serialize;
use stream_lib::{Scheduled, ScheduledMessage};

use super::args::{ScheduledAction, ScheduledArgs, ScheduledSelection};

/// Page by page, so that no number of them is too large.
const PAGE: usize = 100;

pub(super) fn run(args: &ScheduledArgs) -> anyhow::Result<()> {
    let (ScheduledAction::List(selection) | ScheduledAction::Cancel(selection)) = &args.action;
    let ScheduledSelection { stream, limit } = selection;
    let limit = limit.unwrap_or(usize::MAX);
    let (_server, manager) = crate::connect()?;
    let scheduled = manager.scheduled(stream)?;
    match args.action {
        ScheduledAction::List(_) => list(&scheduled, limit),
        ScheduledAction::Cancel(_) => cancel(&scheduled, limit),
    }
}

fn list(scheduled: &Scheduled, limit: usize) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let (mut left, mut last) = (limit, None);
    while left > 0 {
        let mut page = scheduled.list_after(last.as_ref(), left.min(PAGE))?;
        left -= page.len();
        for message in &page {
            print(&mut out, message)?;
        }
        let Some(end) = page.pop() else { break };
        last = Some(end);
    }
    Ok(())
}

/// Cancels orders. Those that become due meanwhile are neither cancelled nor printed.
fn cancel(scheduled: &Scheduled, limit: usize) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let mut cancelled = 0;
    while cancelled < limit {
        let page = scheduled.list((limit - cancelled).min(PAGE))?;
        if page.is_empty() {
            break;
        }
        for message in &page {
            if scheduled.cancel(message.id())? {
                cancelled += 1;
                print(&mut out, message)?;
            }
        }
    }
    writeln!(out, "cancelled {cancelled}")?;
    Ok(())
}

fn print(out: &mut impl Write, message: &ScheduledMessage) -> anyhow::Result<()> {
    writeln!(out, "{}", serde_json::to_string(&Line::from(message))?)?;
    Ok(())
}

#[derive(Debug, Serialize)]
struct Line {
    id: String,
    due_ms: Option<u128>,
    order_id: Option<String>,
}

impl From<&ScheduledMessage> for Line {
    fn from(message: &ScheduledMessage) -> Self {
        let since = |due: std::time::SystemTime| due.duration_since(UNIX_EPOCH).ok();
        Self {
            id: message.id().to_string(),
            due_ms: message.due().and_then(since).map(|time| time.as_millis()),
            order_id: message.message().get_str("order_id").map(str::to_owned),
        }
    }
}
