//! `stream send`.

use serde_json::Value;
use stream_lib::{Envelope, RawMessage, StreamConfig};

use super::dead::Judge;
use super::fields::{pairs, read};
use super::job::{InSteps, Step};
use super::plan::{Failing, Plan};
use super::refused::{Planned, Refused};
use super::said::named;
use super::source::parts;
use crate::server::{Redis, with_causes};
use crate::words::of;

/// A message to be added.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// Its fields.
    pub fields: RawMessage,
    /// Its headers: names and values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The key that decides its partition.
    pub key: Option<Vec<u8>>,
    /// A second message with this key is dropped within the stream's idempotency window.
    pub idempotency_key: Option<String>,
}

impl Message {
    /// Reads a line: an object of fields, `{"order_id": "A-1", "amount": 12.5}`; or an
    /// object with `fields`, and optionally `headers`, `key` and `idempotency_key`. Bytes
    /// that are no text are written as `{"hex": "00ff"}`.
    ///
    /// # Errors
    ///
    /// If the line has another form. The text names the problem.
    pub fn read(line: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(line).map_err(|e| format!("no JSON: {e}"))?;
        let object = value.as_object().ok_or("an object was expected")?;
        let nested = object.get("fields").filter(|fields| !fields.is_string());
        let Some(fields) = nested else {
            let fields = pairs(&value)?;
            return Ok(Self::of(&fields));
        };
        let mut message = Self::of(&pairs(fields)?);
        if let Some(headers) = object.get("headers") {
            for (name, value) in pairs(headers)? {
                let name = String::from_utf8(name).map_err(|_| "a header's name is text")?;
                message.headers.push((name, value));
            }
        }
        message.key = object.get("key").map(read).transpose()?;
        if let Some(key) = object.get("idempotency_key") {
            let key = key.as_str().ok_or("an idempotency key is text")?;
            message.idempotency_key = Some(key.to_owned());
        }
        Ok(message)
    }

    fn of(fields: &[(Vec<u8>, Vec<u8>)]) -> Self {
        let fields = fields
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()));
        Self {
            fields: fields.collect(),
            ..Self::default()
        }
    }
}

/// Plans to add messages to a stream, and to create the stream if it doesn't exist.
///
/// # Errors
///
/// [`Refused::Wrong`] if there are no messages, if one has no fields, or if `check` is
/// true and one doesn't fit the newest schema. Else if Redis can't be reached.
pub fn send(
    redis: &Redis,
    stream: &str,
    messages: Vec<Message>,
    check: bool,
    limit: Option<usize>,
) -> Planned {
    if messages.is_empty() {
        return Err(Refused::Wrong("there is no message to send".to_owned()));
    }
    let mut messages = messages;
    messages.truncate(limit.unwrap_or(usize::MAX));
    let mut judge = Judge::new(redis.manager().schemas(stream)?);
    for (number, message) in (1..).zip(&messages) {
        if message.fields.is_empty() {
            return Err(Refused::Wrong(format!("message {number} has no fields")));
        }
        judge.look(&number.to_string(), &message.fields);
    }
    let failing = judge.found();
    if let Some(failing) = failing
        .as_ref()
        .filter(|failing| failing.count > 0 && check)
    {
        let why = failing.why.first();
        let why = why.map_or_else(String::new, |why| {
            format!(
                ": message {}: {} (schema {})",
                why.sample, why.text, why.schema
            )
        });
        let number = of(failing.count, "message doesn't", "messages don't");
        return Err(Refused::Wrong(format!(
            "{number} fit the newest schema of {}{why}; --force sends them all the same",
            named(stream)
        )));
    }
    let number = messages.len();
    let sentence = format!(
        "Would add {} to {}.",
        of(number as u64, "message", "messages"),
        named(stream)
    );
    let unfit = failing.as_ref().and_then(Failing::sentence);
    let name = stream.to_owned();
    let job = InSteps::job(messages, move |redis: &Redis, messages: &[Message]| {
        add(redis, &name, messages)
    });
    let mut plan = Plan::new("stream send", stream, ("message", "messages"), "Added", job)
        .counted(number)
        .say(sentence);
    plan.sentences.extend(unfit);
    if failing.is_none() {
        plan = plan.say("No schema is known to check against.");
    }
    if parts(redis, stream)?.iter().all(|part| {
        let kind = redis.ask_one(&part.key, crate::server::request(["EXISTS", &part.key]));
        kind.is_ok_and(|kind| kind == stream_lib::Answer::Int(0))
    }) {
        plan = plan.say("The stream doesn't exist yet: it is made.");
    }
    plan.is_limited = limit.is_some();
    plan.failing = failing;
    Ok(plan)
}

/// Adds messages, in order, to the partitions that their keys decide.
pub(super) fn add(redis: &Redis, stream: &str, messages: &[Message]) -> stream_lib::Result<Step> {
    const NAME: &str = "streamctl";
    let manager = redis.manager();
    let handle = manager.create_simple_producer(NAME, StreamConfig::new(stream))?;
    let producer = handle.typed::<RawMessage>();
    let envelopes = messages.iter().map(|message| {
        let mut envelope = Envelope::new(&message.fields);
        for (name, value) in &message.headers {
            envelope = envelope.header(name, value);
        }
        if let Some(key) = &message.idempotency_key {
            envelope = envelope.idempotency_key(key);
        }
        match &message.key {
            Some(key) => envelope.key(key),
            None => envelope,
        }
    });
    let answers = producer.add_all(envelopes);
    manager.remove_producer(NAME)?;
    let mut step = Step::default();
    for answer in answers {
        match answer {
            Ok(added) if added.is_duplicate() => {
                step = step.and_left("were added before", 1_u64);
            }
            Ok(_) => step.done += 1,
            Err(error) if step.done == 0 && step.refused.is_none() => return Err(error),
            Err(error) => step.refused = step.refused.or_else(|| Some(with_causes(&error))),
        }
    }
    Ok(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_fields_or_have_them() {
        let plain = Message::read(r#"{"a": "1", "b": 2, "c": {"hex": "ff"}}"#).unwrap();
        assert_eq!(plain.fields.get("b"), Some(&b"2"[..]));
        assert_eq!(plain.fields.get("c"), Some(&[0xff][..]));
        let full = r#"{"fields": [["a", "1"], ["a", "2"]], "headers": {"h": "x"}, "key": "k"}"#;
        let full = Message::read(full).unwrap();
        assert_eq!(
            (full.fields.len(), full.key.as_deref()),
            (2, Some(&b"k"[..]))
        );
        assert_eq!(full.headers, [("h".to_owned(), b"x".to_vec())]);
        for wrong in ["", "[]", r#"{"a": null}"#, r#"{"a": [1]}"#] {
            assert!(Message::read(wrong).is_err(), "{wrong}");
        }
    }
}
