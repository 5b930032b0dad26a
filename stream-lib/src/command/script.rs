//! Lua scripts by their digest, loaded if a server doesn't know them yet; by their source
//! if it can't load any.

use std::sync::LazyLock;
use std::time::Duration;

use super::pack;
use super::reply::{checked, unexpected};
use crate::connection::{Reply, ReplyRef, ServerError, Wire};
use crate::error::{ErrorKind, Result};

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

    pub(super) fn call<'a>(&'static self, keys: &[&str]) -> Call<'a> {
        let mut call = Call {
            script: self,
            keys: 0,
            args: (0, Vec::with_capacity(256)),
            tail: (0, &[]),
        };
        for key in keys {
            call = call.key(key.as_bytes());
        }
        call
    }

    /// Whether the answer to a call says that the server must load the script first, or
    /// takes none by digest.
    pub(super) fn is_missing(reply: ReplyRef<'_>) -> bool {
        let says_so = |line: &[u8]| {
            line.starts_with(b"NOSCRIPT")
                || line.starts_with(b"NOPERM") && line.ends_with(b"'evalsha' command")
                || ServerError::new(line).answer().is_missing_command()
        };
        reply.error().is_some_and(says_so)
    }

    /// Sends a packed call of the script, and the script in front of it, and returns
    /// both answers: the first is an error, or nothing of interest.
    fn run_with(&self, wire: &mut Wire, packed: &[u8]) -> Result<(Result<Reply>, Reply)> {
        let mut all = Vec::with_capacity(self.source.len() + 64 + packed.len());
        pack::command(&mut all, &[b"SCRIPT", b"LOAD", self.source.as_bytes()]);
        all.extend_from_slice(packed);
        let mut replies = wire.exchange_all(&all, 2)?.into_iter();
        match (replies.next(), replies.next()) {
            (Some(loaded), Some(reply)) => Ok((checked(loaded), reply)),
            _ => Err(unexpected("a script")),
        }
    }
}

/// One invocation: the keys, then the arguments.
#[derive(Debug)]
pub(super) struct Call<'a> {
    script: &'static Script,
    keys: usize,
    /// The number of keys and arguments so far, and their wire form.
    args: (usize, Vec<u8>),
    /// Packed arguments after all others, and their number.
    tail: (usize, &'a [u8]),
}

impl<'a> Call<'a> {
    /// One more key. Keys come before arguments.
    pub(super) fn key(mut self, key: &[u8]) -> Self {
        self.keys += 1;
        self.bytes(key)
    }

    pub(super) fn arg(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(super) fn number(mut self, value: u64) -> Self {
        self.args.0 += 1;
        pack::number(&mut self.args.1, value);
        self
    }

    pub(super) fn shown(self, value: &impl ToString) -> Self {
        self.bytes(value.to_string().as_bytes())
    }

    pub(super) fn millis(self, time: Duration) -> Self {
        self.number(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    /// Appends `count` packed arguments after all others.
    pub(super) fn packed(mut self, count: usize, args: &'a [u8]) -> Self {
        self.tail = (count, args);
        self
    }

    /// Appends the call in wire form.
    pub(super) fn pack_into(&self, out: &mut Vec<u8>) {
        self.pack_as(out, b"EVALSHA", self.script.digest.as_bytes());
    }

    fn pack_as(&self, out: &mut Vec<u8>, command: &[u8], script: &[u8]) {
        let ((count, args), (more, tail)) = (&self.args, self.tail);
        out.reserve(128 + script.len() + args.len() + tail.len());
        pack::array(out, 3 + count + more);
        pack::bulk(out, command);
        pack::bulk(out, script);
        pack::number(out, self.keys as u64);
        out.extend_from_slice(args);
        out.extend_from_slice(tail);
    }

    /// Runs the script, and loads it first if the server doesn't have it. If it can't be
    /// loaded, its source is sent (`EVAL`), which also makes it known to the server.
    pub(super) fn run(&self, wire: &mut Wire) -> Result<Reply> {
        let mut packed = Vec::new();
        self.pack_into(&mut packed);
        let reply = wire.exchange(&packed)?;
        if !Script::is_missing(reply.as_ref()) {
            return checked(reply);
        }
        if wire.endpoint().loads_scripts() {
            let (loaded, reply) = self.script.run_with(wire, &packed)?;
            if !Script::is_missing(reply.as_ref()) {
                return checked(reply);
            }
            match loaded {
                // The server's scripts are flushed again and again.
                Ok(_) => {}
                Err(e) if matches!(e.kind(), ErrorKind::Server | ErrorKind::PermissionDenied) => {
                    wire.endpoint().remember_no_script_load();
                }
                Err(e) => return Err(e),
            }
        }
        packed.clear();
        self.pack_as(&mut packed, b"EVAL", self.script.source.as_bytes());
        checked(wire.exchange(&packed)?)
    }

    pub(super) fn bytes(mut self, value: &[u8]) -> Self {
        self.args.0 += 1;
        pack::bulk(&mut self.args.1, value);
        self
    }
}
