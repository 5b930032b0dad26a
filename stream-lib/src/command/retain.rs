//! Retention: a stream's facts, and the removal of its oldest entries.

use std::time::Duration;

use super::declare::{Replaced, Setting, declare};
use super::reply::{Tokens, unexpected};
use super::script::{Call, Script, script};
use crate::config::{Priority, Retention, RetentionSettings};
use crate::connection::{Reply, Wire};
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::message::EntryId;

static RETAIN: Script = script!("retain.lua");
static COUNT: Script = script!("count.lua");

/// The fields of the settings, in the order in which the script takes them.
const FIELDS: [&str; 10] = [
    "retention:priority",
    "retention:max_length",
    "retention:max_age",
    "retention:min_retention_time",
    "retention:min_retention_count",
    "retention:delete_after_ack",
    "retention:trim_without_groups",
    "retention:cleanup_interval",
    "retention:group",
    "retention:ignore_groups_idle_for",
];

/// A request for retention of a stream.
#[derive(Debug)]
pub(crate) struct Retain<'a> {
    pub(crate) keys: &'a StreamKeys,
    pub(crate) errand: Errand<'a>,
    /// The settings of this process.
    pub(crate) ours: &'a RetentionSettings,
    /// The settings that apply if none are given.
    pub(crate) defaults: &'a Retention,
    /// Whether `ours` win over stored settings, for this one call. Otherwise stored ones
    /// win, and missing ones are stored.
    pub(crate) once: bool,
}

/// How far to go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Errand<'a> {
    /// Look, and change nothing.
    Look,
    /// Trim, even if others do.
    Trim,
    /// The same, at most so many entries.
    TrimSome(u64),
    /// Trim if it is due, and only with the lock of this token.
    TrimInTurn(&'a str),
}

/// The result.
#[derive(Debug)]
pub(crate) enum Retained {
    /// Another process does it, or it isn't due yet; it may be after this time.
    NotYet(Duration),
    /// The stream as it is now.
    Seen(Sight),
}

/// A stream at one moment, after the removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight {
    /// The server's clock, in ms since 1970.
    pub(crate) now: u64,
    pub(crate) length: u64,
    pub(crate) first: Option<EntryId>,
    /// How many entries this call removed.
    pub(crate) removed: u64,
    /// Of these, how many some group had not read or not acknowledged.
    pub(crate) lost: u64,
    /// Whether another call would remove more.
    pub(crate) more: bool,
    pub(crate) settings: Retention,
    pub(crate) groups: Vec<Position>,
}

/// The position of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) group: String,
    /// The last entry it has read.
    pub(crate) cursor: EntryId,
    pub(crate) oldest_pending: Option<EntryId>,
    /// Since when, in ms since 1970, its floor has been seen at its place with entries
    /// above it.
    pub(crate) since: u64,
    /// It doesn't hold entries back, since it has stood still for too long.
    pub(crate) is_left_out: bool,
}

/// Looks at a stream and trims it, as far as one call goes.
pub(crate) fn retain(wire: &mut Wire, request: &Retain<'_>) -> Result<Retained> {
    let (meta, lock) = (request.keys.meta(), request.keys.lock("retention"));
    let (mode, token, most) = match request.errand {
        Errand::Look => ("plan", "", None),
        Errand::Trim => ("trim", "", None),
        Errand::TrimSome(most) => ("trim", "", Some(most)),
        Errand::TrimInTurn(token) => ("trim", token, None),
    };
    let mut call = RETAIN
        .call(&[request.keys.stream(), &meta, &lock])
        .arg(mode)
        .arg(token)
        .arg(if request.once { "0" } else { "1" });
    let defaults = texts(&RetentionSettings::from(request.defaults.clone()));
    for (ours, default) in texts(request.ours).into_iter().zip(defaults) {
        call = shown_or_none(shown_or_none(call, ours), default);
    }
    let call = match most {
        Some(most) => call.number(most),
        None => call.arg(""),
    };
    read(&call.run(wire)?)
}

/// Stores the given settings, and returns those that had another value.
pub(crate) fn declare_retention(
    wire: &mut Wire,
    keys: &StreamKeys,
    settings: &RetentionSettings,
) -> Result<Vec<Replaced>> {
    let asked = FIELDS
        .into_iter()
        .zip(texts(settings))
        .filter_map(|(field, text)| text.map(|value| Setting { field, value }));
    declare(wire, keys, asked.collect())
}

/// Entries of a stream from one id to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counted {
    /// How many there are, or the bound of the count.
    pub(crate) entries: u64,
    pub(crate) first: Option<EntryId>,
}

/// Counts the entries from `from` up to below `below`, at most `most`.
pub(crate) fn count_entries(
    wire: &mut Wire,
    keys: &StreamKeys,
    from: EntryId,
    below: EntryId,
    most: u64,
) -> Result<Counted> {
    let mut counted = Counted::default();
    let mut from = from.to_string();
    let to = below.previous().to_string();
    if below == EntryId::MIN {
        return Ok(counted);
    }
    while counted.entries < most {
        let reply = COUNT
            .call(&[keys.stream()])
            .arg(&from)
            .arg(&to)
            .number(most - counted.entries)
            .run(wire)?;
        let mut tokens = Tokens::new(&reply);
        tokens.array()?;
        counted.entries += unsigned(&mut tokens)?;
        let first = optional_id(&mut tokens)?;
        counted.first = counted.first.or(first);
        let next = text(&mut tokens)?;
        if next.is_empty() {
            break;
        }
        from = next;
    }
    Ok(counted)
}

fn shown_or_none(call: Call<'_>, text: Option<String>) -> Call<'_> {
    match text {
        Some(text) => call.shown(&text),
        None => call.arg(""),
    }
}

/// Settings as the script takes them.
fn texts(settings: &RetentionSettings) -> [Option<String>; 10] {
    let flag = |flag: bool| if flag { "1" } else { "0" }.to_owned();
    let millis = |time: Duration| time.as_millis().to_string();
    [
        settings.priority.map(|p| p.as_str().to_owned()),
        settings.max_length.map(|n| n.to_string()),
        settings.max_age.map(millis),
        settings.min_retention_time.map(millis),
        settings.min_retention_count.map(|n| n.to_string()),
        settings.delete_after_ack.map(flag),
        settings.trim_without_groups.map(flag),
        settings.cleanup_interval.map(millis),
        settings.group.clone(),
        settings.ignore_groups_idle_for.map(millis),
    ]
}

fn read(reply: &Reply) -> Result<Retained> {
    let mut tokens = Tokens::new(reply);
    tokens.array()?;
    let state = tokens.int()?;
    let now = unsigned(&mut tokens)?;
    if state == 0 {
        return Ok(Retained::NotYet(Duration::from_millis(now)));
    }
    let length = unsigned(&mut tokens)?;
    let removed = unsigned(&mut tokens)?;
    let lost = unsigned(&mut tokens)?;
    let first = optional_id(&mut tokens)?;
    let settings = settings(&mut tokens)?;
    let groups = (0..tokens.array()?)
        .map(|_| position(&mut tokens))
        .collect::<Result<_>>()?;
    Ok(Retained::Seen(Sight {
        now,
        length,
        first,
        removed,
        lost,
        more: state == 2,
        settings,
        groups,
    }))
}

fn settings(tokens: &mut Tokens<'_>) -> Result<Retention> {
    if tokens.array()? as usize != FIELDS.len() {
        return Err(unexpected("settings"));
    }
    let priority = tokens.text()?.parse::<Priority>();
    Ok(Retention {
        priority: priority.map_err(|_| unexpected("a priority"))?,
        max_length: number(tokens)?,
        max_age: Duration::from_millis(number(tokens)?),
        min_retention_time: Duration::from_millis(number(tokens)?),
        min_retention_count: number(tokens)?,
        delete_after_ack: number(tokens)? == 1,
        trim_without_groups: number(tokens)? == 1,
        cleanup_interval: Duration::from_millis(number(tokens)?),
        group: Some(text(tokens)?).filter(|group| !group.is_empty()),
        ignore_groups_idle_for: Duration::from_millis(number(tokens)?),
    })
}

fn number(tokens: &mut Tokens<'_>) -> Result<u64> {
    let digits = tokens.text()?;
    digits.parse().map_err(|_| unexpected("a number"))
}

fn position(tokens: &mut Tokens<'_>) -> Result<Position> {
    if tokens.array()? != 5 {
        return Err(unexpected("a group"));
    }
    Ok(Position {
        group: text(tokens)?,
        cursor: tokens.entry_id()?,
        oldest_pending: optional_id(tokens)?,
        since: number(tokens)?,
        is_left_out: tokens.int()? == 1,
    })
}

fn optional_id(tokens: &mut Tokens<'_>) -> Result<Option<EntryId>> {
    let id = tokens.bytes()?;
    if id.is_empty() {
        return Ok(None);
    }
    let id = EntryId::parse(id).map_err(|_| unexpected("an entry id"))?;
    Ok(Some(id))
}

/// A name that another program may have chosen, so it may be no UTF-8.
fn text(tokens: &mut Tokens<'_>) -> Result<String> {
    Ok(String::from_utf8_lossy(tokens.bytes()?).into_owned())
}

fn unsigned(tokens: &mut Tokens<'_>) -> Result<u64> {
    // Counts are never negative, but the time to live of a lock without an end is.
    Ok(u64::try_from(tokens.int()?).unwrap_or(0))
}
