//! Fields to be edited before dead letters are put back.

use stream_lib::{FieldEdits, FieldMask, RawMessage, StreamSchema};

use super::letters::letters;
use crate::serve::dash::Dash;
use crate::serve::load::schemas;
use crate::serve::page::{Edit, Page, Rich};
use crate::serve::query::Query;
use crate::server::with_causes;
use crate::words::{count, of, shown};

/// The changed fields of a form, and their names.
pub(super) fn edits(form: &Query) -> (FieldEdits, Vec<String>) {
    let mut edits = FieldEdits::new();
    let mut names = Vec::new();
    for (name, value) in form.under("field:") {
        let was = format!("was:{name}");
        if form.all(&was).next() != Some(value) {
            edits = edits.set(name, value);
            names.push(name.to_owned());
        }
    }
    (edits, names)
}

/// The editable fields of a message.
pub(super) struct Editable {
    /// Names, values and faults.
    pub(super) fields: Vec<(String, String, String)>,
    /// The values before the edit, which the form sends along to tell changes.
    pub(super) was: Vec<(String, String)>,
    /// Fields that can't be edited, since they are sensitive or are no text.
    pub(super) kept: Vec<String>,
}

impl Editable {
    /// The fields of `now`, with their values in `before`, with misfits by the newest
    /// schema, and with its absent fields.
    pub(super) fn of(schemas: &[StreamSchema], before: &RawMessage, now: &RawMessage) -> Self {
        let mask = FieldMask::of(schemas);
        let check = StreamSchema::check_any(schemas, now);
        let nearest = check.as_ref().map(|(schema, _)| *schema);
        let newest = StreamSchema::newest(schemas);
        let schema = nearest.or_else(|| {
            let fits = newest.iter().find(|schema| schema.check(now).is_empty());
            fits.copied()
        });
        let faults = check.map(|(_, faults)| faults).unwrap_or_default();
        let wrong = |name: &str| {
            let fault = faults.iter().find(|fault| fault.field == name)?;
            let expected = fault.expected.as_ref()?;
            Some(format!("{expected} expected"))
        };
        let mut editable = Self {
            fields: Vec::new(),
            was: Vec::new(),
            kept: Vec::new(),
        };
        for (name, value) in now.iter() {
            let texts = (std::str::from_utf8(name), std::str::from_utf8(value));
            match texts {
                (Ok(name), Ok(value)) if !mask.hides(name.as_bytes()) => {
                    let was = before.get(name).unwrap_or_default();
                    let was = String::from_utf8_lossy(was).into_owned();
                    editable.add(name, value, was, wrong(name).unwrap_or_default());
                }
                _ => editable.kept.push(shown(name)),
            }
        }
        for field in schema.map(StreamSchema::fields).unwrap_or_default() {
            let names = || std::iter::once(&field.name).chain(&field.aliases);
            let is_there = names().any(|name| now.get(name).is_some());
            if is_there || field.sensitive {
                continue;
            }
            let note = if field.optional {
                format!("absent: {}", field.expects())
            } else {
                format!("missing: {} expected", field.expects())
            };
            editable.add(&field.name, "", String::new(), note);
        }
        editable
    }

    fn add(&mut self, name: &str, value: &str, was: String, note: String) {
        if self.fields.iter().any(|(known, ..)| known == name) {
            return;
        }
        self.was.push((format!("was:{name}"), was));
        self.fields.push((name.to_owned(), value.to_owned(), note));
    }

    /// Adds a note on the fields that can't be edited.
    pub(super) fn says_kept(&self, text: Rich) -> Rich {
        match self.kept.as_slice() {
            [] => text,
            [one] => text
                .plain(" ")
                .code(one)
                .plain(" isn't shown, and stays as it is."),
            several => {
                let number = count(several.len() as u64);
                text.plain(format!(
                    " {number} fields aren't shown, and stay as they are: "
                ))
                .code(several.join(", "))
                .plain(".")
            }
        }
    }
}

/// The fields of the first letter, to be edited for all.
pub(super) fn edit(dash: &Dash, stream: &str, form: &Query) -> Result<Edit, String> {
    let ids = letters(dash, stream, form)?;
    let first = ids.first().ok_or("no dead letter is ticked")?;
    let letter = dash.redis.manager().dead_letters(stream);
    let letter = letter.and_then(|letters| letters.letter(*first));
    let letter = letter.map_err(|error| with_causes(&error))?;
    let letter = letter.ok_or("the dead letter is gone")?;
    let schemas = schemas(dash, stream)?;
    let editable = Editable::of(&schemas, letter.message(), letter.message());
    let text = match ids.len() {
        1 => Rich::from("The dead letter is put back with your changes."),
        several => Rich::from(format!(
            "These are the fields of the first one. Your changes apply to all {}; the other fields stay as they are.",
            count(several as u64)
        )),
    };
    let mut hidden = vec![
        ("do".to_owned(), "redrive".to_owned()),
        ("stream".to_owned(), stream.to_owned()),
        ("rate".to_owned(), form.get("rate").to_owned()),
    ];
    hidden.extend(ids.iter().map(|id| ("letter".to_owned(), id.to_string())));
    hidden.extend(editable.was.iter().cloned());
    Ok(Edit {
        title: format!(
            "Edit and put back {}",
            of(ids.len() as u64, "dead letter", "dead letters")
        ),
        text: editable.says_kept(text),
        fields: editable.fields,
        hidden,
        button: "Go on…".to_owned(),
        back: Page::Dead(stream.to_owned()).link(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_changed_is_edited() {
        let form = Query::read(b"field:a=1&was:a=1&field:b=2&was:b=3&field:c=&was:c=");
        let (edits, names) = edits(&form);
        assert_eq!(names, ["b"]);
        assert!(!edits.is_empty());
    }

    #[test]
    fn fields_that_are_no_text_stay_as_they_are() {
        let message: RawMessage = [(&b"a"[..], &b"1"[..]), (b"raw", b"\xff"), (b"a", b"2")]
            .into_iter()
            .collect();
        let editable = Editable::of(&[], &message, &message);
        let names: Vec<&str> = editable
            .fields
            .iter()
            .map(|(name, ..)| name.as_str())
            .collect();
        assert_eq!(
            (names.as_slice(), editable.kept.as_slice()),
            (&["a"][..], &["raw".to_owned()][..])
        );
    }
}
