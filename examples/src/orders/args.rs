//! The command line.
#![expect(clippy::doc_markdown, reason = "these comments are the help texts")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const SERVER: &str = "\
The server is the one that REDIS_URL names (redis://[user:password@]host[:port][/db],
rediss://…, unix:///path, redis-sentinel://…?master=name), else a private one that is
started for the run and gone after it. RUST_LOG=info or debug shows more of what happens.";

/// Orders through a Redis stream, produced and worked on.
#[derive(Debug, Parser)]
#[command(name = "orders", version, after_help = SERVER)]
pub struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Produce(ProduceArgs),
    Work(WorkArgs),
    Status(StatusArgs),
    Dead(DeadArgs),
    Scheduled(ScheduledArgs),
    Trim(TrimArgs),
}

/// Adds orders PREFIX-0 to PREFIX-(N-1) to the stream.
///
/// Each order that fails is named on standard error, and stops no other. The last line is
/// `produced X main Y backup Z spooled`, where those that are scheduled count as main. The exit status is 0 if no order failed.
#[derive(Debug, Args)]
pub(super) struct ProduceArgs {
    /// How many orders.
    #[arg(long, value_name = "N")]
    pub(super) count: u64,
    /// What their names begin with.
    #[arg(long, value_name = "P", default_value = "P")]
    pub(super) prefix: String,
    /// How many threads add them, taking turns: of 2, one adds 0, 2, 4 …, the other 1, 3, 5 …,
    /// each in this order.
    #[arg(long, value_name = "T", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub(super) threads: u16,
    /// How many orders a thread sends at once, 1 to 1000.
    #[arg(long, value_name = "B", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(super) batch: u16,
    /// How many orders all threads together add in a second; without it, as many as they can.
    #[arg(long, value_name = "PER_SEC", value_parser = rate)]
    pub(super) rate: Option<f64>,
    /// Straight to the stream, or by way of a backup stream when that is full.
    #[arg(long, value_enum, default_value_t = ProducerKind::Simple)]
    pub(super) producer: ProducerKind,
    /// How many orders the stream keeps, and how many may wait in it before a backup producer
    /// sends them to the backup stream [default: 1000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_length: Option<u64>,
    /// How many partitions the stream has, a power of two, 1 to 256; noted with the stream where
    /// it has none yet.
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) partitions: Option<u16>,
    /// How many customers order: order I is that of customer I mod K, and keyed by it, so that
    /// each customer's orders stay in their order. Without it, each order has a customer of its
    /// own, and no key.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) keys: Option<u64>,
    /// Schedules each order so many ms later. Such orders are never spooled.
    #[arg(long, value_name = "MS")]
    pub(super) in_ms: Option<u64>,
    /// A directory that keeps orders while Redis is away.
    #[arg(long, value_name = "DIR")]
    pub(super) spool_dir: Option<PathBuf>,
    /// The stream.
    #[arg(long, value_name = "S", default_value = "orders")]
    pub(super) stream: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProducerKind {
    Simple,
    Backup,
}

/// Works on orders, as one member of a consumer group.
///
/// It also moves orders on from the backup stream, so that they need no producer any more,
/// unless --no-drain says otherwise.
///
/// SIGTERM and SIGINT (Ctrl-C) stop it gracefully: running handlers end, the rest is given back.
/// A second one stops it at once. The last line is `completed C failed F dead D released R`.
/// The exit status is 0 after a graceful stop.
#[derive(Debug, Args)]
pub(super) struct WorkArgs {
    /// How many threads run the handler.
    #[arg(long, value_name = "W", default_value_t = 4)]
    pub(super) workers: usize,
    /// How long the handler takes for an order, in ms.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(super) handler_ms: u64,
    /// The handler fails at the first attempt of orders whose number K divides.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) fail_every: Option<u64>,
    /// The handler panics at the first attempt of orders whose number K divides.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) panic_every: Option<u64>,
    /// The handler fails at this order, every time. May be repeated.
    #[arg(long, value_name = "ID")]
    pub(super) fail_on: Vec<String>,
    /// The handler panics at this order, every time. May be repeated.
    #[arg(long, value_name = "ID")]
    pub(super) panic_on: Vec<String>,
    /// The whole process aborts at this order, every time. May be repeated.
    #[arg(long, value_name = "ID")]
    pub(super) abort_on: Vec<String>,
    /// How often an order is tried before it goes to the dead letters, at least 2.
    #[arg(long, value_name = "D", default_value_t = 10)]
    pub(super) max_deliveries: u32,
    /// How long the orders of a process that died stay with it, in ms, at least 100.
    #[arg(long, value_name = "L", default_value_t = 30_000)]
    pub(super) lease_ms: u64,
    /// The wait after a first failure, in ms; it doubles with each further one.
    #[arg(long, value_name = "B", default_value_t = 1_000)]
    pub(super) backoff_ms: u64,
    /// How long a stop waits for running handlers, in ms.
    #[arg(long, value_name = "G", default_value_t = 25_000)]
    pub(super) grace_ms: u64,
    /// How many orders all workers of the group together begin in a second; without it, as many
    /// as they can.
    #[arg(long, value_name = "PER_SEC", value_parser = rate)]
    pub(super) rate: Option<f64>,
    /// A stream that gets an order of the same id for each order, in one step with its
    /// acknowledgement.
    #[arg(long, value_name = "STREAM")]
    pub(super) emit: Option<String>,
    /// Leaves orders in the backup stream to others.
    #[arg(long)]
    pub(super) no_drain: bool,
    /// How many orders one read asks for at most.
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub(super) read_count: usize,
    /// The consumer group [default: the stream's name and `_group`, so orders_group].
    #[arg(long, value_name = "G")]
    pub(super) group: Option<String>,
    /// The consumer's label in Redis, followed there by random characters [default: host and
    /// process id].
    #[arg(long, value_name = "NAME")]
    pub(super) consumer: Option<String>,
    /// A file that gets one line for each order after its handler succeeded:
    /// order_id<TAB>attempt<TAB>consumer.
    #[arg(long, value_name = "FILE")]
    pub(super) done: Option<PathBuf>,
    /// Stops gracefully after so many ms with nothing read, running, buffered or waiting for
    /// retry. Without it, only a signal does.
    #[arg(long, value_name = "MS")]
    pub(super) exit_when_idle: Option<u64>,
    /// The stream.
    #[arg(long, value_name = "S", default_value = "orders")]
    pub(super) stream: String,
}

/// Prints the state of the stream as one JSON object.
///
/// Its fields: length, backup, dead, scheduled, and groups, each with name, unread, pending, waiting and
/// consumers. `unread` is null where Redis can't say.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// The stream.
    #[arg(long, value_name = "S", default_value = "orders")]
    pub(super) stream: String,
}

/// Lists the dead letters, or puts them back into the stream.
#[derive(Debug, Args)]
pub(super) struct DeadArgs {
    #[command(subcommand)]
    pub(super) action: DeadAction,
}

#[derive(Debug, Subcommand)]
pub(super) enum DeadAction {
    /// Prints the dead letters, oldest first, each as one line of JSON.
    List(DeadSelection),
    /// Puts dead letters back into the stream, oldest first, for the group that failed on them.
    /// The last line is `redriven N`.
    Redrive(DeadSelection),
}

#[derive(Debug, Args)]
pub(super) struct DeadSelection {
    /// The stream.
    #[arg(long, value_name = "S", default_value = "orders")]
    pub(super) stream: String,
    /// How many at most; without it, all.
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
}

/// Lists the orders that are scheduled, or cancels them.
#[derive(Debug, Args)]
pub(super) struct ScheduledArgs {
    #[command(subcommand)]
    pub(super) action: ScheduledAction,
}

#[derive(Debug, Subcommand)]
pub(super) enum ScheduledAction {
    /// Prints the scheduled orders, by their due times, each as one line of JSON: id, due_ms
    /// (null for one that can't be read) and order_id.
    List(ScheduledSelection),
    /// Cancels scheduled orders, those that are due first, and prints each as `list` does. The
    /// last line is `cancelled N`.
    Cancel(ScheduledSelection),
}

#[derive(Debug, Args)]
pub(super) struct ScheduledSelection {
    /// The stream.
    #[arg(long, value_name = "S", default_value = "orders")]
    pub(super) stream: String,
    /// How many at most; without it, all.
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
}

/// Removes old entries from the stream, once.
#[derive(Debug, Args)]
pub(super) struct TrimArgs {
    /// What may be removed: the higher, the less.
    #[arg(long, value_enum)]
    pub(super) priority: PriorityArg,
    /// Entries older than this are removed, in ms.
    #[arg(long, value_name = "A")]
    pub(super) max_age_ms: Option<u64>,
    /// Entries beyond this number are removed, oldest first.
    #[arg(long, value_name = "N")]
    pub(super) max_length: Option<u64>,
    /// Entries younger than this stay, in ms.
    #[arg(long, value_name = "T")]
    pub(super) min_retention_ms: Option<u64>,
    /// So many of the newest entries stay.
    #[arg(long, value_name = "C")]
    pub(super) min_retention_count: Option<u64>,
    /// The stream.
    #[arg(long, value_name = "S", default_value = "orders")]
    pub(super) stream: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PriorityArg {
    Low,
    Normal,
    High,
    Critical,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 0.001 => Ok(rate),
        _ => Err("must be a number, at least 0.001".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn rate_is_a_positive_number() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for text in ["0", "-1", "NaN", "inf", "1e-9", "fast"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
