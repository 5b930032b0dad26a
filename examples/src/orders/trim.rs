//! `orders trim`.

use std::io::{self, Write};
use std::time::Duration;

use stream_lib::{Priority, StreamConfig};

use super::args::{PriorityArg, TrimArgs};

/// Cleans the stream once, by these settings. The settings stored with the stream
/// stay as they are.
pub(super) fn run(args: &TrimArgs) -> anyhow::Result<()> {
    let (_server, manager) = crate::connect()?;
    let report = manager.cleanup_once(&config(args))?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "removed {} lost {} left {}",
        report.removed, report.lost, report.length
    )?;
    if let Some(blocked) = report.blocked {
        writeln!(out, "{blocked}")?;
    }
    Ok(())
}

fn config(args: &TrimArgs) -> StreamConfig {
    let mut config = StreamConfig::new(&args.stream).priority(match args.priority {
        PriorityArg::Low => Priority::Low,
        PriorityArg::Normal => Priority::Normal,
        PriorityArg::High => Priority::High,
        PriorityArg::Critical => Priority::Critical,
    });
    // Priorities below high ignore it. From high on no entry is removed earlier, so a
    // shorter `max_age` has the same effect, and is no mistake on a command line.
    let min_retention_ms = args
        .min_retention_ms
        .filter(|_| config.settings().retention.priority >= Some(Priority::High));
    if let Some(age) = args.max_age_ms {
        let age = age.max(min_retention_ms.unwrap_or(0));
        config = config.max_age(Duration::from_millis(age));
    }
    if let Some(length) = args.max_length {
        config = config.max_length(length);
    }
    if let Some(age) = min_retention_ms {
        config = config.min_retention_time(Duration::from_millis(age));
    }
    if let Some(count) = args.min_retention_count {
        config = config.min_retention_count(count);
    }
    config
}
