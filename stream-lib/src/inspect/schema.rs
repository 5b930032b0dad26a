//! The stored schemas of a stream's messages.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::command::reserved::{HEADER, KEY};
use crate::message::{MASK, Misfit, RawMessage, SchemaField, SchemaShape, misfits};

/// A message type of a stream, as a producer or a consumer with the derive has stored it:
/// see [`StreamManager::schemas`](crate::StreamManager::schemas).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamSchema {
    /// The Rust name of the type, without its path.
    pub name: String,
    /// Its fingerprint: 16 hexadecimal digits, the same in all processes that have the
    /// same type.
    pub fingerprint: String,
    /// Its shape, with the fields.
    pub shape: SchemaShape,
    /// When it was first stored, by the server's clock.
    pub first_seen: SystemTime,
    /// When it was last stored. A process that has the type stores it about every hour.
    pub last_seen: SystemTime,
    /// Whether producers have it.
    pub by_producers: bool,
    /// Whether consumers have it.
    pub by_consumers: bool,
    /// The program that stored it last.
    pub program: String,
}

impl StreamSchema {
    /// Reads a schema as stored in Redis; `None` for a value of another form.
    pub(crate) fn read(fingerprint: &[u8], told: &[u8]) -> Option<Self> {
        let told: Value = serde_json::from_slice(told).ok()?;
        let shape = SchemaShape::read(told.get("schema")?)?;
        let flag = |name| told.get(name).and_then(Value::as_bool).unwrap_or(false);
        let time = |name| {
            let ms = told.get(name).and_then(Value::as_u64).unwrap_or(0);
            let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms));
            time.unwrap_or(SystemTime::UNIX_EPOCH)
        };
        let program = told.get("program").and_then(Value::as_str);
        Some(Self {
            name: shape.name.clone(),
            fingerprint: String::from_utf8_lossy(fingerprint).into_owned(),
            first_seen: time("first_seen"),
            last_seen: time("last_seen"),
            by_producers: flag("producers"),
            by_consumers: flag("consumers"),
            program: program.unwrap_or_default().to_owned(),
            shape,
        })
    }

    /// Its fields in order, with those of variants and of flattened messages.
    pub fn fields(&self) -> Vec<&SchemaField> {
        self.shape.all_fields()
    }

    /// The fields of a message that don't fit, without the type: the first that decoding
    /// would find, and all later ones. Empty if the message fits.
    ///
    /// The content of fields with a form of the program's own, and the shape of JSON
    /// documents, are not checked.
    pub fn check(&self, message: &RawMessage) -> Vec<Misfit> {
        misfits(&self.shape, message.fields())
    }

    /// As [`check`](Self::check), by the [newest](Self::newest) of a stream's schemas. A
    /// message that fits one of them fits; else the misfits of the nearest schema are
    /// returned, with that schema. `None` if the message fits, or no schema is known.
    pub fn check_any<'a>(
        schemas: &'a [Self],
        message: &RawMessage,
    ) -> Option<(&'a Self, Vec<Misfit>)> {
        let mut nearest: Option<(&Self, Vec<Misfit>)> = None;
        for schema in Self::newest(schemas) {
            let misfits = schema.check(message);
            if misfits.is_empty() {
                return None;
            }
            if nearest
                .as_ref()
                .is_none_or(|(_, least)| misfits.len() < least.len())
            {
                nearest = Some((schema, misfits));
            }
        }
        nearest
    }

    /// The schema of each type with the latest `first_seen`; if consumers have any
    /// schemas, only those of consumers.
    pub fn newest(schemas: &[Self]) -> Vec<&Self> {
        let is_read = schemas.iter().any(|schema| schema.by_consumers);
        let mut newest: BTreeMap<&str, &Self> = BTreeMap::new();
        for schema in schemas
            .iter()
            .filter(|schema| schema.by_consumers || !is_read)
        {
            let known = newest.entry(&schema.name).or_insert(schema);
            if schema.first_seen > known.first_seen {
                *known = schema;
            }
        }
        newest.into_values().collect()
    }
}

/// A mask for field values of a stream's entries that tools must not show.
///
/// As soon as one schema of the stream has a field that is `#[stream(sensitive)]`, that
/// field is hidden, and so are every field that no schema knows, the headers of
/// producers, and the idempotency key.
///
/// ```no_run
/// use stream_lib::{FieldMask, Peek};
///
/// # let manager = stream_lib::StreamManager::from_env()?;
/// let mask = FieldMask::of(&manager.schemas("orders")?);
/// for entry in manager.peek("orders", &Peek::newest(10))?.entries {
///     for field in &entry.fields {
///         let name = String::from_utf8_lossy(&field.name);
///         println!("{name}: {}", String::from_utf8_lossy(mask.shown(&field.name, &field.value)));
///     }
/// }
/// # Ok::<(), stream_lib::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldMask {
    /// Whether a field is sensitive, by its name.
    fields: BTreeMap<Vec<u8>, bool>,
    hides_any: bool,
}

impl FieldMask {
    /// The replacement of a hidden value: `••••`.
    pub const HIDDEN: &'static str = MASK;

    /// The mask for a stream with these schemas.
    pub fn of(schemas: &[StreamSchema]) -> Self {
        let mut mask = Self::default();
        for schema in schemas {
            mask.learn(&schema.shape);
        }
        mask
    }

    fn learn(&mut self, shape: &SchemaShape) {
        if let Some(tag) = &shape.tag {
            self.fields.entry(tag.clone().into_bytes()).or_insert(false);
        }
        let variants = shape.variants.iter().flat_map(|variant| &variant.fields);
        for field in shape.fields.iter().chain(variants) {
            if let Some(nested) = &field.nested {
                self.learn(nested);
                continue;
            }
            self.hides_any |= field.sensitive;
            for name in std::iter::once(&field.name).chain(&field.aliases) {
                *self
                    .fields
                    .entry(name.clone().into_bytes())
                    .or_insert(false) |= field.sensitive;
            }
        }
    }

    /// Whether it hides anything.
    pub fn hides_any(&self) -> bool {
        self.hides_any
    }

    /// Whether the value of a field is hidden.
    pub fn hides(&self, name: &[u8]) -> bool {
        if !self.hides_any {
            return false;
        }
        match name {
            [b'~', ..] => name == KEY.as_bytes() || name.starts_with(HEADER.as_bytes()),
            name => self.fields.get(name).copied().unwrap_or(true),
        }
    }

    /// The value of a field, or [`HIDDEN`](Self::HIDDEN).
    pub fn shown<'a>(&self, name: &[u8], value: &'a [u8]) -> &'a [u8] {
        if self.hides(name) {
            Self::HIDDEN.as_bytes()
        } else {
            value
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(name: &str, seen: u64, consumers: bool, fields: &str) -> StreamSchema {
        let told = format!(
            r#"{{"first_seen":{seen},"last_seen":{seen},"producers":true,"consumers":{consumers},"program":"p","schema":{{"name":"{name}","fields":[{fields}]}}}}"#
        );
        StreamSchema::read(b"0f", told.as_bytes()).unwrap()
    }

    const AMOUNT: &str = r#"{"name":"amount","type":"f64"}"#;
    const PIN: &str = r#"{"name":"pin","aliases":["code"],"type":"String","sensitive":true}"#;

    #[test]
    fn schemas_are_read_as_they_were_told() {
        let read = schema("Order", 1_500, false, AMOUNT);
        assert_eq!(
            (read.name.as_str(), read.fingerprint.as_str()),
            ("Order", "0f")
        );
        assert_eq!(
            read.first_seen,
            SystemTime::UNIX_EPOCH + Duration::from_millis(1_500)
        );
        assert!(read.by_producers && !read.by_consumers);
        assert_eq!(read.fields()[0].name, "amount");
        for foreign in ["", "1", "{}", r#"{"schema":{}}"#] {
            assert_eq!(
                StreamSchema::read(b"a", foreign.as_bytes()),
                None,
                "{foreign}"
            );
        }
    }

    #[test]
    fn the_newest_schema_of_each_type_counts() {
        let word = r#"{"name":"amount","type":"String"}"#;
        let old = schema("Order", 1, true, AMOUNT);
        let new = schema("Order", 2, true, word);
        let other = schema("Other", 1, true, r#"{"name":"x","type":"u8"}"#);
        let produced = schema("Third", 3, false, r#"{"name":"y","type":"u8"}"#);
        let all = [old.clone(), new, other, produced];
        let message = RawMessage::new().with("amount", "much");
        assert_eq!(StreamSchema::check_any(&all, &message), None);
        let (nearest, misfits) =
            StreamSchema::check_any(std::slice::from_ref(&old), &message).unwrap();
        assert_eq!((nearest, misfits.len()), (&old, 1));
        let names: Vec<_> = StreamSchema::newest(&all)
            .iter()
            .map(|s| s.name.as_str())
            .collect();
        assert_eq!(names, ["Order", "Other"]);
        let written_only = [schema("Order", 1, false, AMOUNT)];
        assert!(StreamSchema::check_any(&written_only, &message).is_some());
        assert_eq!(StreamSchema::check_any(&[], &message), None);
    }

    #[test]
    fn a_sensitive_field_hides_what_nobody_knows() {
        let open = FieldMask::of(&[schema("Order", 1, true, AMOUNT)]);
        assert!(!open.hides(b"anything") && !open.hides_any());
        let fields = format!("{AMOUNT},{PIN}");
        let mask = FieldMask::of(&[
            schema("Old", 1, true, AMOUNT),
            schema("Order", 2, true, &fields),
        ]);
        for hidden in ["pin", "code", "anything", "~key", "~h:trace"] {
            assert!(mask.hides(hidden.as_bytes()), "{hidden}");
        }
        for shown in ["amount", "~id", "~reason", "~error"] {
            assert!(!mask.hides(shown.as_bytes()), "{shown}");
        }
        assert_eq!(mask.shown(b"pin", b"1234"), "••••".as_bytes());
        assert_eq!(mask.shown(b"amount", b"1"), b"1");
    }
}
