//! Checks that the derive leaves to the compiler: functions for constants, and the texts
//! of their errors.

use crate::keys::{Braces, braces, reserved_part};
use crate::message::FieldSchema;
use crate::message::schema::{Overlap, overlap};

/// How much of a name a text shows.
const SHOWN: usize = 64;

/// The text of a compile error, put together in a constant.
#[derive(Debug, Clone, Copy)]
pub struct Problem {
    bytes: [u8; 256],
    length: usize,
}

impl Problem {
    const fn new() -> Self {
        Self {
            bytes: [0; 256],
            length: 0,
        }
    }

    /// Adds a text, if there is room for it.
    const fn and(mut self, text: &str) -> Self {
        let Some((_, room)) = self.bytes.split_at_mut_checked(self.length) else {
            return self;
        };
        let Some((room, _)) = room.split_at_mut_checked(text.len()) else {
            return self;
        };
        room.copy_from_slice(text.as_bytes());
        self.length += text.len();
        self
    }

    /// Adds a name, or its beginning.
    const fn and_name(self, name: &str) -> Self {
        let mut end = SHOWN;
        while end < name.len() && !name.is_char_boundary(end) {
            end -= 1;
        }
        match name.split_at_checked(end) {
            Some((beginning, rest)) if !rest.is_empty() => self.and(beginning).and("…"),
            _ => self.and(name),
        }
    }

    /// The text.
    pub const fn text(&self) -> &str {
        match self.bytes.split_at_checked(self.length) {
            Some((text, _)) => match str::from_utf8(text) {
                Ok(text) => text,
                Err(_) => "",
            },
            None => "",
        }
    }
}

/// A taken name in the flattened message at `position`.
pub const fn overlaps(
    tag: Option<&'static str>,
    fields: &[FieldSchema],
    position: usize,
) -> Option<Problem> {
    let Some(Overlap { name, with_tag }) = overlap(tag, fields, position) else {
        return None;
    };
    let by = if with_tag { "the tag" } else { "another field" };
    let problem = Problem::new()
        .and("the flattened message has a field `")
        .and_name(name)
        .and("`, and ")
        .and(by)
        .and(" has that name already");
    Some(problem)
}

/// The problem of a stream's name, if it has one.
pub const fn name_problem(stream: &str) -> Option<Problem> {
    let problem = Problem::new();
    let problem = match (braces(stream), reserved_part(stream)) {
        _ if stream.is_empty() => problem.and("the name of a stream can't be empty"),
        (Braces::Stray, _) => problem.and(
            "stray or empty braces: a stream's name has none, or one hash tag with text in it, \
             such as `{shop}:orders`",
        ),
        (Braces::None | Braces::Tag, Some(part)) => problem
            .and("the name is reserved: behind a hash tag, `")
            .and(part)
            .and("` names a key that belongs to another stream, such as its dead letters"),
        (Braces::None | Braces::Tag, None) => return None,
    };
    Some(problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::StreamKeys;
    use crate::message::FieldType;

    #[test]
    fn names_are_refused_as_they_are_when_a_stream_is_used() {
        for name in [
            "",
            "orders",
            "{shop}:orders",
            "orders:{shop}",
            "{}",
            "{}orders",
            "{a",
            "a}",
            "}a{",
            "{a}{b}",
            "{a}}",
            "{{a}",
            "x{",
            "{ }",
            "{orders}:dead",
            "{shop}:orders:backup",
            "x{orders}:spools",
            "{orders}:members:g",
            "{orders}x:once:k:dead",
            "{orders}:dead:letters",
            "{orders}:deadlines",
            "{orders}:waiting",
            "orders:dead",
            ":dead{x}",
        ] {
            let problem = name_problem(name);
            assert_eq!(problem.is_some(), StreamKeys::new(name).is_err(), "{name}");
            assert_eq!(problem.map(|p| p.text().is_empty()), problem.map(|_| false));
        }
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let short = "x".repeat(SHOWN);
        assert_eq!(Problem::new().and_name(&short).text(), short);
        let long = format!("{}é and more", "x".repeat(SHOWN - 1));
        let cut = format!("{}…", "x".repeat(SHOWN - 1));
        assert_eq!(Problem::new().and_name(&long).text(), cut);
    }

    #[test]
    fn text_of_an_overlap_with_a_long_name_fits() {
        let name: &str = Box::leak("é".repeat(100).into_boxed_str());
        let field = FieldSchema::new(name, FieldType::Text);
        let problem = overlaps(None, &[field, field], 0).unwrap();
        assert!(
            problem
                .text()
                .ends_with("another field has that name already")
        );
    }
}
