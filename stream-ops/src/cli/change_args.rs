//! The command line of commands that change or remove something.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use stream_lib::{DeadLetterId, EntryAddress, EntryId, ScheduleId, StartFrom};

use super::named::{OneGroup, OneStream};
use super::parse::{bound, duration, start_from};
use crate::act::Bound;
use crate::since::Since;

/// Flags that a plan may ask for beside `--yes`.
#[derive(Debug, Clone, Copy, Default, ClapArgs)]
pub(crate) struct Agreed {
    /// Agrees to more than 1,000 entries.
    #[arg(long)]
    pub(crate) all: bool,
    /// Agrees to entries that are unread or pending for a group, and lost to it.
    #[arg(long)]
    pub(crate) force_unread: bool,
}

/// The same, where no group loses anything.
#[derive(Debug, Clone, Copy, Default, ClapArgs)]
pub(crate) struct AgreedToAll {
    /// More than 1,000, too.
    #[arg(long)]
    pub(crate) all: bool,
}

impl From<AgreedToAll> for Agreed {
    fn from(AgreedToAll { all }: AgreedToAll) -> Self {
        Self {
            all,
            force_unread: false,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Change {
    /// Copies a range of entries into another stream, or delivers it again to one group.
    Replay(Replay),
    /// Runs a private server with a stream, a producer and consumers to try this program
    /// on. Ctrl-C ends it, and leaves nothing.
    Demo(Demo),
    #[command(hide = true)]
    DemoWorker {
        /// Its role in the demonstration.
        place: String,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) of: OneStream,
    /// First entry: an id, a time such as 2026-11-27T02:41:03Z, how long ago, such as 2h,
    /// or `-` for the oldest.
    #[arg(long, value_name = "ID", value_parser = bound, allow_hyphen_values = true)]
    pub(crate) from: Bound,
    /// Last entry: as for --from, or `+` for the newest.
    #[arg(long, value_name = "ID", default_value = "+", value_parser = bound)]
    pub(crate) to: Bound,
    /// Copies them into this stream, as new messages.
    #[arg(
        long,
        value_name = "STREAM",
        required_unless_present = "group",
        conflicts_with = "group"
    )]
    pub(crate) into: Option<String>,
    /// Copies them to the end of the same stream for this group only: other groups skip
    /// them.
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// At most this many, the oldest ones.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    #[command(flatten)]
    pub(crate) agreed: AgreedToAll,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
It needs the program redis-server or valkey-server, and no Redis that runs: --url means nothing \
here. What it prints says how to look at it from another terminal.

  streamctl demo                            two groups keep up
  streamctl demo --fault poison --serve     the same in a browser, with entries that fail
  streamctl demo --fault crash --for 5m")]
pub(crate) struct Demo {
    /// What goes wrong; nothing where this isn't given.
    #[arg(long)]
    pub(crate) fault: Option<DemoFault>,
    /// Serves its dashboard, too, and prints the address, and a password for changes.
    #[arg(long)]
    pub(crate) serve: bool,
    /// Where the dashboard listens; port 0 is any that is free.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:7474",
        requires = "serve"
    )]
    pub(crate) listen: SocketAddr,
    /// Ends after this time.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) time: Option<Duration>,
}

/// Faults of a demonstration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoFault {
    /// An entry kills each process that gets it.
    Crash,
    /// Handlers are so slow that the group falls behind.
    Slow,
    /// Some entries can't be decoded.
    Poison,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StreamChange {
    /// Adds a message with these fields, or one for each line of standard input.
    #[command(after_help = "\
Without fields, each line of standard input is a JSON object:
{\"order_id\": \"A-1\", \"amount\": 12.5} or
{\"fields\": {…}, \"headers\": {…}, \"key\": \"…\", \"idempotency_key\": \"…\"}.
Bytes that are not text are written as {\"hex\": \"00ff\"}.")]
    Send {
        #[command(flatten)]
        of: OneStream,
        /// Fields of the message.
        #[arg(value_name = "FIELD=VALUE")]
        fields: Vec<String>,
        /// Key that decides on the partition.
        #[arg(long, requires = "fields")]
        key: Option<String>,
        /// Skips the message if one with this key was added within the last two minutes.
        #[arg(long, value_name = "KEY", requires = "fields")]
        idempotency_key: Option<String>,
        /// Header of the message; may repeat.
        #[arg(long, value_name = "NAME=VALUE", requires = "fields")]
        header: Vec<String>,
        /// Adds messages that don't fit the newest schema, too.
        #[arg(long)]
        force: bool,
        /// At most this many, the first ones.
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
        #[command(flatten)]
        agreed: AgreedToAll,
    },
    /// Removes the oldest entries of a stream for good.
    #[command(group = clap::ArgGroup::new("keep").required(true).multiple(true))]
    Trim {
        #[command(flatten)]
        of: OneStream,
        /// Keeps the newest entries, this many.
        #[arg(long, value_name = "N", group = "keep")]
        max_length: Option<u64>,
        /// Removes entries that are older than this.
        #[arg(long, value_name = "TIME", value_parser = duration, group = "keep")]
        max_age: Option<Duration>,
        /// Keeps all entries after this id. Without another bound, removes all others.
        #[arg(long, value_name = "ID", group = "keep")]
        until: Option<EntryId>,
        #[command(flatten)]
        agreed: Agreed,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupChange {
    /// Creates a group, and the stream if there is none.
    Create {
        #[command(flatten)]
        of: OneGroup,
        /// Where it begins to read: `beginning`, `end`, or an id, after which it begins.
        #[arg(long, default_value = "beginning", value_parser = start_from)]
        from: StartFrom,
    },
    /// Sets how far a group has read.
    SetId {
        #[command(flatten)]
        of: OneGroup,
        /// Where it reads on: `beginning`, `end`, or an id, after which it reads on.
        #[arg(value_name = "ID", value_parser = start_from)]
        to: StartFrom,
        /// Sets it even while a consumer of the group lives.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        agreed: Agreed,
    },
    /// Holds a group for a time: it reads nothing new, and finishes what it runs.
    Hold {
        #[command(flatten)]
        of: OneGroup,
        /// How long the hold lasts.
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        time: Duration,
        /// Reason, for the log and for people.
        #[arg(long, default_value = "by hand")]
        why: String,
    },
    /// Ends the hold of a group.
    Release(OneGroup),
    /// Removes a group and its keys. Entries stay in the stream.
    Rm {
        #[command(flatten)]
        of: OneGroup,
        #[command(flatten)]
        agreed: Agreed,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConsumerChange {
    /// Removes a dead consumer. Entries that it holds stay with the group.
    Rm {
        #[command(flatten)]
        of: OneGroup,
        /// The consumer.
        consumer: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PendingChange {
    /// Hands entries of dead consumers out again, at once.
    Release {
        #[command(flatten)]
        which: PendingWhich,
        #[command(flatten)]
        agreed: Agreed,
    },
    /// Moves entries of dead consumers to the dead letters.
    Bury {
        #[command(flatten)]
        which: PendingWhich,
        /// Reason, which becomes the error of the dead letter.
        #[arg(long, default_value = "set aside by hand")]
        why: String,
        #[command(flatten)]
        agreed: Agreed,
    },
    /// Acknowledges entries of dead consumers, as if they had been handled.
    Ack {
        #[command(flatten)]
        which: PendingWhich,
        #[command(flatten)]
        agreed: Agreed,
    },
}

/// Pending entries that no living consumer holds.
#[derive(Debug, ClapArgs)]
pub(crate) struct PendingWhich {
    #[command(flatten)]
    pub(crate) of: OneGroup,
    /// Only these entries, as `pending ls` shows them. Defaults to all that dead
    /// consumers hold.
    #[arg(value_name = "ENTRY", conflicts_with_all = ["suspects", "consumer", "waiting", "limit", "until"])]
    pub(crate) entries: Vec<EntryAddress>,
    /// Only entries that were delivered more than once.
    #[arg(long)]
    pub(crate) suspects: bool,
    /// Only entries that this consumer holds.
    #[arg(long, value_name = "CONSUMER")]
    pub(crate) consumer: Option<String>,
    /// Includes entries that wait for a retry.
    #[arg(long)]
    pub(crate) waiting: bool,
    /// How long a consumer of another library, which gives no signs of life, may be
    /// silent before it counts as dead.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1m")]
    pub(crate) dead_after: Duration,
    /// At most this many, the oldest ones.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// None after this one, so that later ones are left alone.
    #[arg(long, value_name = "ID")]
    pub(crate) until: Option<EntryId>,
}

/// Which dead letters.
#[derive(Debug, ClapArgs)]
pub(crate) struct DeadWhich {
    #[command(flatten)]
    pub(crate) of: OneStream,
    /// Only these dead letters, as `dlq ls` shows them. Defaults to all that the options
    /// select.
    #[arg(
        value_name = "ID",
        conflicts_with_all = ["reason", "group", "kind", "since", "newest", "limit", "until"]
    )]
    pub(crate) ids: Vec<DeadLetterId>,
    /// Only those with this reason: undecodable, retries-exhausted, permanent, crashed or
    /// by-hand.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Only those of this group.
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// Only those of this kind: the error as `dlq ls --kinds` shows it, or the id of one
    /// of them.
    #[arg(long, visible_alias = "error", value_name = "TEXT")]
    pub(crate) kind: Option<String>,
    /// Only those that died at this time or later: a time such as 2026-11-27T02:38:00Z,
    /// a time of day such as 02:38, or how long ago, such as 30m, 2h or 1d.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        overrides_with = "since"
    )]
    pub(crate) since: Option<Since>,
    /// At most this many, the newest ones.
    #[arg(long, value_name = "N")]
    pub(crate) newest: Option<usize>,
    /// At most this many, the oldest ones.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// None after this one, so that later ones are left alone.
    #[arg(long, value_name = "ID")]
    pub(crate) until: Option<EntryId>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DlqChange {
    /// Puts dead letters back into the stream, for the group that failed.
    Redrive {
        #[command(flatten)]
        which: DeadWhich,
        /// Sets a field to another value on the way; may repeat.
        #[arg(long, value_name = "FIELD=VALUE")]
        set: Vec<String>,
        /// Removes a field on the way; may repeat.
        #[arg(long, value_name = "FIELD")]
        unset: Vec<String>,
        /// At most this many per second, so that consumers keep up.
        #[arg(long, value_name = "N")]
        rate: Option<NonZeroU32>,
        #[command(flatten)]
        agreed: AgreedToAll,
    },
    /// Removes dead letters for good. `dlq export` makes a copy.
    Rm {
        #[command(flatten)]
        which: DeadWhich,
        #[command(flatten)]
        agreed: AgreedToAll,
    },
    /// Writes dead letters to standard output, one JSON object a line. Changes nothing.
    #[command(after_help = "\
Each line has all of a dead letter, byte for byte: {\"v\": 1, \"stream\": …, \"id\": …, \"fields\": \
[[name, value], …]}; bytes that are no text are {\"hex\": \"00ff\"}. `dlq import` reads it. Where the \
stream has sensitive fields, --show-sensitive is needed: half a dead letter would be of no use.

  streamctl dlq export orders > letters.ndjson
  streamctl dlq export orders --reason permanent --newest 100
  streamctl dlq export orders | jq -r '.fields[] | select(.[0] == \"~error\")[1]'")]
    Export {
        #[command(flatten)]
        which: DeadWhich,
    },
    /// Adds dead letters as `dlq export` has written them, without those that are there.
    #[command(after_help = "\
It counts as there where one of the same entry (`~id`) and the same group (`~group`) is, so that a \
file can be read in twice. They keep their ids where these lie behind that of the newest one; else \
they get new ones. Nothing is added without a yes: first it says how many there would be.

  streamctl dlq import orders letters.ndjson
  streamctl dlq import orders letters.ndjson --limit 10 --yes
  streamctl dlq export orders --reason permanent | streamctl --url URL dlq import orders --yes")]
    Import {
        #[command(flatten)]
        of: OneStream,
        /// File to read. Defaults to standard input.
        #[arg(value_name = "PATH")]
        file: Option<PathBuf>,
        /// At most this many, the first ones.
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
        #[command(flatten)]
        agreed: AgreedToAll,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScheduledChange {
    /// Cancels scheduled messages.
    Cancel {
        #[command(flatten)]
        which: ScheduledWhich,
        #[command(flatten)]
        agreed: AgreedToAll,
    },
    /// Adds scheduled messages to the stream now.
    RunNow {
        #[command(flatten)]
        which: ScheduledWhich,
        #[command(flatten)]
        agreed: AgreedToAll,
    },
}

/// Which scheduled messages.
#[derive(Debug, ClapArgs)]
pub(crate) struct ScheduledWhich {
    #[command(flatten)]
    pub(crate) of: OneStream,
    /// Only these messages, as `scheduled ls` shows them. Defaults to all that the
    /// options select.
    #[arg(value_name = "ID", conflicts_with_all = ["due_by", "limit", "until"])]
    pub(crate) ids: Vec<ScheduleId>,
    /// Only messages that are due by this time, such as 2026-11-27T02:41:03Z.
    #[arg(long, value_name = "TIME", value_parser = bound)]
    pub(crate) due_by: Option<Bound>,
    /// At most this many, those that are due first.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// None with a higher number in its id, so that later ones are left alone.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) until: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CronChange {
    /// Pauses a job in all processes.
    Pause {
        #[command(flatten)]
        of: OneStream,
        /// The job.
        job: String,
    },
    /// Resumes a job that was paused or removed.
    Resume {
        #[command(flatten)]
        of: OneStream,
        /// The job.
        job: String,
    },
    /// Runs a job now, once, also while it is paused. Its regular times stay as they are.
    #[command(after_help = "\
Only a process that has the job can make its message: one of them is asked to, and answers \
within ten seconds or so. Where none does, the request is withdrawn, and nothing runs later.")]
    RunNow {
        #[command(flatten)]
        of: OneStream,
        /// The job.
        job: String,
        /// How long a process may take to run it, 1 s to 1 h.
        #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
        wait: Duration,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RetentionChange {
    /// Cleans the stream now, by its own settings: those that `retention plan` shows.
    Run {
        #[command(flatten)]
        of: OneStream,
        /// So many, the oldest.
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        #[command(flatten)]
        agreed: Agreed,
    },
}
