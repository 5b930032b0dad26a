//! A corrected copy of a message, or of a dead letter.

use stream_lib::{DeadLetterId, EntryAddress, RawMessage, StreamSchema};

use super::edit::{Editable, edits};
use super::what::{Asked, Change};
use crate::act::Message;
use crate::serve::dash::Dash;
use crate::serve::load::schemas;
use crate::serve::page::{Edit, Page, Rich, coded};
use crate::serve::query::Query;
use crate::server::with_causes;
use crate::words::shown;

/// The fields with the key of an entry, and the prefix of those with its headers.
const KEY: &[u8] = b"~key";
const HEADER: &[u8] = b"~h:";

/// The fields of a message, to be edited.
pub(super) fn copy_to_edit(dash: &Dash, stream: &str, form: &Query) -> Result<Edit, String> {
    let message = source(dash, stream, form)?.fields;
    let text =
        Rich::from("The copy is a new entry, which all groups get. The message itself stays.");
    page(dash, stream, form, (&message, &message), text)
}

/// The edited copy: a change, or the form again if the copy doesn't fit.
pub(super) fn copy(dash: &Dash, stream: String, form: &Query) -> Result<Asked, String> {
    let mut message = source(dash, &stream, form)?;
    let (edits, fields) = edits(form);
    if fields.iter().any(|name| name.starts_with('~')) {
        return Err("fields whose names begin with ~ belong to the library".to_owned());
    }
    let edited = edits.applied_to(&message.fields);
    let before = |text: Rich| {
        let page = page(dash, &stream, form, (&message.fields, &edited), text);
        page.map(|page| Asked::Edit(Box::new(page)))
    };
    if edits.is_empty() {
        return before(
            Rich::new()
                .bad("No field was changed. ")
                .plain("A copy of the message as it is would be handled twice."),
        );
    }
    let schemas = schemas(dash, &stream)?;
    if let Some((schema, faults)) = StreamSchema::check_any(&schemas, &edited) {
        let first = faults.first().map(ToString::to_string).unwrap_or_default();
        let text = Rich::new()
            .bad("It doesn't fit the newest schema of ")
            .code(schema.name.clone())
            .bad(format!(": {first}. "))
            .plain("Nothing was sent.");
        return before(text);
    }
    message.fields = edited;
    Ok(Asked::Change(Change::SendCopy {
        id: form.get("id").to_owned(),
        stream,
        message,
        fields,
    }))
}

/// The message that is copied, with its headers and its key.
fn source(dash: &Dash, stream: &str, form: &Query) -> Result<Message, String> {
    let manager = dash.redis.manager();
    let failed = |error: stream_lib::Error| with_causes(&error);
    let id = form.get("id");
    let at: EntryAddress = id
        .parse()
        .map_err(|_| format!("`{}` is no id of an entry", shown(id.as_bytes())))?;
    let headers = |pairs: &mut dyn Iterator<Item = (&[u8], &[u8])>| {
        let texts = pairs.map(|(name, value)| {
            let name = std::str::from_utf8(name).ok()?;
            Some((name.to_owned(), value.to_vec()))
        });
        texts.flatten().collect::<Vec<_>>()
    };
    if let Ok(which) = form.get("letter").parse::<DeadLetterId>() {
        let letters = manager.dead_letters(stream).map_err(failed)?;
        let letter = letters.letter(which).map_err(failed)?;
        let letter = letter.ok_or("the dead letter is gone")?;
        if letter.message().is_empty() {
            return Err("its fields were too large to be kept".to_owned());
        }
        return Ok(Message {
            fields: letter.message().clone(),
            headers: headers(&mut letter.headers()),
            ..Message::default()
        });
    }
    let entry = manager.entry(stream, at).map_err(failed)?;
    let entry = entry.ok_or("the message is no longer in the stream")?;
    if !entry.is_whole() {
        return Err("it is too large to be copied here".to_owned());
    }
    let mut own = entry.fields.iter().filter_map(|field| {
        let name = field.name.strip_prefix(HEADER)?;
        Some((name, field.value.as_slice()))
    });
    Ok(Message {
        fields: entry.message(),
        headers: headers(&mut own),
        key: entry.get(KEY).map(<[u8]>::to_vec),
        idempotency_key: None,
    })
}

fn page(
    dash: &Dash,
    stream: &str,
    form: &Query,
    (before, now): (&RawMessage, &RawMessage),
    text: Rich,
) -> Result<Edit, String> {
    let schemas = schemas(dash, stream)?;
    let editable = Editable::of(&schemas, before, now);
    let (id, letter) = (form.get("id"), form.get("letter"));
    let mut hidden = vec![
        ("do".to_owned(), "send-copy".to_owned()),
        ("stream".to_owned(), stream.to_owned()),
        ("id".to_owned(), id.to_owned()),
    ];
    let mut back = Page::Message(stream.to_owned(), id.to_owned()).link();
    if !letter.is_empty() {
        hidden.push(("letter".to_owned(), letter.to_owned()));
        back = format!("{back}?letter={}", coded(letter));
    }
    hidden.extend(editable.was.iter().cloned());
    Ok(Edit {
        title: format!("Send a corrected copy of {}", shown(id.as_bytes())),
        text: editable.says_kept(text),
        fields: editable.fields,
        hidden,
        button: "Go on…".to_owned(),
        back,
    })
}
