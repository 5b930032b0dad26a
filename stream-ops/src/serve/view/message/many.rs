//! The messages of a stream, and the list of all streams.

use stream_lib::{FieldMask, PeekPage, StreamSchema};

use crate::observe::{History, StreamFacts};
use crate::serve::page::{Index, IndexRow, MessageRow, Messages, Page, Rich, Sign, coded};
use crate::serve::view::dead::wrong;
use crate::serve::view::stream::added_ms;
use crate::words::{age_ms, count, cut, of, shown};

/// The most fields of a line.
const IN_A_LINE: usize = 6;

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
        // A value that was cut off need not fit.
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

/// Fields in one line, cut to its length.
pub(in crate::serve::view) fn in_a_line<'a>(
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
        about: "The entries of the streams, decoded by the newest schema, with faults marked."
            .to_owned(),
        counted: "Entries".to_owned(),
        rows: rows.collect(),
    }
}
