//! `dlq export`.

use std::collections::VecDeque;

use serde_json::{Value, json};
use stream_lib::{DeadLetterId, FieldMask};

use super::choice::DeadChoice;
use crate::act::fields::written;
use crate::act::refused::{Planned, Refused};
use crate::act::said::named;
use crate::act::source::ensure_known;
use crate::observe::{own_key, partition_names};
use crate::server::{Answered, Redis, pairs, request};

/// Exports dead letters: one object for each, with all its fields, those of the library
/// included, byte for byte. Changes nothing.
///
/// # Blocking
///
/// One round trip per dead letter, when the iterator reaches it.
///
/// # Errors
///
/// Those of [`DeadLetters`](stream_lib::DeadLetters), and [`Refused::Wrong`] if the
/// stream has a sensitive field and `with_sensitive` is false.
pub fn export<'a>(
    redis: &'a Redis,
    stream: &'a str,
    choice: &DeadChoice,
    with_sensitive: bool,
) -> Planned<impl Iterator<Item = Planned<Value>> + use<'a>> {
    ensure_known(redis, stream)?;
    let letters = redis.manager().dead_letters(stream)?;
    let mut left: VecDeque<DeadLetterId> = choice.select(&letters)?.into();
    // After the selection, since the type of a message is stored before the message.
    let mask = FieldMask::of(&redis.manager().schemas(stream)?);
    if mask.hides_any() && !with_sensitive {
        return Err(Refused::Wrong(format!(
            "dead letters of {} have sensitive fields, and half of them would be of no use: \
             --show-sensitive writes them out",
            named(stream)
        )));
    }
    Ok(std::iter::from_fn(move || {
        // Dead letters that are gone by now are skipped.
        while let Some(id) = left.pop_front() {
            if let Some(line) = line(redis, stream, id).transpose() {
                return Some(line);
            }
        }
        None
    }))
}

/// The key of the dead letters of a stream, or of one of its partitions.
pub(super) fn dead_key(stream: &str, partition: Option<u16>) -> String {
    let Some(partition) = partition else {
        return own_key(stream, "dead");
    };
    let names = partition_names(stream, partition.saturating_add(1));
    own_key(names.last().map_or(stream, String::as_str), "dead")
}

fn line(redis: &Redis, stream: &str, at: DeadLetterId) -> Planned<Option<Value>> {
    let (key, id) = (dead_key(stream, at.partition), at.id.to_string());
    let answer = redis.ask_one(&key, request(["XRANGE", &key, &id, &id]))?;
    if let Some(line) = answer.error() {
        return Err(Refused::Redis(line.to_owned()));
    }
    let Some([_, fields]) = answer.list().first().map(Answered::list) else {
        return Ok(None);
    };
    let fields: Vec<Value> = pairs(fields.list())
        .filter_map(|(name, value)| Some(json!([written(name.bytes()?), written(value.bytes()?)])))
        .collect();
    Ok(Some(json!({
        "v": crate::json::VERSION,
        "stream": stream,
        "id": at.to_string(),
        "fields": fields,
    })))
}
