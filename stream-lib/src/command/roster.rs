//! The members of a group: signs of life and facts, at the stem, and the consumers that
//! Redis knows, in each partition.

use std::collections::HashMap;
use std::time::Duration;

use redis::{Value, cmd, pipe};

use super::beat::{Sign, signs_of};
use super::{FactsRecord, Group};
use crate::connection::{Wire, from_redis};
use crate::error::{ErrorKind, Result};

/// Names with their scores.
type Scores = Vec<(Vec<u8>, f64)>;

/// The signs of life and facts of a group's members.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    /// The server's clock, in milliseconds since 1970.
    pub(crate) server_ms: u64,
    pub(crate) signs: Vec<Sign>,
    pub(crate) facts: HashMap<Vec<u8>, FactsRecord>,
}

/// A consumer by `XINFO CONSUMERS`. Any bytes may be a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConsumerFacts {
    pub(crate) name: Vec<u8>,
    pub(crate) pending: u64,
    /// The time since it last asked for entries or, before 7.2, since it last got one.
    pub(crate) idle: Duration,
}

/// Reads the signs of life and the facts (`TIME`, `ZRANGE`, `HGETALL`). `group` is the
/// stem's. Facts that this user may not read are left out.
pub(crate) fn roster(wire: &mut Wire, group: &Group) -> Result<Roster> {
    let ((seconds, micros), signs): ((u64, u64), Scores) = pipe()
        .cmd("TIME")
        .cmd("ZRANGE")
        .arg(group.members())
        .arg(0)
        .arg(-1)
        .arg("WITHSCORES")
        .query(wire)
        .map_err(from_redis)?;
    let facts = cmd("HGETALL")
        .arg(group.facts())
        .query::<HashMap<Vec<u8>, Vec<u8>>>(wire)
        .map_err(from_redis);
    let facts = match facts {
        Err(e) if matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::WrongType) => {
            HashMap::new()
        }
        facts => facts?,
    };
    let facts = facts.into_iter();
    Ok(Roster {
        server_ms: seconds * 1_000 + micros / 1_000,
        signs: signs_of(signs),
        facts: facts
            .filter_map(|(name, json)| Some((name, FactsRecord::parse(&json)?)))
            .collect(),
    })
}

/// The consumers of a group (`XINFO CONSUMERS`); none if the group doesn't exist.
pub(crate) fn consumers(wire: &mut Wire, group: &Group) -> Result<Vec<ConsumerFacts>> {
    let asked = cmd("XINFO")
        .arg("CONSUMERS")
        .arg(group.stream())
        .arg(group.name())
        .query::<Value>(wire);
    match asked {
        Ok(consumers) => Ok(consumer_facts(&consumers)),
        Err(e) if e.to_string().contains("no such key") => Ok(Vec::new()),
        Err(e) => match from_redis(e) {
            e if e.kind() == ErrorKind::NoGroup => Ok(Vec::new()),
            e => Err(e),
        },
    }
}

/// The consumers in an answer to `XINFO CONSUMERS`.
pub(super) fn consumer_facts(consumers: &Value) -> Vec<ConsumerFacts> {
    let Value::Array(consumers) = consumers else {
        return Vec::new();
    };
    let facts = |consumer: &Value| {
        let Value::Array(fields) = consumer else {
            return None;
        };
        let (mut name, mut pending, mut idle) = (None, 0, 0);
        for pair in fields.chunks(2) {
            match pair {
                [Value::BulkString(key), Value::BulkString(value)] if key == b"name" => {
                    name = Some(value.clone());
                }
                [Value::BulkString(key), Value::Int(value)] => match &**key {
                    b"pending" => pending = u64::try_from(*value).unwrap_or(0),
                    b"idle" => idle = u64::try_from(*value).unwrap_or(0),
                    _ => {}
                },
                _ => {}
            }
        }
        Some(ConsumerFacts {
            name: name?,
            pending,
            idle: Duration::from_millis(idle),
        })
    };
    consumers.iter().filter_map(facts).collect()
}
