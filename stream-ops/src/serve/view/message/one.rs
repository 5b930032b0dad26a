//! One message, and the actions for it.

use stream_lib::{EntryId, FieldMask, StreamSchema};

use super::fates::{DONE, fates};
use super::fields::{raw, rows};
use super::more::MessageMore;
use crate::observe::StreamFacts;
use crate::serve::access::Role;
use crate::serve::page::{Action, Field, Message, Rich, Undo, clock_seconds};
use crate::serve::view::group::needs;
use crate::serve::view::stream::added_ms;
use crate::words::{age_ms, bytes, quoted, shown};

/// One message.
pub fn message(
    facts: &StreamFacts,
    id: &str,
    more: &MessageMore,
    now: u64,
    allowed: Role,
) -> Message {
    let mask = FieldMask::of(&more.schemas);
    let fields = more.fields();
    let misfits = more.misfits();
    let schema = more.schema(misfits.as_ref().map(|(schema, _)| *schema));
    let faults = misfits.map(|(_, misfits)| misfits).unwrap_or_default();
    let size: usize = fields
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let parsed: Option<EntryId> = id.rsplit(':').next().and_then(|id| id.parse().ok());
    let added = parsed.and_then(added_ms).map(|at| {
        format!(
            "added {}.{:03}, {} ago",
            clock_seconds(at),
            at % 1_000,
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
    if !fields.is_empty() {
        let letter = more.letter.as_ref().map(|(letter, _)| letter.as_str());
        if let Some((letter, said)) = &more.letter {
            actions.push(put_back(&facts.name, letter, &said.group, allowed));
        }
        actions.push(copy(&facts.name, id, letter, allowed));
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
            |schema| {
                format!(
                    "version {} of the schema, told by {}",
                    more.version(schema),
                    program(schema)
                )
            },
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

fn field(name: &str, value: &str) -> Field {
    Field {
        name: name.to_owned(),
        label: None,
        value: value.to_owned(),
    }
}

fn set_aside(stream: &str, group: &str, id: &str, allowed: Role) -> Action {
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

/// The action for the dead letter that the page was opened for.
fn put_back(stream: &str, letter: &str, group: &str, allowed: Role) -> Action {
    Action {
        title: format!("Put it back for {group}, corrected"),
        undo: Undo::Cannot,
        effect: Rich::from(format!(
            "Only {group} gets it, with the fields you change. If it fails again, it comes back."
        )),
        button: Some((
            "Edit and put back…".to_owned(),
            vec![
                field("do", "edit"),
                field("stream", stream),
                field("letter", letter),
            ],
        )),
        command: Some(format!(
            "streamctl dlq redrive {} {letter} --set FIELD=VALUE",
            quoted(stream)
        )),
        is_first: true,
        refused: needs(Role::Retry, allowed),
    }
}

fn copy(stream: &str, id: &str, letter: Option<&str>, allowed: Role) -> Action {
    let mut fields = vec![
        field("do", "edit-copy"),
        field("stream", stream),
        field("id", id),
    ];
    fields.extend(letter.map(|letter| field("letter", letter)));
    Action {
        title: "Send a corrected copy".to_owned(),
        undo: Undo::Cannot,
        effect: Rich::from("Adds a new entry with the fields you change. All groups get it."),
        button: Some(("Edit a copy…".to_owned(), fields)),
        command: Some(format!(
            "streamctl stream send {} FIELD=VALUE …",
            quoted(stream)
        )),
        is_first: false,
        refused: needs(Role::Admin, allowed),
    }
}
