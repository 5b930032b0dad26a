//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use stream_lib::{DeadLetterId, EntryAddress, EntryId, ScheduleId, StartFrom};

use super::output::Form;
use super::parse::{duration, start_from};
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
    /// Adds entries again: copies into another stream, or for one group of the same.
    #[command(group = clap::ArgGroup::new("target").required(true).args(["into", "group"]))]
    Replay {
        #[command(flatten)]
        of: OneStream,
        /// The first entry.
        #[arg(long, value_name = "ID")]
        from: EntryId,
        /// The last entry.
        #[arg(long, value_name = "ID")]
        to: EntryId,
        /// Into this stream.
        #[arg(long, value_name = "STREAM")]
        into: Option<String>,
        /// Into the same stream, for this group alone; others skip them.
        #[arg(long)]
        group: Option<String>,
        #[command(flatten)]
        bounds: Bounds,
    },
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
    /// What happened to a stream lately.
    Events(Events),
    /// What was changed by these tools.
    Audit(Audit),
    /// The dashboard: the same in a browser, and what can be done about it.
    Serve(Serve),
    /// Adds orders and handles them, with a fault if you like: something to look at.
    Demo(Demo),
    /// Completions for a shell, to be sourced.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
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

/// One stream.
#[derive(Debug, ClapArgs)]
pub(crate) struct OneStream {
    /// The stream.
    #[arg(value_name = "STREAM")]
    pub(crate) name: String,
}

/// One group of a stream.
#[derive(Debug, ClapArgs)]
pub(crate) struct OneGroup {
    /// The stream.
    #[arg(value_name = "STREAM")]
    pub(crate) name: String,
    /// The group.
    #[arg(value_name = "GROUP")]
    pub(crate) group: String,
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
    /// Adds a message.
    Send {
        #[command(flatten)]
        of: OneStream,
        /// Its fields.
        #[arg(value_name = "FIELD=VALUE", required = true)]
        fields: Vec<String>,
        /// A second add with this key adds nothing, for two minutes.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
    /// Removes entries from the beginning of a stream.
    Trim {
        #[command(flatten)]
        of: OneStream,
        /// So many stay.
        #[arg(long, value_name = "N", required_unless_present = "max_age")]
        max_length: Option<u64>,
        /// None older than this stay.
        #[arg(long, value_name = "TIME", value_parser = duration)]
        max_age: Option<Duration>,
        #[command(flatten)]
        bounds: Bounds,
    },
}

/// How many entries a change is for.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Bounds {
    /// So many at most, the oldest first.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// More than 1,000.
    #[arg(long)]
    pub(crate) all: bool,
    /// None that came after this one: what comes meanwhile is left alone.
    #[arg(long, value_name = "ID")]
    pub(crate) until: Option<EntryId>,
    /// Also where unread or pending entries are lost by it.
    #[arg(long)]
    pub(crate) force_unread: bool,
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
    /// Makes a group, and the stream where there is none.
    Create {
        #[command(flatten)]
        of: OneGroup,
        /// Where it begins to read: `beginning`, `end`, or behind an id.
        #[arg(long, default_value = "beginning", value_parser = start_from)]
        from: StartFrom,
    },
    /// Sets how far a group has read.
    SetId {
        #[command(flatten)]
        of: OneGroup,
        /// It reads on behind this one: an id, `beginning` or `end`.
        #[arg(value_name = "ID", value_parser = start_from)]
        to: StartFrom,
        /// Although a consumer of the group lives.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        bounds: Bounds,
    },
    /// Holds a group: it reads nothing new, and finishes what it has. Ends by itself.
    Hold {
        #[command(flatten)]
        of: OneGroup,
        /// For how long.
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        time: Duration,
        /// Why: for the log, and for people.
        #[arg(long, default_value = "by hand")]
        why: String,
    },
    /// Ends the hold of a group.
    Release(OneGroup),
    /// Removes a group with all that belongs to it.
    Rm {
        #[command(flatten)]
        of: OneGroup,
        #[command(flatten)]
        bounds: Bounds,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConsumerCommand {
    /// The consumers of a group: who is alive, holding what.
    Ls(OneGroup),
    /// Removes a consumer that is dead: what it holds goes to the others.
    Rm {
        #[command(flatten)]
        of: OneGroup,
        /// The consumer.
        consumer: String,
    },
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
    /// Has entries of dead consumers handed out again, at once.
    Release {
        #[command(flatten)]
        which: PendingWhich,
        #[command(flatten)]
        bounds: Bounds,
    },
    /// Moves entries of dead consumers to the dead letters.
    Bury {
        #[command(flatten)]
        which: PendingWhich,
        /// Why: it stands with the dead letter as its error.
        #[arg(long, default_value = "set aside by hand")]
        why: String,
        #[command(flatten)]
        bounds: Bounds,
    },
    /// Acknowledges entries of dead consumers: as if they were done.
    Ack {
        #[command(flatten)]
        which: PendingWhich,
        #[command(flatten)]
        bounds: Bounds,
    },
}

/// Pending entries that no living consumer holds.
#[derive(Debug, ClapArgs)]
pub(crate) struct PendingWhich {
    #[command(flatten)]
    pub(crate) of: OneGroup,
    /// The entries, as `pending ls` has them.
    #[arg(value_name = "ENTRY")]
    pub(crate) entries: Vec<EntryAddress>,
    /// Those that were delivered more than once.
    #[arg(long, conflicts_with = "entries")]
    pub(crate) suspects: bool,
    /// All of them.
    #[arg(long, conflicts_with_all = ["entries", "suspects"])]
    pub(crate) dead: bool,
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
    /// Puts dead letters back into the stream, for the group that failed.
    Redrive {
        #[command(flatten)]
        of: OneStream,
        /// Which ones; else those that the options say.
        #[arg(value_name = "ID")]
        ids: Vec<DeadLetterId>,
        #[command(flatten)]
        which: DlqWhich,
        /// Gives a field another value on the way; may repeat.
        #[arg(long, value_name = "FIELD=VALUE")]
        set: Vec<String>,
        /// Leaves a field out; may repeat.
        #[arg(long, value_name = "FIELD")]
        unset: Vec<String>,
        #[command(flatten)]
        bounds: Bounds,
    },
    /// Removes dead letters for good. `dlq export` keeps them before.
    Rm {
        #[command(flatten)]
        of: OneStream,
        /// Which ones; else those that the options say.
        #[arg(value_name = "ID")]
        ids: Vec<DeadLetterId>,
        #[command(flatten)]
        which: DlqWhich,
        #[command(flatten)]
        bounds: Bounds,
    },
    /// Writes dead letters, one JSON object a line, to standard output.
    Export {
        #[command(flatten)]
        of: OneStream,
    },
    /// Adds dead letters from standard input, as `dlq export` has written them.
    Import {
        #[command(flatten)]
        of: OneStream,
        #[command(flatten)]
        bounds: Bounds,
    },
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
    /// Cancels scheduled messages.
    Cancel {
        #[command(flatten)]
        of: OneStream,
        /// Which ones; all with --all, the next ones with --limit.
        #[arg(value_name = "ID")]
        ids: Vec<ScheduleId>,
        #[command(flatten)]
        bounds: Bounds,
    },
    /// Adds scheduled messages now.
    RunNow {
        #[command(flatten)]
        of: OneStream,
        /// Which ones; all with --all, the next ones with --limit.
        #[arg(value_name = "ID")]
        ids: Vec<ScheduleId>,
        #[command(flatten)]
        bounds: Bounds,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CronCommand {
    /// Jobs that recur, and when each is next.
    Ls(OneStream),
    /// Has a job rest.
    Pause {
        #[command(flatten)]
        of: OneStream,
        /// The job.
        job: String,
    },
    /// Has a job go on.
    Resume {
        #[command(flatten)]
        of: OneStream,
        /// The job.
        job: String,
    },
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
    /// Cleans the stream now, by its own settings.
    Run {
        #[command(flatten)]
        of: OneStream,
        #[command(flatten)]
        bounds: Bounds,
    },
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
pub(crate) struct Events {
    /// The stream; all where none is named.
    #[arg(value_name = "STREAM")]
    pub(crate) name: Option<String>,
    /// How many.
    #[arg(long, short = 'n', default_value_t = 50)]
    pub(crate) count: u32,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Audit {
    /// How many.
    #[arg(long, short = 'n', default_value_t = 50)]
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

/// What goes wrong in a demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// One order kills each process that gets it.
    Crash,
    /// Handlers are slower than orders come.
    Slow,
    /// Some orders can't be read.
    Poison,
}

impl Fault {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Slow => "slow",
            Self::Poison => "poison",
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Demo {
    /// What goes wrong.
    #[arg(long)]
    pub(crate) fault: Option<Fault>,
    /// Ends after this; else when it is interrupted.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) time: Option<Duration>,
    /// The process that handles orders.
    #[arg(long, hide = true)]
    pub(crate) works: bool,
}
