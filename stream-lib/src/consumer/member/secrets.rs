//! Values that must not appear in texts of failures.
//!
//! The library's own errors don't contain sensitive fields. A handler's error may: it is
//! searched for the values of the entry. Only a failure costs anything.

use serde_json::Value;

use crate::error::one_line;
use crate::message::{FieldSchema, FieldType, Fields, MASK, Schema};

/// The length of the shortest value searched for: shorter ones would be found everywhere.
const SHORTEST: usize = 4;

/// The names of a message type's sensitive fields.
#[derive(Debug)]
pub(crate) struct Secrets(Vec<&'static str>);

impl Secrets {
    /// The sensitive fields of a type; `None` if it has none.
    pub(crate) fn of(schema: &'static Schema) -> Option<Self> {
        let mut names = Vec::new();
        collect(schema, false, &mut names);
        (!names.is_empty()).then_some(Self(names))
    }

    /// The values of these fields in an entry, as they would appear in a line of text.
    pub(crate) fn values_of(&self, fields: Fields<'_>) -> Vec<String> {
        let is_secret = |name: &[u8]| self.0.iter().any(|known| known.as_bytes() == name);
        let mut values = Vec::new();
        for (_, value) in fields.iter().filter(|(name, _)| is_secret(name)) {
            add(&String::from_utf8_lossy(value), &mut values);
            if let Ok(document) = serde_json::from_slice(value) {
                add_leaves(&document, &mut values);
            }
        }
        values
    }
}

/// Replaces these values by `••••`.
pub(crate) fn hidden(mut text: String, mut values: Vec<String>) -> String {
    // A value may be part of another one.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in values {
        if text.contains(&value) {
            text = text.replace(&value, MASK);
        }
    }
    text
}

fn add(value: &str, values: &mut Vec<String>) {
    let value = value.trim();
    if value.len() < SHORTEST {
        return;
    }
    values.push(one_line(value));
    let escaped = value.escape_debug().to_string();
    if escaped != value {
        values.push(escaped);
    }
}

/// The texts and numbers in a document.
fn add_leaves(document: &Value, values: &mut Vec<String>) {
    match document {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => add(&number.to_string(), values),
        Value::String(text) => add(text, values),
        Value::Array(items) => items.iter().for_each(|item| add_leaves(item, values)),
        Value::Object(items) => items.values().for_each(|item| add_leaves(item, values)),
    }
}

/// The names of sensitive fields; with `all`, of all fields.
fn collect(schema: &'static Schema, all: bool, names: &mut Vec<&'static str>) {
    let variants = schema.variants.iter().flat_map(|variant| variant.fields);
    for field in schema.fields.iter().chain(variants) {
        let FieldSchema { name, aliases, .. } = field;
        match field.ty {
            FieldType::Nested(nested) => collect(nested, all || field.sensitive, names),
            _ if all || field.sensitive => {
                names.push(name);
                names.extend(*aliases);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::RawMessage;

    static INNER: Schema = Schema::new("Inner").with_fields(&[
        FieldSchema::new("pin", FieldType::Text)
            .with_aliases(&["code"])
            .sensitive(),
        FieldSchema::new("note", FieldType::Text),
    ]);
    static OUTER: Schema = Schema::new("Outer").with_fields(&[
        FieldSchema::new("card", FieldType::Json).sensitive(),
        FieldSchema::nested("inner", &INNER),
    ]);

    static PLAIN: Schema =
        Schema::new("Plain").with_fields(&[FieldSchema::new("note", FieldType::Text)]);

    #[test]
    fn values_of_sensitive_fields_are_hidden_wherever_they_stand() {
        let secrets = Secrets::of(&OUTER).unwrap();
        let message = RawMessage::new()
            .with("card", r#"{"number":"4111 1111","cvc":1234}"#)
            .with("code", "987654")
            .with("note", "a note")
            .with("pin", "1");
        let hide = |text: &str| hidden(text.to_owned(), secrets.values_of(message.fields()));
        assert_eq!(hide("card 4111 1111 refused"), "card •••• refused");
        assert_eq!(hide("cvc=1234, pin 987654."), "cvc=••••, pin ••••.");
        assert_eq!(
            hide("1 of a note"),
            "1 of a note",
            "short, or nobody's secret"
        );
        assert_eq!(hide(r#"{"number":"4111 1111","cvc":1234}"#), MASK);
        assert_eq!(
            hide(r#"bad: "{\"number\":\"4111 1111\",\"cvc\":1234}""#),
            format!("bad: \"{MASK}\"")
        );
        assert!(Secrets::of(&PLAIN).is_none());
    }

    #[test]
    fn sensitive_nested_message_hides_all_its_fields() {
        static WHOLE: Schema =
            Schema::new("Whole").with_fields(&[FieldSchema::nested("inner", &INNER).sensitive()]);
        let secrets = Secrets::of(&WHOLE).unwrap();
        let message = RawMessage::new().with("note", "a note");
        let values = secrets.values_of(message.fields());
        assert_eq!(hidden("of a note".to_owned(), values), "of ••••");
    }

    #[test]
    fn a_value_with_line_breaks_is_hidden_in_one_line() {
        let secrets = Secrets::of(&INNER).unwrap();
        let message = RawMessage::new().with("pin", "abc\ndef");
        let text = one_line("what is abc\ndef?");
        let values = secrets.values_of(message.fields());
        assert_eq!(hidden(text, values), "what is ••••?");
    }
}
