//! Checks the fields of an entry against a schema, without the type.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::field::FromField;
use super::fields::Fields;
use super::id::EntryId;
use super::schema::{FieldType, SchemaField, SchemaShape};

/// How much of a value a misfit shows, in characters.
const SHOWN: usize = 40;

/// Shown in place of a sensitive value.
pub(crate) const MASK: &str = "••••";

/// A field of an entry that doesn't fit a schema.
///
/// `Display` describes it in one line, without the values of sensitive fields:
/// `amount: a number expected, found "12,50"`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Misfit {
    /// The name of the field, printable.
    pub field: String,
    /// The expected form, in words; `None` for an unknown field.
    pub expected: Option<String>,
    /// The value, printable, cut after about 40 characters; `••••` if the field is
    /// sensitive, `None` if it is missing or unknown.
    pub found: Option<String>,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.field)?;
        match (&self.expected, &self.found) {
            (None, _) => f.write_str("unknown"),
            (Some(expected), None) => write!(f, "missing, {expected} expected"),
            (Some(expected), Some(found)) if found == MASK => {
                write!(f, "{expected} expected, found {MASK}")
            }
            (Some(expected), Some(found)) => write!(f, "{expected} expected, found \"{found}\""),
        }
    }
}

/// The fields of an entry that don't fit; empty if the entry can be read.
pub(crate) fn misfits(shape: &SchemaShape, fields: Fields<'_>) -> Vec<Misfit> {
    let mut all = Vec::new();
    check(shape, fields, &mut all);
    if shape.deny_unknown && !takes_any(shape) {
        let unknown = fields.iter().filter(|(name, _)| !shape.names(name));
        all.extend(unknown.map(|(name, _)| Misfit {
            field: printable(name),
            expected: None,
            found: None,
        }));
    }
    all
}

fn check(shape: &SchemaShape, fields: Fields<'_>, all: &mut Vec<Misfit>) {
    if shape.optional && !fields.iter().any(|(name, _)| shape.names(name)) {
        return;
    }
    check_fields(&shape.fields, fields, all);
    let Some(tag) = &shape.tag else {
        return;
    };
    let value = fields.get(tag);
    let is_it = |name: &String| value == Some(name.as_bytes());
    let named = shape
        .variants
        .iter()
        .find(|variant| is_it(&variant.name) || variant.aliases.iter().any(is_it));
    let chosen = named.or_else(|| {
        let mut others = shape.variants.iter().filter(|variant| variant.other);
        others.next().filter(|_| value.is_some())
    });
    match chosen {
        Some(variant) => check_fields(&variant.fields, fields, all),
        None => all.push(Misfit {
            field: printable(tag.as_bytes()),
            expected: Some(one_of(shape.variants.iter().map(|variant| &variant.name))),
            found: value.map(printable),
        }),
    }
}

fn check_fields(own: &[SchemaField], fields: Fields<'_>, all: &mut Vec<Misfit>) {
    for field in own {
        if let Some(nested) = &field.nested {
            check(nested, fields, all);
            continue;
        }
        // Of duplicates, the last wins.
        let value = fields.iter().rfind(|(name, _)| field.is_named(name));
        let found = match value {
            None if field.optional || field.default => continue,
            None => None,
            Some((_, value)) if field.takes(value) => continue,
            Some(_) if field.sensitive => Some(MASK.to_owned()),
            Some((_, value)) => Some(printable(value)),
        };
        all.push(Misfit {
            field: printable(field.name.as_bytes()),
            expected: Some(field.expects()),
            found,
        });
    }
}

fn takes_any(shape: &SchemaShape) -> bool {
    let variants = shape.variants.iter().flat_map(|variant| &variant.fields);
    let mut fields = shape.fields.iter().chain(variants);
    shape.open || fields.any(|field| field.nested.as_ref().is_some_and(takes_any))
}

impl SchemaField {
    /// The expected form of the value, in words: "an integer from 0 to 255".
    pub fn expects(&self) -> String {
        match self.field_type() {
            Some(ty) => ty.to_string(),
            None if self.ty == "enum" && !self.open => one_of(&self.words),
            None if self.ty == "enum" => "a word".to_owned(),
            None => format!("`{}`", self.ty),
        }
    }

    /// Whether the value has the form of the field. Every value fits a form that isn't
    /// known here, such as `custom`; every document fits JSON.
    pub fn takes(&self, value: &[u8]) -> bool {
        match self.field_type() {
            Some(ty) => has_form(ty, value),
            None if self.ty == "enum" && !self.open => {
                self.words.iter().any(|word| word.as_bytes() == value)
            }
            None => true,
        }
    }

    /// The type, if its name alone determines it.
    fn field_type(&self) -> Option<FieldType> {
        let (kind, bits) = self.ty.split_at_checked(1)?;
        let number = match (kind, bits.parse()) {
            ("u" | "i", Ok(bits @ (8 | 16 | 32 | 64 | 128))) => Some(FieldType::Integer {
                signed: kind == "i",
                bits,
            }),
            ("f", Ok(bits @ (32 | 64))) => Some(FieldType::Float { bits }),
            _ => None,
        };
        let array = || {
            let length = self.ty.strip_prefix("[u8; ")?.strip_suffix(']')?;
            length.parse().ok().map(FieldType::ByteArray)
        };
        number.or_else(array).or(match self.ty.as_str() {
            "bool" => Some(FieldType::Bool),
            "char" => Some(FieldType::Char),
            "String" => Some(FieldType::Text),
            "Vec<u8>" => Some(FieldType::Bytes),
            "Duration" => Some(FieldType::Duration),
            "SystemTime" => Some(FieldType::Time),
            "EntryId" => Some(FieldType::EntryId),
            "json" => Some(FieldType::Json),
            "custom" => Some(FieldType::Custom),
            _ => None,
        })
    }
}

fn has_form(ty: FieldType, value: &[u8]) -> bool {
    fn reads<T: FromField>(value: &[u8]) -> bool {
        T::from_field(value).is_ok()
    }
    match ty {
        FieldType::Bool => reads::<bool>(value),
        FieldType::Integer { signed, bits } => match (signed, bits) {
            (false, 8) => reads::<u8>(value),
            (false, 16) => reads::<u16>(value),
            (false, 32) => reads::<u32>(value),
            (false, 64) => reads::<u64>(value),
            (false, _) => reads::<u128>(value),
            (true, 8) => reads::<i8>(value),
            (true, 16) => reads::<i16>(value),
            (true, 32) => reads::<i32>(value),
            (true, 64) => reads::<i64>(value),
            (true, _) => reads::<i128>(value),
        },
        FieldType::Float { bits: 32 } => reads::<f32>(value),
        FieldType::Float { .. } => reads::<f64>(value),
        FieldType::Char => reads::<char>(value),
        FieldType::Text => str::from_utf8(value).is_ok(),
        FieldType::ByteArray(length) => value.len() == length,
        FieldType::Duration => reads::<Duration>(value),
        FieldType::Time => reads::<SystemTime>(value),
        FieldType::EntryId => reads::<EntryId>(value),
        FieldType::Json => serde_json::from_slice::<serde::de::IgnoredAny>(value).is_ok(),
        FieldType::Bytes | FieldType::Custom | FieldType::Choice { .. } | FieldType::Nested(_) => {
            true
        }
    }
}

fn one_of<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    format!("one of {}", names.join(", "))
}

/// The beginning of a text, or of bytes, without line breaks and the like.
fn printable(bytes: &[u8]) -> String {
    let head = bytes.get(..4 * SHOWN).unwrap_or(bytes);
    let mut text = String::new();
    let mut characters = 0;
    for chunk in head.utf8_chunks() {
        for character in chunk.valid().chars() {
            if characters == SHOWN {
                return text + "…";
            }
            characters += 1;
            if character.is_control() {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            if characters == SHOWN {
                return text + "…";
            }
            characters += 1;
            text.extend(byte.escape_ascii().map(char::from));
        }
    }
    if head.len() < bytes.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::raw::RawMessage;
    use crate::message::schema::SchemaVariant;

    fn field(name: &str, ty: &str) -> SchemaField {
        SchemaField {
            name: name.to_owned(),
            ty: ty.to_owned(),
            ..SchemaField::default()
        }
    }

    fn shape(fields: Vec<SchemaField>) -> SchemaShape {
        SchemaShape {
            name: "M".to_owned(),
            fields,
            ..SchemaShape::default()
        }
    }

    fn lines(shape: &SchemaShape, message: &RawMessage) -> Vec<String> {
        let all = misfits(shape, message.fields());
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn misfits_say_what_is_expected_and_what_is_there() {
        let mut card = field("card", "u64");
        card.sensitive = true;
        let mut note = field("note", "String");
        note.optional = true;
        let mut order = shape(vec![field("amount", "f64"), card, note, field("id", "u8")]);
        let message = RawMessage::new()
            .with("amount", "12,50")
            .with("card", "4111 1111")
            .with("note", b"\xff")
            .with("more", "x");
        assert_eq!(
            lines(&order, &message),
            [
                r#"amount: a number expected, found "12,50""#,
                "card: an integer from 0 to 18446744073709551615 expected, found ••••",
                r#"note: UTF-8 text expected, found "\xff""#,
                "id: missing, an integer from 0 to 255 expected",
            ]
        );
        order.deny_unknown = true;
        let last = lines(&order, &message).pop();
        assert_eq!(last.as_deref(), Some("more: unknown"));
        let good = RawMessage::new()
            .with("amount", "x")
            .with("amount", "12.50")
            .with("card", "4111")
            .with("id", "7");
        assert_eq!(
            lines(&order, &good),
            [""; 0],
            "the last of duplicates counts"
        );
    }

    #[test]
    fn the_tag_chooses_the_fields() {
        let variant = |name: &str, fields| SchemaVariant {
            name: name.to_owned(),
            fields,
            ..SchemaVariant::default()
        };
        let mut event = shape(Vec::new());
        event.tag = Some("kind".to_owned());
        event.variants = vec![
            variant("made", vec![field("at", "SystemTime")]),
            variant("gone", Vec::new()),
        ];
        let of = |kind: &str| RawMessage::new().with("kind", kind);
        assert_eq!(lines(&event, &of("gone")), [""; 0]);
        assert_eq!(
            lines(&event, &of("made")),
            ["at: missing, a time in milliseconds since 1970 expected"]
        );
        assert_eq!(
            lines(&event, &of("lost")),
            [r#"kind: one of `made`, `gone` expected, found "lost""#]
        );
        let lines_without = lines(&event, &RawMessage::new());
        assert_eq!(
            lines_without,
            ["kind: missing, one of `made`, `gone` expected"]
        );
        event.variants.push(SchemaVariant {
            other: true,
            ..variant("rest", Vec::new())
        });
        assert_eq!(lines(&event, &of("lost")), [""; 0]);
    }

    #[test]
    fn each_form_takes_its_own_values() {
        let mut size = field("f", "enum");
        size.words = vec!["S".to_owned()];
        let cases: [(SchemaField, &[u8], &[u8]); 8] = [
            (field("f", "i8"), b"-128", b"128"),
            (field("f", "bool"), b"true", b"yes"),
            (field("f", "[u8; 2]"), b"\xff\x00", b"a"),
            (field("f", "EntryId"), b"1-2", b"1-x"),
            (field("f", "Duration"), b"1.5", b"-1"),
            (field("f", "json"), b"{\"a\":[1]}", b"{"),
            (field("f", "char"), "é".as_bytes(), b"ab"),
            (size, b"S", b"M"),
        ];
        for (field, good, bad) in cases {
            assert!(field.takes(good), "{}", field.ty);
            assert!(!field.takes(bad), "{}", field.ty);
        }
        for unknown in ["custom", "u256", "é", ""] {
            assert!(field("f", unknown).takes(b"\xff"), "{unknown}");
        }
    }

    #[test]
    fn an_optional_message_may_be_absent_as_a_whole() {
        let mut part = shape(vec![field("weight", "f32")]);
        part.optional = true;
        let outer = shape(vec![SchemaField {
            nested: Some(part),
            ..field("part", "flatten")
        }]);
        assert_eq!(lines(&outer, &RawMessage::new()), [""; 0]);
        let message = RawMessage::new().with("weight", "heavy");
        assert_eq!(
            lines(&outer, &message),
            [r#"weight: a number expected, found "heavy""#]
        );
    }

    #[test]
    fn values_are_shown_short_and_on_one_line() {
        let long = "é".repeat(500);
        let shown = printable(long.as_bytes());
        assert_eq!(shown.chars().count(), SHOWN + 1);
        assert_eq!(printable(b"a\nb"), "a\\nb");
    }
}
