//! The script that reads a stream: what it is asked, and what it tells.

use std::sync::LazyLock;
use std::time::Duration;

use sha1_smol::Sha1;
use stream_lib::{Answer, EntryId, Result};

use crate::server::{Answered, Redis, Request, request};

const SCRIPT: &str = include_str!("facts.lua");

static DIGEST: LazyLock<String> = LazyLock::new(|| Sha1::from(SCRIPT).digest().to_string());

/// What the script is to compare with, and whether it may copy entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) is_part: bool,
    /// The length and the last id of the stream, if they are known.
    pub(super) stream: Option<(u64, EntryId)>,
    /// Those of its dead letters.
    pub(super) dead: Option<(u64, EntryId)>,
    /// The ids behind which the first entry is known.
    pub(super) cursors: Vec<EntryId>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    /// The server's clock, in milliseconds since 1970.
    pub(super) at_ms: u64,
    pub(super) length: u64,
    pub(super) how: How,
    /// Bytes of the entries that the server has copied.
    pub(super) copied: u64,
    pub(super) added: Option<u64>,
    pub(super) first: Option<EntryId>,
    pub(super) last: Option<EntryId>,
    pub(super) groups: Vec<ToldGroup>,
    pub(super) dead: u64,
    pub(super) newest_dead: ToldId,
    /// How long the server worked.
    pub(super) took: Duration,
}

/// What is told of the entries of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Whole,
    /// They are those that are known.
    Same,
    /// Only what needs no entry.
    Part,
}

/// A group, as the script tells of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ToldGroup {
    pub(super) name: String,
    pub(super) pending: u64,
    pub(super) cursor: EntryId,
    pub(super) read: Option<u64>,
    pub(super) lag: Option<i64>,
    pub(super) oldest: ToldId,
}

/// The oldest unread entry of a group, or the newest dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToldId {
    None,
    Entry(EntryId),
    AsKnown,
    /// There is one, by the lag.
    Some,
}

impl Question {
    /// The request, by the digest of the script or by its source.
    pub(super) fn request(&self, stream: &str, dead: &str, by_source: bool) -> Request {
        let (command, script) = if by_source {
            ("EVAL_RO", SCRIPT)
        } else {
            ("EVALSHA_RO", DIGEST.as_str())
        };
        let part = if self.is_part { "part" } else { "" };
        let mut words = request([command, script, "2", stream, dead, part]);
        let mut add = |text: String| words.push(text.into_bytes());
        for known in [self.stream, self.dead] {
            add(known.map_or_else(String::new, |(length, _)| length.to_string()));
            add(known.map_or_else(String::new, |(_, last)| last.to_string()));
        }
        for cursor in &self.cursors {
            add(cursor.to_string());
        }
        words
    }

    /// Asks again by the source, if the server can't run the script by its digest. Returns
    /// the final answer, and whether the digest is of no use here.
    pub(super) fn settle(
        &self,
        redis: &Redis,
        stream: &str,
        dead: &str,
        answer: Answer,
    ) -> Result<(Answer, bool)> {
        let Some(line) = answer.error() else {
            return Ok((answer, false));
        };
        let is_refused = line.starts_with("NOPERM") || line.contains("unknown command");
        if !is_refused && !line.starts_with("NOSCRIPT") {
            return Ok((answer, false));
        }
        let answer = redis.ask_one(stream, self.request(stream, dead, true))?;
        Ok((answer, is_refused))
    }
}

impl Told {
    /// Reads an answer; `None` for one of another form.
    pub(super) fn read(answer: &Answer) -> Option<Self> {
        let [
            at,
            length,
            how,
            copied,
            added,
            first,
            last,
            groups,
            dead,
            newest,
            took,
        ] = answer.list()
        else {
            return None;
        };
        let how = match how.bytes()? {
            b"whole" => How::Whole,
            b"same" => How::Same,
            _ => How::Part,
        };
        Some(Self {
            at_ms: at.count().unwrap_or(0),
            length: length.count().unwrap_or(0),
            how,
            copied: copied.count().unwrap_or(0),
            added: added.count(),
            first: first.id(),
            last: last.id(),
            groups: groups.list().iter().filter_map(ToldGroup::read).collect(),
            dead: dead.count().unwrap_or(0),
            newest_dead: ToldId::read(newest),
            took: Duration::from_micros(took.count().unwrap_or(0)),
        })
    }
}

impl ToldGroup {
    fn read(group: &Answer) -> Option<Self> {
        let [name, pending, cursor, read, lag, oldest] = group.list() else {
            return None;
        };
        Some(Self {
            name: name.text()?,
            pending: pending.count().unwrap_or(0),
            cursor: cursor.id().unwrap_or(EntryId::MIN),
            read: read.count(),
            lag: lag.number(),
            oldest: ToldId::read(oldest),
        })
    }
}

impl ToldId {
    fn read(id: &Answer) -> Self {
        match id.bytes() {
            Some(b"=") => Self::AsKnown,
            Some(b"?") => Self::Some,
            _ => id.id().map_or(Self::None, Self::Entry),
        }
    }
}
