//! `orders trim`: retention, once and by hand.

use std::io::{self, Write};
use std::time::Duration;

use stream_lib::{Priority, StreamConfig};

use super::args::{PriorityArg, TrimArgs};

pub(super) fn run(args: &TrimArgs) -> anyhow::Result<()> {
    let (_server, manager) = crate::connect()?;
    let report = manager.cleanup_once(&settings(args))?;
    let mut out = io::stdout().lock();
    writeln!(out, "removed {}", report.removed)?;
    if let Some(blocked) = &report.blocked {
        writeln!(out, "{blocked}")?;
    }
    Ok(())
}

fn settings(args: &TrimArgs) -> StreamConfig {
    let mut config = StreamConfig::new(&args.stream).priority(match args.priority {
        PriorityArg::Low => Priority::Low,
        PriorityArg::Normal => Priority::Normal,
        PriorityArg::High => Priority::High,
        PriorityArg::Critical => Priority::Critical,
    });
    if let Some(ms) = args.max_age_ms {
        config = config.max_age(Duration::from_millis(ms));
    }
    if let Some(entries) = args.max_length {
        config = config.max_length(entries);
    }
    if let Some(ms) = args.min_retention_ms {
        config = config.min_retention_time(Duration::from_millis(ms));
    }
    if let Some(entries) = args.min_retention_count {
        config = config.min_retention_count(entries);
    }
    config
}
