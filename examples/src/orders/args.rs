//! The command line.
#![expect(clippy::doc_markdown, reason = "these comments are the help texts")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const SERVER: &str = "\
The server is the one that REDIS_URL names (redis://[user:password@]host[:port][/db],
rediss://…, unix:///path, redis-sentinel://…?master=name, redis-cluster://…), else a
private one that ends with the program. RUST_LOG=info or debug shows more of the log.";

/// Produces orders to a Redis stream, and works on them.
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
/// Each order that fails is named on standard error, and the others go on. The last line
/// is `produced X main Y backup Z spooled`; scheduled orders count as main. The exit
/// status is 0 if no order failed.
#[derive(Debug, Args)]
pub(super) struct ProduceArgs {
    /// Number of orders.
    #[arg(long, value_name = "N")]
    pub(super) count: u64,
    /// Prefix of their ids.
    #[arg(long, value_name = "P", default_value = "P")]
    pub(super) prefix: String,
    /// Number of threads, which take turns: of 2, one adds 0, 2, 4 …, the other 1, 3, 5
    /// …, each in this order.
    #[arg(long, value_name = "T", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub(super) threads: u16,
    /// Orders that a thread sends at once, 1 to 1000.
    #[arg(long, value_name = "B", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(super) batch: u16,
    /// Orders per second of all threads together. Defaults to as many as they can add.
    #[arg(long, value_name = "PER_SEC", value_parser = rate)]
    pub(super) rate: Option<f64>,
    /// Kind of producer: straight to the stream, or to a backup stream when the stream is
    /// full.
    #[arg(long, value_enum, default_value_t = ProducerKind::Simple)]
    pub(super) producer: ProducerKind,
    /// Most orders that the stream keeps, and backlog from which a backup producer uses
    /// the backup stream [default: 1000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_length: Option<u64>,
    /// Number of partitions of the stream, a power of two, 1 to 256; stored with a stream
    /// that has none yet.
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) partitions: Option<u16>,
    /// Number of customers: order I has the user_id I mod K, which is also its key, so
    /// that each customer's orders keep their order. Defaults to a customer per order,
    /// and no keys.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) keys: Option<u64>,
    /// Schedules each order this many ms later. Scheduled orders are never spooled.
    #[arg(long, value_name = "MS")]
    pub(super) in_ms: Option<u64>,
    /// Directory that keeps orders while Redis is away.
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

/// Works on orders, as a member of a consumer group.
///
/// It also moves orders back from the backup stream, unless --no-drain is given.
///
/// SIGTERM and SIGINT (Ctrl-C) stop it gracefully: running handlers finish, and other
/// orders are given back. A second signal stops it at once. The last line is
/// `completed C failed F dead D released R`. The exit status is 0 after a graceful stop.
#[derive(Debug, Args)]
pub(super) struct WorkArgs {
    /// Number of threads that run the handler.
    #[arg(long, value_name = "W", default_value_t = 4)]
    pub(super) workers: usize,
    /// Duration of the handler for an order, in ms.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(super) handler_ms: u64,
    /// Fails the first attempt of each order whose number is divisible by K.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) fail_every: Option<u64>,
    /// Panics at the first attempt of each order whose number is divisible by K.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) panic_every: Option<u64>,
    /// Fails at this order, every time. May be repeated.
    #[arg(long, value_name = "ID")]
    pub(super) fail_on: Vec<String>,
    /// Panics at this order, every time. May be repeated.
    #[arg(long, value_name = "ID")]
    pub(super) panic_on: Vec<String>,
    /// Aborts the process at this order, every time. May be repeated.
    #[arg(long, value_name = "ID")]
    pub(super) abort_on: Vec<String>,
    /// Deliveries of an order before it goes to the dead letters, at least 2.
    #[arg(long, value_name = "D", default_value_t = 10)]
    pub(super) max_deliveries: u32,
    /// Time after which the orders of a dead process are taken over, in ms, at least 100.
    #[arg(long, value_name = "L", default_value_t = 30_000)]
    pub(super) lease_ms: u64,
    /// Wait after a first failure, in ms; it doubles with each further one.
    #[arg(long, value_name = "B", default_value_t = 1_000)]
    pub(super) backoff_ms: u64,
    /// Time that a stop waits for running handlers, in ms.
    #[arg(long, value_name = "G", default_value_t = 25_000)]
    pub(super) grace_ms: u64,
    /// Orders per second that all workers of the group begin together. Defaults to as
    /// many as they can.
    #[arg(long, value_name = "PER_SEC", value_parser = rate)]
    pub(super) rate: Option<f64>,
    /// Stream to which an order of the same id is written, in one step with the
    /// acknowledgement.
    #[arg(long, value_name = "STREAM")]
    pub(super) emit: Option<String>,
    /// Moves no orders back from the backup stream.
    #[arg(long)]
    pub(super) no_drain: bool,
    /// Most orders that one read asks for.
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub(super) read_count: usize,
    /// The consumer group [default: the stream's name and `_group`, such as
    /// orders_group].
    #[arg(long, value_name = "G")]
    pub(super) group: Option<String>,
    /// The consumer's label in Redis, followed there by random characters [default: host and
    /// process id].
    #[arg(long, value_name = "NAME")]
    pub(super) consumer: Option<String>,
    /// File that gets one line for each order after its handler has succeeded:
    /// order_id<TAB>attempt<TAB>consumer.
    #[arg(long, value_name = "FILE")]
    pub(super) done: Option<PathBuf>,
    /// Stops gracefully after this many ms with nothing read, running, buffered or
    /// waiting for a retry. Defaults to a stop by signals only.
    #[arg(long, value_name = "MS")]
    pub(super) exit_when_idle: Option<u64>,
    /// The stream.
    #[arg(long, value_name = "S", default_value = "orders")]
    pub(super) stream: String,
}

/// Prints the state of the stream as one JSON object.
///
/// Its fields are length, backup, dead, scheduled, partitions, and groups, each with
/// name, unread, pending, waiting and consumers. `unread` is null if Redis can't tell it.
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
    /// Puts dead letters back into the stream, oldest first, for the group that failed.
    /// The last line is `redriven N`.
    Redrive(DeadSelection),
}

#[derive(Debug, Args)]
pub(super) struct DeadSelection {
    /// The stream.
    #[arg(long, value_name = "S", default_value = "orders")]
    pub(super) stream: String,
    /// Most of them. Defaults to all.
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
}

/// Lists scheduled orders, or cancels them.
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
    /// Most of them. Defaults to all.
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
}

/// Removes old entries from the stream, once.
#[derive(Debug, Args)]
pub(super) struct TrimArgs {
    /// Priority of the stream: a higher one removes fewer entries.
    #[arg(long, value_enum)]
    pub(super) priority: PriorityArg,
    /// Removes entries older than this, in ms.
    #[arg(long, value_name = "A")]
    pub(super) max_age_ms: Option<u64>,
    /// Removes the oldest entries beyond this number.
    #[arg(long, value_name = "N")]
    pub(super) max_length: Option<u64>,
    /// Keeps entries younger than this, in ms.
    #[arg(long, value_name = "T")]
    pub(super) min_retention_ms: Option<u64>,
    /// Keeps this many of the newest entries.
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
