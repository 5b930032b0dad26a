//! The commands that look, one file per command or per few that belong together.

mod audit;
mod check;
mod consumers;
mod cron;
mod dlq;
mod doctor;
mod entries;
mod events;
mod groups;
mod manual;
mod metrics;
mod overview;
mod pending;
mod retention;
mod rights;
mod scheduled;
mod schema;
mod serve;
mod streams;

use super::args::{
    Command, ConsumerCommand, CronCommand, DlqCommand, GroupCommand, Overview, PendingCommand,
    RetentionCommand, ScheduledCommand, SchemaCommand, StreamCommand,
};
use super::changes;
use super::context::Context;
use super::exit::Outcome;
use crate::observe::{StreamFacts, partition_names};

/// Runs a command; without one, the overview.
pub(crate) fn run(context: &Context, command: Option<Command>) -> Outcome {
    match command {
        None => {
            let every = std::time::Duration::from_secs(2);
            overview::run(
                context,
                &Overview {
                    watch: false,
                    every,
                },
            )
        }
        Some(Command::Overview(args)) => overview::run(context, &args),
        Some(Command::Stream(command)) => match command {
            StreamCommand::Ls => streams::ls(context),
            StreamCommand::Info { of, partitions } => streams::info(context, &of.name, partitions),
            StreamCommand::Peek { of, count, from } => {
                entries::peek(context, &of.name, count, from)
            }
            StreamCommand::Tail { of, count } => entries::tail(context, &of.name, count),
            StreamCommand::Change(change) => changes::stream(context, change),
        },
        Some(Command::Group(command)) => match command {
            GroupCommand::Ls { name } => groups::ls(context, name.as_deref()),
            GroupCommand::Info(of) => groups::info(context, &of.name, &of.group),
            GroupCommand::Change(change) => changes::group(context, change),
        },
        Some(Command::Consumer(command)) => match command {
            ConsumerCommand::Ls(of) => consumers::ls(context, &of.name, &of.group),
            ConsumerCommand::Change(change) => changes::consumer(context, change),
        },
        Some(Command::Pending(command)) => match command {
            PendingCommand::Ls {
                of,
                suspects,
                consumer,
                count,
            } => pending::ls(context, &of, suspects, consumer.as_deref(), count),
            PendingCommand::Change(change) => changes::pending(context, change),
        },
        Some(Command::Dlq(command)) => match command {
            DlqCommand::Ls {
                of,
                which,
                kinds,
                count,
            } => dlq::ls(context, &of.name, &which, kinds, count),
            DlqCommand::Show { of, id, diff } => dlq::show(context, &of.name, &id, diff),
            DlqCommand::Change(change) => changes::dlq(context, change),
        },
        Some(Command::Scheduled(command)) => match command {
            ScheduledCommand::Ls { of, count } => scheduled::ls(context, &of.name, count),
            ScheduledCommand::Change(change) => changes::scheduled(context, change),
        },
        Some(Command::Cron(command)) => match command {
            CronCommand::Ls(of) => cron::ls(context, &of.name),
            CronCommand::Change(change) => changes::cron(context, change),
        },
        Some(Command::Change(change)) => changes::run(context, change),
        Some(Command::Schema(command)) => match command {
            SchemaCommand::Ls(of) => schema::ls(context, &of.name),
            SchemaCommand::Show { of, which } => schema::show(context, &of.name, &which),
            SchemaCommand::Diff { of, before, after } => {
                schema::diff(context, &of.name, &before, &after)
            }
        },
        Some(Command::Retention(command)) => match command {
            RetentionCommand::Plan(of) => retention::plan(context, &of.name),
            RetentionCommand::Change(change) => changes::retention(context, change),
        },
        Some(Command::Check(args)) => check::run(context, &args),
        Some(Command::Doctor) => doctor::run(context),
        Some(Command::Metrics(args)) => metrics::run(context, &args),
        Some(Command::Events(args)) => events::run(context, &args),
        Some(Command::Audit(args)) => audit::run(context, &args),
        Some(Command::Serve(args)) => serve::run(context, &args),
        Some(Command::Completions { shell }) => manual::completions(context, shell),
        Some(Command::Man { dir }) => manual::man(context, dir.as_deref()),
    }
}

/// The keys that hold the entries of a stream: its own, or those of its partitions.
fn parts_of(facts: &StreamFacts) -> Vec<String> {
    match facts.partitions {
        Some(count) => partition_names(&facts.name, count),
        None => vec![facts.name.clone()],
    }
}
