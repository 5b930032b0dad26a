//! Lua scripts by their digest, loaded where a server doesn't know them yet.

use std::sync::LazyLock;
use std::time::Duration;

use super::pack;
use crate::connection::{Reply, Wire};
use crate::error::Result;

/// A script and its digest.
#[derive(Debug)]
pub(super) struct Script {
    source: &'static str,
    digest: LazyLock<String, fn() -> String>,
}

macro_rules! script {
    ($($file:literal),+ $(,)?) => {
        script!(flags: "", $($file),+)
    };
    // `flags` is the first line, as Redis reads it: `#!lua flags=…`.
    (flags: $flags:literal, $($file:literal),+ $(,)?) => {{
        const SOURCE: &str = concat!($flags, $(include_str!(concat!("scripts/", $file))),+);
        $crate::command::script::Script::new(SOURCE, || {
            redis::Script::new(SOURCE).get_hash().to_owned()
        })
    }};
}
pub(super) use script;

impl Script {
    pub(super) const fn new(source: &'static str, digest: fn() -> String) -> Self {
        Self {
            source,
            digest: LazyLock::new(digest),
        }
    }

    pub(super) fn call<'a>(&'static self, keys: &[&'a str]) -> Call<'a> {
        Call {
            script: self,
            keys: keys.len(),
            args: keys.iter().map(|key| Arg::Text(key)).collect(),
            tail: (0, &[]),
        }
    }
}

/// One invocation: the keys, then the arguments.
#[derive(Debug)]
pub(super) struct Call<'a> {
    script: &'static Script,
    keys: usize,
    args: Vec<Arg<'a>>,
    /// Arguments behind all others that are packed already, and their number.
    tail: (usize, &'a [u8]),
}

#[derive(Debug)]
enum Arg<'a> {
    Text(&'a str),
    Owned(String),
    Bytes(Vec<u8>),
}

impl<'a> Call<'a> {
    /// One more key. Keys come before arguments.
    pub(super) fn key(mut self, key: Vec<u8>) -> Self {
        self.keys += 1;
        self.args.push(Arg::Bytes(key));
        self
    }

    pub(super) fn arg(mut self, text: &'a str) -> Self {
        self.args.push(Arg::Text(text));
        self
    }

    pub(super) fn number(mut self, value: u64) -> Self {
        self.args.push(Arg::Owned(value.to_string()));
        self
    }

    pub(super) fn shown(mut self, value: &impl ToString) -> Self {
        self.args.push(Arg::Owned(value.to_string()));
        self
    }

    pub(super) fn millis(self, time: Duration) -> Self {
        self.number(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    /// `count` arguments that are packed already, behind all others.
    pub(super) fn packed(mut self, count: usize, args: &'a [u8]) -> Self {
        self.tail = (count, args);
        self
    }

    /// Runs the script, loading it first where the server doesn't have it.
    pub(super) fn run(&self, wire: &mut Wire) -> Result<Reply> {
        let (count, tail) = self.tail;
        let mut packed = Vec::with_capacity(256 + 16 * self.args.len() + tail.len());
        pack::array(&mut packed, 3 + self.args.len() + count);
        pack::bulk(&mut packed, b"EVALSHA");
        pack::bulk(&mut packed, self.script.digest.as_bytes());
        pack::number(&mut packed, self.keys as u64);
        for arg in &self.args {
            let bytes = match arg {
                Arg::Text(text) => text.as_bytes(),
                Arg::Owned(text) => text.as_bytes(),
                Arg::Bytes(bytes) => bytes,
            };
            pack::bulk(&mut packed, bytes);
        }
        packed.extend_from_slice(tail);
        let timeout = wire.response_timeout();
        wire.send(&packed, 1)?;
        let reply = wire.receive_owned(timeout)?;
        if !super::reply::is_code(&reply, "NOSCRIPT") {
            return super::reply::checked(reply);
        }
        let mut load = Vec::with_capacity(self.script.source.len() + 64);
        pack::command(
            &mut load,
            &[b"SCRIPT", b"LOAD", self.script.source.as_bytes()],
        );
        load.extend_from_slice(&packed);
        wire.send(&load, 2)?;
        let loaded = super::reply::checked(wire.receive_owned(timeout)?);
        let reply = super::reply::checked(wire.receive_owned(timeout)?);
        loaded.and(reply)
    }
}
