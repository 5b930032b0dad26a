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

/// Redis Streams seen from outside: what is wrong, why, and what can be done about it.
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
  streamctl                                    what is wrong, the worst first
  streamctl --url redis://cache:6379 --watch   (as `overview --watch`) goes on looking
  streamctl group info orders billing          why a group stands still, and who holds what
  streamctl dlq ls orders --kinds              which errors there are, and how many of each
  streamctl check orders billing --max-oldest 5m
  streamctl doctor                             whether Redis is fit for streams

Exit status: 0 done, 1 failed or partly, 2 wrong call, 3 trouble found (check, doctor),
4 Redis not reached, 5 no such thing, 130 interrupted.

Looking changes nothing. \"–\" is what can't be known.";

/// What all commands share.
#[derive(Debug, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
#[command(next_help_heading = "Options of all commands")]
pub(crate) struct Globals {
    /// Where Redis is: `redis://`, `rediss://`, `unix://`, `redis-sentinel://…?master=NAME`,
    /// `redis-cluster://`. Else `REDIS_URL`, else 127.0.0.1:6379.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// How long Redis may take to answer.
    #[arg(long, global = true, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// The form of the result.
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORM",
        default_value = "table"
    )]
    pub(crate) output: Form,
    /// Does what it would otherwise ask about.
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// Shows values that are marked as sensitive.
    #[arg(long, global = true)]
    pub(crate) show_sensitive: bool,
    /// No colours. `NO_COLOR` does the same.
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Times in UTC: the default.
    #[arg(long, global = true, conflicts_with = "local")]
    pub(crate) utc: bool,
    /// Times in the zone of this machine.
    #[arg(long, global = true)]
    pub(crate) local: bool,
    /// Nothing but results and errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// What the library has to say, too; -vv says more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Looks at this stream only; may repeat. Others are not searched for.
    #[arg(long = "stream", global = true, value_name = "NAME")]
    pub(crate) only: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What is wrong, the worst first, and all streams. The default.
    Overview(Overview),
    /// Streams: what is in them.
    #[command(subcommand)]
    Stream(StreamCommand),
    /// Groups: how far they are, and why no further.
    #[command(subcommand)]
    Group(GroupCommand),
    /// Consumers: who is alive, holding what.
    #[command(subcommand)]
    Consumer(ConsumerCommand),
    /// Entries that were delivered and not acknowledged.
    #[command(subcommand)]
    Pending(PendingCommand),
    /// Dead letters: entries that no delivery could complete.
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Scheduled messages.
    #[command(subcommand)]
    Scheduled(ScheduledCommand),
    /// Jobs that recur.
    #[command(subcommand)]
    Cron(CronCommand),
    /// The message types of a stream, as producers and consumers tell them.
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// What may leave a stream.
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// For monitoring: says whether something is wrong, and ends with 3 if so.
    Check(Check),
    /// Looks whether Redis is fit for streams, and what is left lying about.
    Doctor,
    /// Facts as Prometheus reads them.
    Metrics(Metrics),
    /// What happened to streams by itself lately: takeovers, burials, failovers and the like.
    Events(Events),
    /// What was changed by these tools, and by whom.
    Audit(Audit),
    /// The dashboard: the same in a browser, and what can be done about it.
    Serve(Serve),
    /// Completions for a shell, to be sourced.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    #[command(flatten)]
    Change(Change),
    /// The manual, as a page for `man`; all pages into a directory.
    Man {
        /// Writes a page for each command here.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct Overview {
    /// Goes on looking, and shows changes.
    #[arg(long)]
    pub(crate) watch: bool,
    /// How often.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(crate) every: Duration,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StreamCommand {
    /// All streams, the worst first.
    Ls,
    /// A stream, and where each group stands.
    Info {
        #[command(flatten)]
        of: OneStream,
        /// Each partition by itself, too.
        #[arg(long)]
        partitions: bool,
    },
    /// Entries of a stream, the newest first.
    Peek {
        #[command(flatten)]
        of: OneStream,
        /// How many.
        #[arg(long, short = 'n', default_value_t = 10)]
        count: u32,
        /// From this entry on, the oldest first.
        #[arg(long, value_name = "ID")]
        from: Option<EntryId>,
    },
    /// Entries as they come, until it is interrupted.
    Tail {
        #[command(flatten)]
        of: OneStream,
        /// Ends after so many.
        #[arg(long, short = 'n')]
        count: Option<u64>,
    },
    #[command(flatten)]
    Change(StreamChange),
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// The groups of a stream, the worst first; of all streams where none is named.
    Ls {
        /// The stream.
        #[arg(value_name = "STREAM")]
        name: Option<String>,
    },
    /// A group: how it is, since when, why, and who holds what.
    Info(OneGroup),
    #[command(flatten)]
    Change(GroupChange),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConsumerCommand {
    /// The consumers of a group: who is alive, holding what.
    Ls(OneGroup),
    #[command(flatten)]
    Change(ConsumerChange),
}

#[derive(Debug, Subcommand)]
pub(crate) enum PendingCommand {
    /// Pending entries, the oldest first.
    Ls {
        #[command(flatten)]
        of: OneGroup,
        /// Those in dead hands that were delivered more than once.
        #[arg(long)]
        suspects: bool,
        /// Those that this consumer holds.
        #[arg(long, value_name = "CONSUMER")]
        consumer: Option<String>,
        /// How many.
        #[arg(long, short = 'n', default_value_t = 100)]
        count: u32,
    },
    #[command(flatten)]
    Change(PendingChange),
}

#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct DlqWhich {
    /// Those with this reason: undecodable, retries-exhausted, permanent, crashed.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Those of this group.
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// Those with this error, as `dlq ls --kinds` has it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) error: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// Dead letters, the newest first.
    Ls {
        #[command(flatten)]
        of: OneStream,
        #[command(flatten)]
        which: DlqWhich,
        /// By kind: the same reason and the same error, ids and numbers left out.
        #[arg(long)]
        kinds: bool,
        /// How many.
        #[arg(long, short = 'n', default_value_t = 100)]
        count: usize,
    },
    /// A dead letter: why it died, and what is in it.
    Show {
        #[command(flatten)]
        of: OneStream,
        /// Its id, as `dlq ls` has it.
        id: String,
        /// Against the newest schema: what is missing, unknown or of another type.
        #[arg(long)]
        diff: bool,
    },
    #[command(flatten)]
    Change(DlqChange),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScheduledCommand {
    /// Scheduled messages, the next first.
    Ls {
        #[command(flatten)]
        of: OneStream,
        /// How many.
        #[arg(long, short = 'n', default_value_t = 100)]
        count: usize,
    },
    #[command(flatten)]
    Change(ScheduledChange),
}

#[derive(Debug, Subcommand)]
pub(crate) enum CronCommand {
    /// Jobs that recur, and when each is next.
    Ls(OneStream),
    #[command(flatten)]
    Change(CronChange),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// The types, the last seen first.
    Ls(OneStream),
    /// The fields of a type.
    Show {
        #[command(flatten)]
        of: OneStream,
        /// Its name or its fingerprint.
        which: String,
    },
    /// What has changed between two of them.
    Diff {
        #[command(flatten)]
        of: OneStream,
        /// The earlier one: name or fingerprint.
        before: String,
        /// The later one.
        after: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// What the next cleaning would remove, and what keeps the rest.
    Plan(OneStream),
    #[command(flatten)]
    Change(RetentionChange),
}

/// The form of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckForm {
    /// A line for each thing that is wrong.
    Text,
    /// As Nagios reads it, with its exit status.
    Nagios,
    /// One object.
    Json,
    /// As Prometheus reads it.
    Prometheus,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Without a limit, what `streamctl` marks with ▲ is critical and with ◆ a warning. A limit \
that is passed is critical.

Exit status: 3 where something is critical, else 0. With --format nagios: 0 OK, 1 warning, \
2 critical, 3 unknown.

  streamctl check orders billing --max-oldest 5m
  streamctl check --format nagios --max-dead 100")]
pub(crate) struct Check {
    /// The stream; all where none is named.
    #[arg(value_name = "STREAM")]
    pub(crate) name: Option<String>,
    /// The group; all of the stream where none is named.
    #[arg(value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// So many unread entries at most, in each group.
    #[arg(long, value_name = "N")]
    pub(crate) max_unread: Option<u64>,
    /// The oldest unread entry is no older than this.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) max_oldest: Option<Duration>,
    /// So many dead letters at most, in each stream.
    #[arg(long, value_name = "N")]
    pub(crate) max_dead: Option<u64>,
    /// So many pending entries at most, in each group.
    #[arg(long, value_name = "N")]
    pub(crate) max_pending: Option<u64>,
    /// The form of the answer.
    #[arg(long, default_value = "text")]
    pub(crate) format: CheckForm,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Metrics {
    /// Writes a file, for `node_exporter`'s textfile collector: whole, or not at all.
    #[arg(long, value_name = "PATH")]
    pub(crate) textfile: Option<PathBuf>,
    /// Writes it again and again, this often.
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
    /// The stream; all where none is named.
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

/// The dashboard.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Looking needs no token on this machine; changes always do, and so does everything on another \
address. The token comes from --token-file or STREAMCTL_TOKEN, and is given as a password, \
with any name, which goes into the audit; or as a Bearer token.

  streamctl serve
  streamctl serve --token-file token --allow retry
  streamctl serve --listen 0.0.0.0:7474 --host streams.example.com --token-file token")]
pub(crate) struct Serve {
    /// Where it listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7474")]
    pub(crate) listen: std::net::SocketAddr,
    /// A file that has the token, and nothing else.
    #[arg(long, value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
    /// What the token allows: view; retry, which also puts back, sets aside, holds; admin,
    /// which also removes.
    #[arg(long, value_name = "ROLE", default_value = "view", value_parser = parse_role)]
    pub(crate) allow: Role,
    /// Another name under which it is reached, such as a proxy's; may repeat.
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,
    /// What Redis is called at the top of each page; else its address.
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// How often it looks.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(crate) every: Duration,
}

fn parse_role(text: &str) -> Result<Role, String> {
    text.parse()
}
