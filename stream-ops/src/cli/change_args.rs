//! The command line of what changes or removes something.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use stream_lib::{DeadLetterId, EntryAddress, EntryId, ScheduleId, StartFrom};

use super::named::{OneGroup, OneStream};
use super::parse::{bound, duration, start_from};
use crate::act::Bound;

/// What a plan may ask for beyond `--yes`.
#[derive(Debug, Clone, Copy, Default, ClapArgs)]
pub(crate) struct Agreed {
    /// More than 1,000, too.
    #[arg(long)]
    pub(crate) all: bool,
    /// Also what a group has not handled: unread or pending.
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
    /// Copies the entries of a range: into another stream, or once more to one group.
    Replay(Replay),
    /// A server of its own with streams, producers and consumers, until it is interrupted:
    /// to try all this on. Leaves nothing.
    Demo(Demo),
    #[command(hide = true)]
    DemoWorker {
        /// Its place in the demonstration.
        place: String,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) of: OneStream,
    /// The first entry: an id, a time, how long ago, or `-` for the oldest.
    #[arg(long, value_name = "ID", value_parser = bound, allow_hyphen_values = true)]
    pub(crate) from: Bound,
    /// The last entry; `+` for the newest.
    #[arg(long, value_name = "ID", default_value = "+", value_parser = bound)]
    pub(crate) to: Bound,
    /// Into this stream, as new messages.
    #[arg(
        long,
        value_name = "STREAM",
        required_unless_present = "group",
        conflicts_with = "group"
    )]
    pub(crate) into: Option<String>,
    /// Into the same stream, for this group only: others skip them.
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// So many, the oldest.
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
    /// Ends by itself after this time.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) time: Option<Duration>,
}

/// What goes wrong in a demonstration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoFault {
    /// A consumer dies, and holds entries.
    Crash,
    /// Handlers take so long that the group falls behind.
    Slow,
    /// Entries that no handler can complete.
    Poison,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StreamChange {
    /// Adds messages: one of these fields, or one for each line of standard input.
    #[command(after_help = "\
Without fields, lines of JSON are read from standard input: {\"order_id\": \"A-1\", \"amount\": 12.5},
or {\"fields\": {…}, \"headers\": {…}, \"key\": \"…\", \"idempotency_key\": \"…\"}. Bytes that are no text are {\"hex\": \"00ff\"}.")]
    Send {
        #[command(flatten)]
        of: OneStream,
        /// The fields of one message.
        #[arg(value_name = "FIELD=VALUE")]
        fields: Vec<String>,
        /// The key that decides the partition.
        #[arg(long, requires = "fields")]
        key: Option<String>,
        /// A second message with this key is left out, for two minutes.
        #[arg(long, value_name = "KEY", requires = "fields")]
        idempotency_key: Option<String>,
        /// A header; may repeat.
        #[arg(long, value_name = "NAME=VALUE", requires = "fields")]
        header: Vec<String>,
        /// Also what doesn't fit the newest schema.
        #[arg(long)]
        force: bool,
        /// So many, the first ones.
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
        /// So many stay.
        #[arg(long, value_name = "N", group = "keep")]
        max_length: Option<u64>,
        /// None older than this stay.
        #[arg(long, value_name = "TIME", value_parser = duration, group = "keep")]
        max_age: Option<Duration>,
        /// Nothing behind this id goes; alone, everything up to it, with it.
        #[arg(long, value_name = "ID", group = "keep")]
        until: Option<EntryId>,
        #[command(flatten)]
        agreed: Agreed,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupChange {
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
        agreed: Agreed,
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
        agreed: Agreed,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConsumerChange {
    /// Removes a consumer that is dead: what it holds goes to the others.
    Rm {
        #[command(flatten)]
        of: OneGroup,
        /// The consumer.
        consumer: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PendingChange {
    /// Has entries of dead consumers handed out again, at once.
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
        /// Why: it stands with the dead letter as its error.
        #[arg(long, default_value = "set aside by hand")]
        why: String,
        #[command(flatten)]
        agreed: Agreed,
    },
    /// Acknowledges entries of dead consumers: as if they were done.
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
    /// These, as `pending ls` has them; else all that dead consumers hold.
    #[arg(value_name = "ENTRY", conflicts_with_all = ["suspects", "consumer", "waiting", "limit", "until"])]
    pub(crate) entries: Vec<EntryAddress>,
    /// Those that were delivered more than once.
    #[arg(long)]
    pub(crate) suspects: bool,
    /// Those that this consumer holds.
    #[arg(long, value_name = "CONSUMER")]
    pub(crate) consumer: Option<String>,
    /// Also those that wait for a retry.
    #[arg(long)]
    pub(crate) waiting: bool,
    /// How long a consumer that gives no sign of life, as those of other libraries, may be
    /// silent before it counts as dead.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1m")]
    pub(crate) dead_after: Duration,
    /// So many, the oldest.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// None behind this one: what comes meanwhile is left alone.
    #[arg(long, value_name = "ID")]
    pub(crate) until: Option<EntryId>,
}

/// Which dead letters.
#[derive(Debug, ClapArgs)]
pub(crate) struct DeadWhich {
    #[command(flatten)]
    pub(crate) of: OneStream,
    /// These, as `dlq ls` has them; else all that the options say.
    #[arg(
        value_name = "ID",
        conflicts_with_all = ["reason", "group", "kind", "newest", "limit", "until"]
    )]
    pub(crate) ids: Vec<DeadLetterId>,
    /// Those with this reason: undecodable, retries-exhausted, permanent, crashed, by-hand.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Those of this group.
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// Those of this kind: the error as `dlq ls --kinds` has it, or the id of one of them.
    #[arg(long, visible_alias = "error", value_name = "TEXT")]
    pub(crate) kind: Option<String>,
    /// So many, the newest.
    #[arg(long, value_name = "N")]
    pub(crate) newest: Option<usize>,
    /// So many, the oldest.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// None behind this one: what comes meanwhile is left alone.
    #[arg(long, value_name = "ID")]
    pub(crate) until: Option<EntryId>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DlqChange {
    /// Puts dead letters back into the stream, for the group that failed.
    Redrive {
        #[command(flatten)]
        which: DeadWhich,
        /// Gives a field another value on the way; may repeat.
        #[arg(long, value_name = "FIELD=VALUE")]
        set: Vec<String>,
        /// Leaves a field out; may repeat.
        #[arg(long, value_name = "FIELD")]
        unset: Vec<String>,
        #[command(flatten)]
        agreed: AgreedToAll,
    },
    /// Removes dead letters for good. `dlq export` writes them out before.
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
        /// The file; else standard input.
        #[arg(value_name = "PATH")]
        file: Option<PathBuf>,
        /// So many, the first ones.
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
    /// Has scheduled messages come to the stream now.
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
    /// These, as `scheduled ls` has them; else all that the options say.
    #[arg(value_name = "ID", conflicts_with_all = ["due_by", "limit", "until"])]
    pub(crate) ids: Vec<ScheduleId>,
    /// Those that are due by then: a time such as 2026-11-27T02:41:03Z.
    #[arg(long, value_name = "TIME", value_parser = bound)]
    pub(crate) due_by: Option<Bound>,
    /// So many, those that are due first.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// None with a higher number in its id: what is scheduled meanwhile is left alone.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) until: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CronChange {
    /// Has a job rest, in all processes.
    Pause {
        #[command(flatten)]
        of: OneStream,
        /// The job.
        job: String,
    },
    /// Has a job go on that was paused or removed.
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
