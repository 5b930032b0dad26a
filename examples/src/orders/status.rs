//! `orders status`.

use std::io::{self, Write};

use serde::Serialize;
use stream_lib::StreamStats;

use super::args::StatusArgs;

pub(super) fn run(args: &StatusArgs) -> anyhow::Result<()> {
    let (_server, manager) = crate::connect()?;
    let status = Status::from(manager.stream_stats(&args.stream)?);
    writeln!(io::stdout(), "{}", serde_json::to_string(&status)?)?;
    Ok(())
}

#[derive(Debug, Serialize)]
struct Status {
    length: u64,
    backup: u64,
    dead: u64,
    scheduled: u64,
    /// 0 for a stream without partitions.
    partitions: u16,
    groups: Vec<GroupStatus>,
}

#[derive(Debug, Serialize)]
struct GroupStatus {
    name: String,
    unread: Option<u64>,
    pending: u64,
    waiting: u64,
    consumers: u64,
}

impl From<StreamStats> for Status {
    fn from(stats: StreamStats) -> Self {
        let groups = stats.groups.into_iter().map(|group| GroupStatus {
            name: group.name,
            unread: group.unread,
            pending: group.pending,
            waiting: group.waiting,
            consumers: group.consumers,
        });
        Self {
            length: stats.length,
            backup: stats.backup,
            dead: stats.dead,
            scheduled: stats.scheduled,
            partitions: stats.partitions.unwrap_or(0),
            groups: groups.collect(),
        }
    }
}
