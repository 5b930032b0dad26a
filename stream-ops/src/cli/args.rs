//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use stream_lib::EntryId;

use super::change_args::{
    Change, ConsumerChange, CronChange, DlqChange, GroupChange, PendingChange, RetentionChange,
    ScheduledChange, StreamChange,
};
pub(crate) use super::named::{OneGroup, OneStream};
use super::output::Form;
use super::parse::duration;
use crate::serve::Role;
use crate::since::Since;

/// Inspects and repairs Redis Streams: what is wrong, why, and what can be done about it.
#[derive(Debug, Parser)]
#[command(
    name = "streamctl",
    version,
    propagate_version = true,
    after_help = EXAMPLES,
    subcommand_required = false,
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  streamctl                                        what is wrong, the worst first
  streamctl --url redis://cache:6379 overview --watch
                                                   the same, again and again
  streamctl group info orders billing              why a group stands still
  streamctl dlq ls orders --kinds                  which errors there are, and how many of each
  streamctl check orders billing --max-oldest 5m   a line and an exit status for monitoring
  streamctl doctor                                 whether Redis suits streams

Exit status: 0 done, 1 failed or done in part, 2 wrong usage, 3 trouble found (check, doctor),
4 Redis not reached, 5 no such stream, group or entry, 130 interrupted.

Most commands only look, and change nothing. A command that changes something shows its plan,
and does nothing without --yes, or a yes on a terminal. \"–\" means unknown.";

/// Options of all commands.
#[derive(Debug, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
#[command(next_help_heading = "Options of all commands")]
pub(crate) struct Globals {
    /// Address of Redis: `redis://`, `rediss://`, `unix://`,
    /// `redis-sentinel://…?master=NAME` or `redis-cluster://`. Defaults to `REDIS_URL`,
    /// else to `REDIS_ADDR`, else to 127.0.0.1:6379.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Time limit for connecting, and for each answer: a number with a unit, such as
    /// 500ms, 30s, 5m, 2h or 7d.
    #[arg(long, global = true, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Format of the result.
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORM",
        default_value = "table"
    )]
    pub(crate) output: Form,
    /// Carries out a change without asking.
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// Shows values that are hidden as `••••`: those of sensitive fields, and of fields
    /// that no schema has.
    #[arg(long, global = true)]
    pub(crate) show_sensitive: bool,
    /// Prints no colours, as with a `NO_COLOR` that is not empty.
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Shows times in UTC, which is the default.
    #[arg(long, global = true, conflicts_with = "local")]
    pub(crate) utc: bool,
    /// Shows times in the time zone of this machine.
    #[arg(long, global = true)]
    pub(crate) local: bool,
    /// Prints nothing but results and errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Prints the library's log, too; -vv prints more of it.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Looks only at this stream, without a search for others; may repeat.
    #[arg(long = "stream", global = true, value_name = "NAME")]
    pub(crate) only: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows what is wrong, the worst first, and all streams. The default command.
    Overview(Overview),
    /// Lists streams; shows, adds and removes entries.
    #[command(subcommand)]
    Stream(StreamCommand),
    /// Shows how far groups are, and why no further; creates, holds and removes them.
    #[command(subcommand)]
    Group(GroupCommand),
    /// Shows which consumers are alive and what they hold; removes dead ones.
    #[command(subcommand)]
    Consumer(ConsumerCommand),
    /// Shows, releases, buries and acknowledges pending entries.
    #[command(subcommand)]
    Pending(PendingCommand),
    /// Shows, redrives, removes, exports and imports dead letters.
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Shows, cancels and runs scheduled messages.
    #[command(subcommand)]
    Scheduled(ScheduledCommand),
    /// Lists recurring jobs, pauses and resumes them, and runs one now.
    #[command(subcommand)]
    Cron(CronCommand),
    /// Shows the message types of a stream, as producers and consumers declare them.
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Shows what retention would remove from a stream, or removes it now.
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// Checks streams for monitoring: exit status 3 where something is critical.
    Check(Check),
    /// Checks servers and streams: rights, memory, persistence, clocks, leftovers of dead
    /// processes. Exit status 3 where something is marked with ▲.
    Doctor,
    /// Prints metrics of servers, streams and groups in the format of Prometheus.
    Metrics(Metrics),
    /// What happened to streams by itself lately: takeovers, burials, failovers and the like.
    Events(Events),
    /// What was changed by these tools, and by whom.
    Audit(Audit),
    /// Serves the dashboard: the same in a browser.
    Serve(Serve),
    /// Prints completions for a shell, to be sourced.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    #[command(flatten)]
    Change(Change),
    /// Prints the manual page for `man`, or writes the pages of all commands.
    Man {
        /// Directory for a page of each command.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct Overview {
    /// Looks again and again, until it is interrupted.
    #[arg(long)]
    pub(crate) watch: bool,
    /// Time between two looks.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(crate) every: Duration,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StreamCommand {
    /// Lists all streams, the worst first.
    Ls,
    /// Shows a stream, and where each of its groups stands.
    Info {
        #[command(flatten)]
        of: OneStream,
        /// Shows each partition, too.
        #[arg(long)]
        partitions: bool,
    },
    /// Shows entries of a stream, the newest first.
    Peek {
        #[command(flatten)]
        of: OneStream,
        /// Shows at most this many.
        #[arg(long, short = 'n', default_value_t = 10)]
        count: u32,
        /// Shows entries from this id on, the oldest first.
        #[arg(long, value_name = "ID")]
        from: Option<EntryId>,
    },
    /// Shows new entries as they arrive, until it is interrupted.
    Tail {
        #[command(flatten)]
        of: OneStream,
        /// Ends after this many entries.
        #[arg(long, short = 'n')]
        count: Option<u64>,
    },
    #[command(flatten)]
    Change(StreamChange),
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Lists the groups of a stream or of all streams, the worst first.
    Ls {
        /// The stream.
        #[arg(value_name = "STREAM")]
        name: Option<String>,
    },
    /// Shows a group: its state and since when, causes, safe next steps, and what each
    /// consumer holds.
    Info(OneGroup),
    #[command(flatten)]
    Change(GroupChange),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConsumerCommand {
    /// Lists the consumers of a group: whether they are alive, and what they hold.
    Ls(OneGroup),
    #[command(flatten)]
    Change(ConsumerChange),
}

#[derive(Debug, Subcommand)]
pub(crate) enum PendingCommand {
    /// Lists pending entries, the oldest first.
    Ls {
        #[command(flatten)]
        of: OneGroup,
        /// Lists only suspects: entries that dead consumers hold and that were delivered
        /// more than once.
        #[arg(long)]
        suspects: bool,
        /// Those that this consumer holds.
        #[arg(long, value_name = "CONSUMER")]
        consumer: Option<String>,
        /// Shows at most this many.
        #[arg(long, short = 'n', default_value_t = 100)]
        count: u32,
    },
    #[command(flatten)]
    Change(PendingChange),
}

#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct DlqWhich {
    /// Only those with this reason: undecodable, retries-exhausted, permanent, crashed or
    /// by-hand.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Only those of this group.
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// Only those with this error, as `dlq ls --kinds` shows it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) error: Option<String>,
    /// Only those that died at this time or later: a time such as 2026-11-27T02:38:00Z,
    /// a time of day such as 02:38, or how long ago, such as 30m, 2h or 1d.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<Since>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// Lists dead letters, the newest first.
    Ls {
        #[command(flatten)]
        of: OneStream,
        #[command(flatten)]
        which: DlqWhich,
        /// Counts them by kind: same reason and same error, apart from ids and numbers.
        #[arg(long)]
        kinds: bool,
        /// Shows at most this many.
        #[arg(long, short = 'n', default_value_t = 100)]
        count: usize,
    },
    /// Shows a dead letter: why it died, and its fields.
    Show {
        #[command(flatten)]
        of: OneStream,
        /// Its id, as `dlq ls` shows it.
        id: String,
        /// Compares its fields with the newest schema.
        #[arg(long)]
        diff: bool,
    },
    #[command(flatten)]
    Change(DlqChange),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScheduledCommand {
    /// Lists scheduled messages, the next one first.
    Ls {
        #[command(flatten)]
        of: OneStream,
        /// Shows at most this many.
        #[arg(long, short = 'n', default_value_t = 100)]
        count: usize,
    },
    #[command(flatten)]
    Change(ScheduledChange),
}

#[derive(Debug, Subcommand)]
pub(crate) enum CronCommand {
    /// Lists recurring jobs, each with its last and its next time.
    Ls(OneStream),
    #[command(flatten)]
    Change(CronChange),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Lists message types, the last seen first.
    Ls(OneStream),
    /// Shows the fields of a type.
    Show {
        #[command(flatten)]
        of: OneStream,
        /// Name or fingerprint of the type.
        which: String,
    },
    /// Shows the differences between two types.
    Diff {
        #[command(flatten)]
        of: OneStream,
        /// Name or fingerprint of the earlier type.
        before: String,
        /// Name or fingerprint of the later type.
        after: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// Shows what the next cleaning would remove, and what keeps the rest.
    Plan(OneStream),
    #[command(flatten)]
    Change(RetentionChange),
}

/// Format of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckForm {
    /// A line for each problem.
    Text,
    /// One line for Nagios, with its exit statuses.
    Nagios,
    /// One object.
    Json,
    /// All metrics, in the format of Prometheus.
    Prometheus,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Findings that `streamctl` marks with ▲ are critical, those with ◆ are warnings. An exceeded \
limit is critical, too.

Exit status: 3 where something is critical, else 0. With --format nagios: 0 OK, 1 warning, \
2 critical, 3 unknown.

  streamctl check orders billing --max-oldest 5m
  streamctl check --format nagios --max-dead 100")]
pub(crate) struct Check {
    /// The stream. Defaults to all streams.
    #[arg(value_name = "STREAM")]
    pub(crate) name: Option<String>,
    /// The group. Defaults to all groups of the stream.
    #[arg(value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Most unread entries that a group may have.
    #[arg(long, value_name = "N")]
    pub(crate) max_unread: Option<u64>,
    /// Greatest age of the oldest unread entry of a group.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) max_oldest: Option<Duration>,
    /// Most dead letters that a stream may have.
    #[arg(long, value_name = "N")]
    pub(crate) max_dead: Option<u64>,
    /// Most pending entries that a group may have.
    #[arg(long, value_name = "N")]
    pub(crate) max_pending: Option<u64>,
    /// Format of the answer.
    #[arg(long, default_value = "text")]
    pub(crate) format: CheckForm,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Metrics {
    /// Writes them to this file, for the textfile collector of `node_exporter`. The file
    /// is replaced as a whole.
    #[arg(long, value_name = "PATH")]
    pub(crate) textfile: Option<PathBuf>,
    /// Writes the file again after each such time, until it is interrupted.
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "textfile")]
    pub(crate) every: Option<Duration>,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Members of this library write them, into `{STREAM}:events`: takeover, burial, group-made, \
consumer-removed, retention-blocked, hold, release, redrive, schema, failover. One line may \
stand for many of a kind; \"Count\" says for how many. The newest 1,000 are kept.

  streamctl events orders -n 10
  streamctl events -o ndjson | jq 'select(.kind == \"takeover\")'

What people have changed stands in `streamctl audit`.")]
pub(crate) struct Events {
    /// The stream. Defaults to all streams.
    #[arg(value_name = "STREAM")]
    pub(crate) name: Option<String>,
    /// How many, the newest.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    pub(crate) count: u32,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Each change by `streamctl` and its dashboard: who made it, what, and how far it got; with -o json \
also the command line, without secrets and values. It stands in `stream-ops:audit`; about 10,000 \
are kept. A cluster has one for all its streams.

  streamctl audit orders -n 10
  streamctl audit -o json

What happened by itself stands in `streamctl events`.")]
pub(crate) struct Audit {
    /// Changes of this stream; of all where none is named.
    #[arg(value_name = "STREAM")]
    pub(crate) name: Option<String>,
    /// How many, the newest.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    pub(crate) count: u32,
}

/// Arguments of `serve`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Pages need no token on 127.0.0.1. Changes always need it, and with another --listen address \
so does everything but /healthz and /readyz. The token comes from --token-file or \
STREAMCTL_TOKEN. A browser asks for a name, which goes into the audit, and for a password, \
which is the token; programs send it as a Bearer token.

  streamctl serve
  streamctl serve --token-file token --allow retry
  streamctl serve --listen 0.0.0.0:7474 --host streams.example.com --token-file token")]
pub(crate) struct Serve {
    /// Address and port on which it listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7474")]
    pub(crate) listen: std::net::SocketAddr,
    /// File with the token, of 16 bytes or more, and nothing else.
    #[arg(long, value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
    /// What the token allows: view; retry, which also redrives, sets entries aside, holds
    /// groups, and pauses and runs jobs; admin, which also removes dead letters, cancels
    /// messages and sends corrected copies.
    #[arg(long, value_name = "ROLE", default_value = "view", value_parser = parse_role)]
    pub(crate) allow: Role,
    /// Another host name under which it is reached, such as a proxy's; may repeat.
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,
    /// Name of this Redis at the top of each page. Defaults to its address.
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// Time between two looks at Redis, at least 200ms.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(crate) every: Duration,
}

fn parse_role(text: &str) -> Result<Role, String> {
    text.parse()
}
