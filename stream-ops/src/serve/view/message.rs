//! One message, and many.

use stream_lib::message::{Misfit, SchemaField};
use stream_lib::{
    EntryId, FieldMask, PeekPage, PeekedEntry, PendingEntry, PendingHolder, StreamSchema,
};

use super::dead::wrong;
use super::group::needs;
use super::stream::added_ms;
use crate::observe::{GroupFacts, History, StreamFacts};
use crate::serve::access::Role;
use crate::serve::page::{
    Action, Fate, Field, FieldRow, Index, IndexRow, Message, MessageRow, Messages, Page, Rich,
    Sign, Undo, clock_seconds, coded,
};
use crate::words::{age_ms, bytes, count, cut, of, ordinal, quoted, shown};

/// How much of a value a page has.
const LONGEST: usize = 2_000;

/// Fields that a line has.
const IN_A_LINE: usize = 6;

/// What is known of a message, beside its stream.
#[derive(Debug, Clone, Default)]
pub struct MessageMore {
    /// The entry; none where it is no longer there.
    pub entry: Option<PeekedEntry>,
    /// The dead letter in whose place it is looked at, and what is said of it.
    pub letter: Option<(String, PeekedLetter)>,
    /// In which groups it is pending.
    pub pending: Vec<(String, Option<PendingEntry>)>,
    /// The schemas of the stream.
    pub schemas: Vec<StreamSchema>,
    /// Other messages of the stream, to compare it with.
    pub others: Vec<PeekedEntry>,
}

/// What a dead letter says of its entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeekedLetter {
    /// The group that failed.
    pub group: String,
    /// Why.
    pub reason: String,
    /// With which error.
    pub error: String,
    /// How long ago, in milliseconds.
    pub age_ms: u64,
    /// Its fields.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// One message.
pub fn message(
    facts: &StreamFacts,
    id: &str,
    more: &MessageMore,
    now: u64,
    allowed: Role,
) -> Message {
    let mask = FieldMask::of(&more.schemas);
    let fields = fields_of(more);
    let misfits = misfits(more);
    let schema = schema_of(more, misfits.as_ref().map(|(schema, _)| *schema));
    let faults = misfits.map(|(_, misfits)| misfits).unwrap_or_default();
    let size: usize = fields
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let parsed: Option<EntryId> = id.rsplit(':').next().and_then(|id| id.parse().ok());
    let added = parsed.and_then(added_ms).map(|at| {
        format!(
            "added {}, {} ago",
            clock_seconds(at),
            age_ms(now.saturating_sub(at))
        )
    });
    let gone = fields.is_empty().then(|| {
        "It is no longer in the stream: it was handled and trimmed, or removed.".to_owned()
    });
    let fates = fates(facts, parsed, more);
    let can_be_set_aside = more.pending.iter().filter_map(|(group, entry)| {
        let entry = entry.as_ref()?;
        entry.holder.is_nobody().then_some(group.as_str())
    });
    let mut actions: Vec<Action> = can_be_set_aside
        .map(|group| set_aside(&facts.name, group, id, allowed))
        .collect();
    if !fields.is_empty() && more.letter.is_none() {
        actions.push(copy(&facts.name));
    }
    let unhandled: Vec<&str> = fates
        .iter()
        .filter(|fate| fate.words != DONE)
        .map(|fate| fate.group.as_str())
        .collect();
    Message {
        stream: facts.name.clone(),
        id: id.to_owned(),
        about: match (added, fields.is_empty()) {
            (Some(added), false) => format!("{added} · {}", bytes(size as u64)),
            (Some(added), true) => added,
            (None, _) => bytes(size as u64),
        },
        kind: schema.map_or_else(|| "Fields".to_owned(), |schema| schema.name.clone()),
        schema: schema.map_or_else(
            || "no schema is known".to_owned(),
            |schema| format!("by the newest schema, told by {}", program(schema)),
        ),
        fields: rows(&fields, schema, &faults, &mask, more),
        raw: raw(more, &mask),
        fates: fates.clone(),
        actions,
        not: match unhandled.first() {
            Some(group) if more.letter.is_none() && !fields.is_empty() => Some(format!(
                "Deleting is not offered: {group} has yet to handle it."
            )),
            _ => None,
        },
        gone: gone.filter(|_| more.letter.is_none()),
    }
}

fn program(schema: &StreamSchema) -> String {
    if schema.program.is_empty() {
        return "a program without a name".to_owned();
    }
    shown(schema.program.as_bytes())
}

/// The fields without the library's own.
fn fields_of(more: &MessageMore) -> Vec<(Vec<u8>, Vec<u8>)> {
    let own = |(name, _): &(Vec<u8>, Vec<u8>)| name.first() != Some(&b'~');
    match (&more.letter, &more.entry) {
        (Some((_, letter)), _) => letter.fields.iter().filter(|f| own(f)).cloned().collect(),
        (None, Some(entry)) => {
            let all = entry
                .fields
                .iter()
                .map(|f| (f.name.clone(), f.value.clone()));
            all.filter(own).collect()
        }
        (None, None) => Vec::new(),
    }
}

fn misfits(more: &MessageMore) -> Option<(&StreamSchema, Vec<Misfit>)> {
    let message = fields_of(more).into_iter().collect();
    StreamSchema::check_any(&more.schemas, &message)
}

/// The schema by which the message is shown: the one that it is nearest to.
fn schema_of<'a>(
    more: &'a MessageMore,
    nearest: Option<&'a StreamSchema>,
) -> Option<&'a StreamSchema> {
    if nearest.is_some() {
        return nearest;
    }
    let message = fields_of(more).into_iter().collect();
    let newest = StreamSchema::newest(&more.schemas);
    let fitting = newest
        .iter()
        .find(|schema| schema.check(&message).is_empty());
    fitting.or(newest.first()).copied()
}

fn rows(
    fields: &[(Vec<u8>, Vec<u8>)],
    schema: Option<&StreamSchema>,
    faults: &[Misfit],
    mask: &FieldMask,
    more: &MessageMore,
) -> Vec<FieldRow> {
    let known = schema.map(StreamSchema::fields).unwrap_or_default();
    let is_named = |field: &SchemaField, name: &[u8]| {
        field.name.as_bytes() == name || field.aliases.iter().any(|alias| alias.as_bytes() == name)
    };
    let mut rows = Vec::new();
    for field in &known {
        let value = fields.iter().find(|(name, _)| is_named(field, name));
        rows.push(match value {
            Some((name, value)) => row(name, value, &kind(field), faults, mask, more),
            None => absent(field, faults),
        });
    }
    for (name, value) in fields {
        if !known.iter().any(|field| is_named(field, name)) {
            let kind = if schema.is_some() {
                "not in the schema"
            } else {
                ""
            };
            rows.push(row(name, value, kind, faults, mask, more));
        }
    }
    rows
}

fn kind(field: &SchemaField) -> String {
    let mut kind = field.expects();
    if field.optional {
        kind.push_str(", may be absent");
    }
    if field.sensitive {
        kind.push_str(", sensitive");
    }
    kind
}

fn absent(field: &SchemaField, faults: &[Misfit]) -> FieldRow {
    let is_missing = faults.iter().any(|fault| fault.field == field.name);
    FieldRow {
        name: field.name.clone(),
        kind: kind(field),
        value: if is_missing {
            Rich::new().quoted("missing")
        } else {
            Rich::new().soft("absent")
        },
        note: String::new(),
    }
}

fn row(
    name: &[u8],
    value: &[u8],
    kind: &str,
    faults: &[Misfit],
    mask: &FieldMask,
    more: &MessageMore,
) -> FieldRow {
    let said = shown(name);
    let base = FieldRow {
        name: said.clone(),
        kind: kind.to_owned(),
        value: Rich::new(),
        note: String::new(),
    };
    if mask.hides(name) {
        return FieldRow {
            value: Rich::from(FieldMask::HIDDEN),
            note: if kind.ends_with("sensitive") {
                "hidden: it is marked as sensitive".to_owned()
            } else {
                "hidden: no schema knows it".to_owned()
            },
            ..base
        };
    }
    let text = cut(&shown(value), LONGEST);
    if let Some(fault) = faults.iter().find(|fault| fault.field == said) {
        let expected = fault.expected.as_deref().unwrap_or("nothing");
        return FieldRow {
            value: Rich::new().quoted(format!("“{text}”")),
            note: format!("{expected} expected"),
            ..base
        };
    }
    match usual(name, value, more) {
        Some((least, most)) => FieldRow {
            value: Rich::new().quoted(with_commas(text)),
            note: format!(
                "the last {} had {least} to {most}",
                count(more.others.len() as u64)
            ),
            ..base
        },
        None => match time(&text, more) {
            Some((time, note)) => FieldRow {
                value: Rich::from(time),
                note,
                ..base
            },
            None => FieldRow {
                value: Rich::from(text),
                ..base
            },
        },
    }
}

/// A large number is easier to see with commas.
fn with_commas(text: String) -> String {
    text.parse().map_or(text, count)
}

/// A time, as a time of day where it is about that of the entry, and how far off it is.
fn time(text: &str, more: &MessageMore) -> Option<(String, String)> {
    let at = text.parse::<jiff::Timestamp>().ok()?.as_millisecond();
    let at = u64::try_from(at).ok()?;
    let added = more
        .entry
        .as_ref()
        .and_then(|entry| added_ms(entry.at.id))?;
    if at.abs_diff(added) > 12 * 3_600_000 {
        return None;
    }
    let time = format!("{}.{:03}", clock_seconds(at), at % 1_000);
    let off = age_ms(at.abs_diff(added));
    let side = if at <= added { "before" } else { "after" };
    Some((time, format!("{off} {side} it was added")))
}

/// The range that a number has in other messages, where this one is far off.
fn usual(name: &[u8], value: &[u8], more: &MessageMore) -> Option<(String, String)> {
    let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.trim().parse::<f64>().ok();
    let this = number(value)?;
    let is_this = |entry: &&PeekedEntry| more.entry.as_ref().is_none_or(|this| this.at != entry.at);
    let mut others: Vec<(f64, String)> = more
        .others
        .iter()
        .filter(is_this)
        .filter_map(|entry| entry.get(name))
        .filter_map(|value| Some((number(value)?, shown(value))))
        .filter(|(number, _)| number.is_finite())
        .collect();
    others.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (least, most) = (others.first()?, others.last()?);
    // A few messages tell nothing, and ids only grow.
    let width = (most.0 - least.0).abs().max(most.0.abs());
    let is_far = this > most.0 + 10.0 * width || this < least.0 - 10.0 * width;
    (others.len() >= 10 && is_far).then(|| (least.1.clone(), most.1.clone()))
}

/// The fields as they stand in Redis, with the library's own.
fn raw(more: &MessageMore, mask: &FieldMask) -> Vec<(String, String)> {
    let line =
        |name: &[u8], value: &[u8]| (shown(name), cut(&shown(mask.shown(name, value)), LONGEST));
    match (&more.letter, &more.entry) {
        (Some((_, letter)), _) => letter.fields.iter().map(|(n, v)| line(n, v)).collect(),
        (None, Some(entry)) => entry
            .fields
            .iter()
            .map(|f| line(&f.name, &f.value))
            .collect(),
        (None, None) => Vec::new(),
    }
}

/// What is said where a group has handled a message.
const DONE: &str = "done";

fn fates(facts: &StreamFacts, id: Option<EntryId>, more: &MessageMore) -> Vec<Fate> {
    let fate = |group: &GroupFacts| {
        let pending = more.pending.iter().find(|(name, _)| *name == group.name);
        let (sign, words, text) = fate_in(
            facts,
            group,
            id,
            pending.and_then(|(_, p)| p.as_ref()),
            more,
        );
        Fate {
            group: group.name.clone(),
            link: Page::Group(facts.name.clone(), group.name.clone()).link(),
            sign,
            words,
            more: text,
        }
    };
    let mut fates: Vec<Fate> = facts.groups.iter().map(fate).collect();
    fates.sort_by_key(|fate| std::cmp::Reverse(fate.sign));
    fates
}

fn fate_in(
    facts: &StreamFacts,
    group: &GroupFacts,
    id: Option<EntryId>,
    pending: Option<&PendingEntry>,
    more: &MessageMore,
) -> (Sign, String, String) {
    if let Some((_, letter)) = &more.letter
        && letter.group == group.name
    {
        let why = if letter.error.is_empty() {
            &letter.reason
        } else {
            &letter.error
        };
        return (
            Sign::Worsens,
            format!(
                "set aside {} ago, as {}",
                age_ms(letter.age_ms),
                letter.reason
            ),
            cut(&shown(why.as_bytes()), 200),
        );
    }
    if let Some(entry) = pending {
        let delivery = format!("{} delivery", ordinal(entry.deliveries));
        let holder = shown(entry.consumer.as_bytes());
        let idle = u64::try_from(entry.idle.as_millis()).unwrap_or(u64::MAX);
        return match entry.holder {
            PendingHolder::Alive => (
                Sign::Fine,
                format!("in hand, {delivery}"),
                format!("held by {holder} for {}", age_ms(idle)),
            ),
            PendingHolder::Dead => (
                Sign::Trouble,
                format!("in dead hands, {delivery}"),
                format!("held by {holder} for {}, which died", age_ms(idle)),
            ),
            PendingHolder::Waiting => (
                Sign::Mends,
                "waits for a retry".to_owned(),
                of(entry.deliveries, "delivery so far", "deliveries so far"),
            ),
            _ => (
                Sign::Worsens,
                format!("waits to be taken over, {delivery}"),
                "nobody holds it".to_owned(),
            ),
        };
    }
    match id {
        Some(_) if facts.partitions.is_some() => (
            Sign::Fine,
            "not in hand".to_owned(),
            "done, or not read yet".to_owned(),
        ),
        Some(id) if id > group.cursor => (Sign::Fine, "not read yet".to_owned(), String::new()),
        Some(_) => (
            Sign::Fine,
            DONE.to_owned(),
            "read, and acknowledged".to_owned(),
        ),
        None => (Sign::Fine, "–".to_owned(), String::new()),
    }
}

fn set_aside(stream: &str, group: &str, id: &str, allowed: Role) -> Action {
    let field = |name: &str, value: &str| Field {
        name: name.to_owned(),
        label: None,
        value: value.to_owned(),
    };
    Action {
        title: format!("Set it aside for {group}"),
        undo: Undo::Can,
        effect: Rich::from(format!(
            "Moves it to the dead letters, for {group} only. Other groups are left alone."
        )),
        button: Some((
            "Set aside…".to_owned(),
            vec![
                field("do", "set-aside"),
                field("stream", stream),
                field("group", group),
                field("id", id),
            ],
        )),
        command: Some(format!(
            "streamctl pending bury {} {} {id}",
            quoted(stream),
            quoted(group)
        )),
        is_first: true,
        refused: needs(Role::Retry, allowed),
    }
}

fn copy(stream: &str) -> Action {
    Action {
        title: "Send a corrected copy".to_owned(),
        undo: Undo::Cannot,
        effect: Rich::from("Adds a new entry with the fields you give. All groups get it."),
        button: None,
        command: Some(format!(
            "streamctl stream send {} FIELD=VALUE …",
            quoted(stream)
        )),
        is_first: false,
        refused: None,
    }
}

/// The messages of a stream, a page of them.
pub fn messages(
    facts: &StreamFacts,
    page: &PeekPage,
    schemas: &[StreamSchema],
    now: u64,
) -> Messages {
    let mask = FieldMask::of(schemas);
    let rows = page.entries.iter().map(|entry| {
        let id = entry.at.to_string();
        let misfits = StreamSchema::check_any(schemas, &entry.message());
        // A value that was cut off needs not fit.
        let wrong = match misfits {
            Some((_, misfits)) if entry.is_whole() => wrong(&misfits, &mask),
            _ => Rich::new(),
        };
        MessageRow {
            link: Page::Message(facts.name.clone(), id.clone()).link(),
            age: added_ms(entry.at.id).map_or_else(
                || "–".to_owned(),
                |at| format!("{} ago", age_ms(now.saturating_sub(at))),
            ),
            fields: in_a_line(
                entry
                    .fields
                    .iter()
                    .map(|f| (f.name.as_slice(), f.value.as_slice())),
                &mask,
            ),
            wrong,
            id,
        }
    });
    Messages {
        stream: facts.name.clone(),
        about: of(facts.length, "entry", "entries"),
        rows: rows.collect(),
        next: page.next.map(|next| {
            let link = Page::Messages(facts.name.clone()).link();
            format!("{link}?after={}", coded(&next.to_string()))
        }),
        hidden: mask.hides_any().then(|| {
            format!(
                "{} stands for values that are marked as sensitive, and for fields that no schema knows.",
                FieldMask::HIDDEN
            )
        }),
    }
}

/// Fields in a line, as many as fit.
pub(super) fn in_a_line<'a>(
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    mask: &FieldMask,
) -> Rich {
    let own = fields.filter(|(name, _)| name.first() != Some(&b'~'));
    let words: Vec<String> = own
        .take(IN_A_LINE)
        .map(|(name, value)| {
            let value = cut(&shown(mask.shown(name, value)), 40);
            format!("{} {value}", cut(&shown(name), 40))
        })
        .collect();
    Rich::from(words.join(" · "))
}

/// All streams by their messages.
pub fn all_messages(history: &History) -> Index {
    let look = history.latest();
    let rows = look
        .streams
        .iter()
        .filter(|stream| stream.exists)
        .map(|stream| {
            let newest = stream
                .last
                .and_then(added_ms)
                .map(|at| look.at_ms.saturating_sub(at));
            IndexRow {
                name: stream.name.clone(),
                link: Page::Messages(stream.name.clone()).link(),
                sign: Sign::Fine,
                state: match newest {
                    Some(age) => format!("the last came {} ago", age_ms(age)),
                    None => "–".to_owned(),
                },
                count: count(stream.length),
                note: String::new(),
            }
        });
    Index {
        title: "Messages".to_owned(),
        about: "What is in the streams, decoded by the newest schema, with faults marked."
            .to_owned(),
        counted: "Entries".to_owned(),
        rows: rows.collect(),
    }
}
