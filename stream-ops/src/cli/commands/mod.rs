//! One file per command, or per few that belong together.

mod audit;
mod changes;
mod check;
mod consumers;
mod cron;
mod demo;
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

use self::changes::pending::Act;
use self::changes::replay::Target;
use super::args::{
    Command, ConsumerCommand, CronCommand, DlqCommand, GroupCommand, Overview, PendingCommand,
    RetentionCommand, ScheduledCommand, SchemaCommand, StreamCommand,
};
use super::context::Context;
use super::exit::Outcome;
use crate::observe::{StreamFacts, partition_names};

/// Runs a command; the overview where none was given.
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
            StreamCommand::Send { of, fields, key } => {
                changes::streams::send(context, &of.name, &fields, key.as_deref())
            }
            StreamCommand::Trim {
                of,
                max_length,
                max_age,
                bounds,
            } => changes::streams::trim(context, &of.name, max_length, max_age, &bounds),
        },
        Some(Command::Group(command)) => group(context, &command),
        Some(Command::Consumer(command)) => match command {
            ConsumerCommand::Ls(of) => consumers::ls(context, &of.name, &of.group),
            ConsumerCommand::Rm { of, consumer } => {
                changes::groups::rm_consumer(context, &of, &consumer)
            }
        },
        Some(Command::Pending(command)) => pending(context, &command),
        Some(Command::Dlq(command)) => dlq(context, &command),
        Some(Command::Scheduled(command)) => match command {
            ScheduledCommand::Ls { of, count } => scheduled::ls(context, &of.name, count),
            ScheduledCommand::Cancel { of, ids, bounds } => {
                changes::scheduled::run(context, &of.name, &ids, true, &bounds)
            }
            ScheduledCommand::RunNow { of, ids, bounds } => {
                changes::scheduled::run(context, &of.name, &ids, false, &bounds)
            }
        },
        Some(Command::Cron(command)) => match command {
            CronCommand::Ls(of) => cron::ls(context, &of.name),
            CronCommand::Pause { of, job } => changes::cron::run(context, &of.name, &job, true),
            CronCommand::Resume { of, job } => changes::cron::run(context, &of.name, &job, false),
        },
        Some(Command::Replay {
            of,
            from,
            to,
            into,
            group,
            bounds,
        }) => {
            let target = match (&into, &group) {
                (Some(into), _) => Target::Stream(into),
                (None, group) => Target::Group(group.as_deref().unwrap_or_default()),
            };
            changes::replay::run(context, &of.name, (from, to), target, &bounds)
        }
        Some(Command::Schema(command)) => match command {
            SchemaCommand::Ls(of) => schema::ls(context, &of.name),
            SchemaCommand::Show { of, which } => schema::show(context, &of.name, &which),
            SchemaCommand::Diff { of, before, after } => {
                schema::diff(context, &of.name, &before, &after)
            }
        },
        Some(Command::Retention(command)) => match command {
            RetentionCommand::Plan(of) => retention::plan(context, &of.name),
            RetentionCommand::Run { of, bounds } => {
                changes::retention::run(context, &of.name, &bounds)
            }
        },
        Some(Command::Check(args)) => check::run(context, &args),
        Some(Command::Doctor) => doctor::run(context),
        Some(Command::Metrics(args)) => metrics::run(context, &args),
        Some(Command::Events(args)) => events::run(context, &args),
        Some(Command::Audit(args)) => audit::run(context, &args),
        Some(Command::Serve(args)) => serve::run(context, &args),
        Some(Command::Demo(args)) => demo::run(context, &args),
        Some(Command::Completions { shell }) => manual::completions(context, shell),
        Some(Command::Man { dir }) => manual::man(context, dir.as_deref()),
    }
}

fn group(context: &Context, command: &GroupCommand) -> Outcome {
    match command {
        GroupCommand::Ls { name } => groups::ls(context, name.as_deref()),
        GroupCommand::Info(of) => groups::info(context, &of.name, &of.group),
        GroupCommand::Create { of, from } => changes::groups::create(context, of, *from),
        GroupCommand::SetId {
            of,
            to,
            force,
            bounds,
        } => changes::groups::set_id(context, of, *to, *force, bounds),
        GroupCommand::Hold { of, time, why } => changes::groups::hold(context, of, *time, why),
        GroupCommand::Release(of) => changes::groups::release(context, of),
        GroupCommand::Rm { of, bounds } => changes::groups::rm(context, of, bounds),
    }
}

fn pending(context: &Context, command: &PendingCommand) -> Outcome {
    match command {
        PendingCommand::Ls {
            of,
            suspects,
            consumer,
            count,
        } => pending::ls(context, of, *suspects, consumer.as_deref(), *count),
        PendingCommand::Release { which, bounds } => {
            changes::pending::run(context, which, Act::Release, bounds)
        }
        PendingCommand::Bury { which, why, bounds } => {
            changes::pending::run(context, which, Act::Bury(why), bounds)
        }
        PendingCommand::Ack { which, bounds } => {
            changes::pending::run(context, which, Act::Ack, bounds)
        }
    }
}

fn dlq(context: &Context, command: &DlqCommand) -> Outcome {
    match command {
        DlqCommand::Ls {
            of,
            which,
            kinds,
            count,
        } => dlq::ls(context, &of.name, which, *kinds, *count),
        DlqCommand::Show { of, id, diff } => dlq::show(context, &of.name, id, *diff),
        DlqCommand::Redrive {
            of,
            ids,
            which,
            set,
            unset,
            bounds,
        } => changes::dlq::redrive(context, &of.name, ids, which, (set, unset), bounds),
        DlqCommand::Rm {
            of,
            ids,
            which,
            bounds,
        } => changes::dlq::rm(context, &of.name, ids, which, bounds),
        DlqCommand::Export { of } => changes::export::export(context, &of.name),
        DlqCommand::Import { of, bounds } => changes::export::import(context, &of.name, bounds),
    }
}

/// The streams in which the entries of a stream are: itself, or its partitions.
fn parts_of(facts: &StreamFacts) -> Vec<String> {
    match facts.partitions {
        Some(count) => partition_names(&facts.name, count),
        None => vec![facts.name.clone()],
    }
}
