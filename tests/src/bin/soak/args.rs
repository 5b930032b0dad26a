//! The command line.

use std::time::Duration;

use clap::Parser;

use super::redis::Topology;

/// Runs a group of workers under random faults, and checks that no order is lost.
#[derive(Debug, Parser)]
#[command(name = "soak")]
pub(super) struct Args {
    /// Duration of the faults, in minutes.
    #[arg(long, default_value_t = 1.0, value_parser = minutes)]
    pub(super) minutes: f64,
    /// Repeats the random decisions of an earlier run, at slightly different times.
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Threads that add orders.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    pub(super) producers: u8,
    /// Orders that each of them adds per second, without bursts.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) rate: u32,
    /// Worker processes at a time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..))]
    pub(super) processes: u8,
    /// Never sets the server's clock. By default it is set, if there is a C compiler to
    /// build the library that does so.
    #[arg(long)]
    pub(super) steady_clock: bool,
    /// The servers: one, a master with replicas and sentinels, or a cluster; the last two
    /// have faults of their own.
    #[arg(long, value_enum, default_value_t = Topology::One)]
    pub(super) topology: Topology,
    /// Lease of the workers, in milliseconds.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(100..))]
    pub(super) lease_ms: u32,
}

impl Args {
    pub(super) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0)
    }

    pub(super) fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms.into())
    }
}

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(minutes) if (0.01..=100_000.0).contains(&minutes) => Ok(minutes),
        _ => Err("must be a number of minutes, at least 0.01".to_owned()),
    }
}
