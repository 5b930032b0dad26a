//! The schemas of a stream's messages, stored beside it.

use std::time::Duration;

use redis::cmd;

use super::reply::Tokens;
use super::script::{Script, script};
use crate::connection::{Wire, from_redis};
use crate::error::Result;
use crate::keys::StreamKeys;

static NOTE: Script = script!("schema.lua");

/// How many schemas a stream keeps.
const MOST: u64 = 32;

/// How long a stored schema need not be stored again.
pub(crate) const SEEN_FOR: Duration = Duration::from_secs(3_600);

/// The role of a program that has a message type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SchemaRole {
    Producer,
    Consumer,
}

/// A schema to store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotedSchema<'a> {
    pub(crate) fingerprint: &'a str,
    /// In JSON.
    pub(crate) body: &'a str,
    pub(crate) role: SchemaRole,
    pub(crate) program: &'a str,
}

/// Stores a schema with the stream of these keys, the stem's. Returns whether the stream
/// had only others.
pub(crate) fn note_schema(
    wire: &mut Wire,
    keys: &StreamKeys,
    schema: &NotedSchema<'_>,
) -> Result<bool> {
    let role = match schema.role {
        SchemaRole::Producer => "producers",
        SchemaRole::Consumer => "consumers",
    };
    let reply = NOTE
        .call(&[&keys.schema()])
        .arg(schema.fingerprint)
        .arg(schema.body)
        .arg(role)
        .arg(&plain(schema.program))
        .number(MOST)
        .millis(SEEN_FOR)
        .run(wire)?;
    Ok(Tokens::new(&reply).int()? == 2)
}

/// The stored schemas of a stream, by fingerprint, in JSON (`HGETALL`).
pub(crate) fn known_schemas(wire: &mut Wire, keys: &StreamKeys) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    cmd("HGETALL")
        .arg(keys.schema())
        .query(wire)
        .map_err(from_redis)
}

/// A name that needs no escapes, and is not too long.
fn plain(name: &str) -> String {
    let plain = |c: char| {
        if c.is_control() || matches!(c, '"' | '\\') {
            '_'
        } else {
            c
        }
    };
    name.chars().take(100).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_needs_no_escapes() {
        assert_eq!(plain("orders 1.2"), "orders 1.2");
        assert_eq!(plain("a\"b\\c\nd"), "a_b_c_d");
        assert_eq!(plain(&"é".repeat(200)).chars().count(), 100);
    }
}
