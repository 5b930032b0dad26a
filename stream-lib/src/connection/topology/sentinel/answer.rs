//! The answer of a sentinel.

use std::collections::HashMap;

use redis::{FromRedisValue, Value};

use super::choice::{Announced, Vote};
use crate::connection::server_error::{answer_of, from_redis};
use crate::error::{Error, ErrorKind, Result};

/// The answer of one sentinel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// `None` if it doesn't watch the master.
    pub(super) vote: Option<Vote>,
    /// Further sentinels of the master, with their ids.
    pub(super) others: Vec<(String, Announced)>,
    /// Its own id; `None` if it doesn't tell.
    pub(super) id: Option<String>,
}

/// Reads the answers to `SENTINEL GET-MASTER-ADDR-BY-NAME`, `SENTINEL MASTER`,
/// `SENTINEL SENTINELS` and `SENTINEL MYID`. All but the first may be refused.
///
/// # Errors
///
/// The problem of the first answer.
pub(super) fn read(master: Value, state: Value, others: Value, id: Value) -> Result<Answer> {
    let epoch = fields(state).and_then(|state| state.get("config-epoch")?.parse().ok());
    let vote = address(master)?.map(|master| Vote {
        master,
        epoch: epoch.unwrap_or_default(),
    });
    let others = match others {
        Value::Array(others) => others.into_iter().filter_map(other).collect(),
        _ => Vec::new(),
    };
    Ok(Answer {
        vote,
        others,
        id: String::from_redis_value(id)
            .ok()
            .filter(|id| !id.is_empty()),
    })
}

fn address(value: Value) -> Result<Option<Announced>> {
    let value = value.extract_error().map_err(|e| {
        let error = from_redis(e);
        if answer_of(&error).is_missing_command() {
            let text = "it is no sentinel: it doesn't know the command `SENTINEL`";
            return Error::new(ErrorKind::Server, text);
        }
        error
    })?;
    let strange = || Error::new(ErrorKind::Protocol, "its answer is no address");
    let words = <Option<Vec<String>>>::from_redis_value(value).map_err(|_| strange())?;
    match words.as_deref() {
        None => Ok(None),
        Some([host, port]) => announced(host, port).map(Some).ok_or_else(strange),
        Some(_) => Err(strange()),
    }
}

fn other(value: Value) -> Option<(String, Announced)> {
    let fields = fields(value)?;
    let id = fields.get("runid").cloned().unwrap_or_default();
    Some((id, announced(fields.get("ip")?, fields.get("port")?)?))
}

fn announced(host: &str, port: &str) -> Option<Announced> {
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let is_host = !host.is_empty() && host != "?" && !host.contains(char::is_whitespace);
    is_host.then(|| (host.to_owned(), port))
}

fn fields(value: Value) -> Option<HashMap<String, String>> {
    FromRedisValue::from_redis_value(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn array(words: &[&str]) -> Value {
        Value::Array(words.iter().map(|word| bulk(word)).collect())
    }

    fn error(line: &str) -> Value {
        redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap()
    }

    #[test]
    fn an_answer_has_master_epoch_others_and_id() {
        let others = Value::Array(vec![
            array(&["name", "x", "ip", "10.0.0.2", "port", "26379", "runid", "b"]),
            array(&["name", "y", "ip", "", "port", "0"]),
        ]);
        let read = read(
            array(&["10.0.0.1", "6379"]),
            array(&["name", "mymaster", "config-epoch", "7", "flags", "master"]),
            others,
            bulk("a"),
        );
        let expected = Answer {
            vote: Some(Vote {
                master: ("10.0.0.1".to_owned(), 6379),
                epoch: 7,
            }),
            others: vec![("b".to_owned(), ("10.0.0.2".to_owned(), 26379))],
            id: Some("a".to_owned()),
        };
        assert_eq!(read.unwrap(), expected);
    }

    #[test]
    fn the_address_alone_is_enough() {
        let refused = || error("NOPERM this user has no permissions");
        let read = read(array(&["redis-1", "1"]), refused(), refused(), refused()).unwrap();
        assert_eq!(read.vote.unwrap().epoch, 0);
        assert_eq!((read.others.len(), read.id), (0, None));
    }

    #[test]
    fn a_master_that_is_not_watched_is_no_error() {
        let unknown = || error("ERR No such master with that name");
        let read = read(Value::Nil, unknown(), unknown(), bulk("a")).unwrap();
        assert_eq!(read.vote, None);
    }

    #[test]
    fn answers_that_are_none_say_what_they_are() {
        let of = |value| {
            let error = read(value, Value::Nil, Value::Nil, Value::Nil).unwrap_err();
            (error.kind(), error.to_string())
        };
        let (kind, text) = of(error("NOAUTH Authentication required."));
        assert!(
            kind == ErrorKind::Authentication && text.contains("NOAUTH"),
            "{text}"
        );
        let (kind, text) = of(error("ERR unknown command 'SENTINEL'"));
        assert!(
            kind == ErrorKind::Server && text.contains("no sentinel"),
            "{text}"
        );
        for strange in [
            array(&["h", "0"]),
            array(&["h"]),
            array(&["", "1"]),
            Value::Int(1),
        ] {
            let (kind, text) = of(strange);
            assert!(
                kind == ErrorKind::Protocol && text.contains("no address"),
                "{text}"
            );
        }
    }
}
