//! Messages that would fail again.

use std::cmp::Reverse;
use std::fmt::Write as _;

use stream_lib::{FieldMask, RawMessage, StreamSchema};

use crate::act::plan::{Failing, Misfitting};
use crate::words::shown;

/// Checks messages against the newest schemas of a stream.
pub(crate) struct Judge {
    schemas: Vec<StreamSchema>,
    mask: FieldMask,
    failing: Failing,
}

impl Judge {
    pub(crate) fn new(schemas: Vec<StreamSchema>) -> Self {
        Self {
            mask: FieldMask::of(&schemas),
            schemas,
            failing: Failing::default(),
        }
    }

    /// Checks a message, called `name` in the report. Returns true if it fits, or if no
    /// schema is known.
    pub(crate) fn look(&mut self, name: &str, message: &RawMessage) -> bool {
        let Some((schema, misfits)) = StreamSchema::check_any(&self.schemas, message) else {
            return true;
        };
        let schema = self.numbered(schema);
        self.failing.count += 1;
        for mut misfit in misfits {
            if misfit.found.is_some() && self.mask.hides(misfit.field.as_bytes()) {
                misfit.found = Some(FieldMask::HIDDEN.to_owned());
            }
            let expected = misfit.expected.clone().unwrap_or_default();
            let known = self.failing.why.iter_mut().find(|known| {
                known.field == misfit.field
                    && known.schema == schema
                    && known.text.contains(&expected)
            });
            match known {
                Some(known) => known.count += 1,
                None => self.failing.why.push(Misfitting {
                    text: shown(misfit.to_string().as_bytes()),
                    field: misfit.field,
                    schema: schema.clone(),
                    count: 1,
                    sample: name.to_owned(),
                }),
            }
        }
        false
    }

    /// The messages that don't fit; `None` if no schema is known.
    pub(crate) fn found(mut self) -> Option<Failing> {
        self.failing.why.sort_by_key(|why| Reverse(why.count));
        (!self.schemas.is_empty()).then_some(self.failing)
    }

    /// The name of a schema and its number among those of this name, by first sight.
    fn numbered(&self, schema: &StreamSchema) -> String {
        let mut earlier: Vec<_> = self
            .schemas
            .iter()
            .filter(|other| other.name == schema.name)
            .map(|other| (other.first_seen, &other.fingerprint))
            .collect();
        earlier.sort();
        let at = earlier
            .iter()
            .position(|(_, print)| **print == schema.fingerprint);
        format!("{} {}", shown(schema.name.as_bytes()), at.unwrap_or(0) + 1)
    }
}

impl Failing {
    /// One sentence, or a few lines: `17 of them would fail again: amount: a number
    /// expected, found "12,50" (schema Order 3).` `None` if none would fail.
    pub(crate) fn sentence(&self) -> Option<String> {
        let count = crate::words::count;
        let verb = format!("{} of them would fail again", count(self.count));
        match self.why.as_slice() {
            _ if self.count == 0 => None,
            [] => Some(format!("{verb}.")),
            [one] if one.count == self.count => {
                Some(format!("{verb}: {} (schema {}).", one.text, one.schema))
            }
            several => {
                let mut text = format!("{verb}:");
                for why in several.iter().take(5) {
                    let number = count(why.count);
                    let _ = write!(text, "\n  {number}  {} (schema {})", why.text, why.schema);
                }
                if several.len() > 5 {
                    let more = several.len() as u64 - 5;
                    let more = crate::words::of(more, "more reason", "more reasons");
                    let _ = write!(text, "\n  … and {more}");
                }
                Some(text)
            }
        }
    }
}
