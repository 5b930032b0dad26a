//! Changes of a stream's entries.

use stream_lib::RawMessage;

use super::dead::lines;
use super::demo;
use super::drive::drive;
use crate::act::{self, Keep, Message, Target};
use crate::cli::change_args::{Change, RetentionChange, StreamChange};
use crate::cli::context::Context;
use crate::cli::exit::{Fault, Outcome};
use crate::cli::parse::field;

pub(crate) fn run(context: &Context, change: Change) -> Outcome {
    match change {
        Change::Replay(replay) => {
            let target = match (replay.into, replay.group) {
                (Some(into), _) => Target::Stream(into),
                (None, Some(group)) => Target::Group(group),
                (None, None) => return Err(Fault::usage("--into or --group is needed")),
            };
            let redis = context.redis()?;
            let (stream, from, to) = (&replay.of.name, replay.from, replay.to);
            let plan = act::replay(redis, stream, from, to, &target, replay.limit);
            drive(context, plan, replay.agreed)
        }
        Change::Demo(demo) => demo::run(context, &demo),
        Change::DemoWorker { place } => demo::work(context, &place),
    }
}

pub(crate) fn stream(context: &Context, change: StreamChange) -> Outcome {
    match change {
        StreamChange::Send {
            of,
            fields,
            key,
            idempotency_key,
            header,
            force,
            limit,
            agreed,
        } => {
            let mut messages = messages(&fields, key, &header)?;
            if let Some(first) = messages.first_mut().filter(|_| idempotency_key.is_some()) {
                first.idempotency_key = idempotency_key;
            }
            let plan = act::send(context.redis()?, &of.name, messages, !force, limit);
            drive(context, plan, agreed)
        }
        StreamChange::Trim {
            of,
            max_length,
            max_age,
            until,
            agreed,
        } => {
            let keep = Keep {
                max_length,
                max_age,
                until,
            };
            drive(
                context,
                act::trim(context.redis()?, &of.name, &keep),
                agreed,
            )
        }
    }
}

pub(crate) fn retention(context: &Context, change: RetentionChange) -> Outcome {
    let RetentionChange::Run { of, limit, agreed } = change;
    let plan = act::clean_some(context.redis()?, &of.name, limit);
    drive(context, plan, agreed)
}

/// One message of `FIELD=VALUE` words, or one for each line of standard input.
fn messages(fields: &[String], key: Option<String>, headers: &[String]) -> Outcome<Vec<Message>> {
    if fields.is_empty() {
        let lines = lines(None)?;
        let filled = (1..)
            .zip(&lines)
            .filter(|(_, line)| !line.trim().is_empty());
        return filled
            .map(|(at, line)| {
                Message::read(line).map_err(|e| Fault::usage(format!("line {at}: {e}")))
            })
            .collect();
    }
    let mut message = RawMessage::new();
    for text in fields {
        let (name, value) = field(text)?;
        message.push(name, value);
    }
    let headers: Outcome<Vec<_>> = headers
        .iter()
        .map(|text| field(text).map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())))
        .collect();
    Ok(vec![Message {
        fields: message,
        headers: headers?,
        key: key.map(String::into_bytes),
        idempotency_key: None,
    }])
}
