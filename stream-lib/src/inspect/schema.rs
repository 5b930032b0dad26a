//! The schemas that processes have told of a stream's messages.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::command::reserved::{HEADER, KEY};
use crate::message::{MASK, Misfit, RawMessage, SchemaField, SchemaShape, misfits};

/// A message type of a stream, as a producer or a consumer with the derive has told it:
/// see [`StreamManager::schemas`](crate::StreamManager::schemas).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamSchema {
    /// The Rust name of the type, without its path.
    pub name: String,
    /// Tells schemas apart: 16 hexadecimal digits, which are the same in all processes
    /// that have the same type.
    pub fingerprint: String,
    /// Its fields, and more.
    pub shape: SchemaShape,
    /// When it was told first, by the server's clock.
    pub first_seen: SystemTime,
    /// When it was told last. A process that has the type tells it about every hour.
    pub last_seen: SystemTime,
    /// Producers have it.
    pub by_producers: bool,
    /// Consumers have it.
    pub by_consumers: bool,
    /// The program that told it last.
    pub program: String,
}

impl StreamSchema {
    /// Reads one as it stands in Redis; `None` for what is none of ours.
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

    /// Its fields, those of variants and of flattened messages included, in order.
    pub fn fields(&self) -> Vec<&SchemaField> {
        self.shape.all_fields()
    }

    /// The fields of a message that don't fit, without the type: what decoding would find
    /// first, and all that it would find after. None where it fits.
    ///
    /// A form of the program's own is not looked into, nor the shape of a JSON document.
    pub fn check(&self, message: &RawMessage) -> Vec<Misfit> {
        misfits(&self.shape, message.fields())
    }

    /// As [`check`](Self::check), by what a stream's messages should fit now: of each type
    /// the newest schema, those that consumers have where there are any. A message that
    /// fits one of them fits; else the misfits of the one that it is nearest to come, with
    /// that schema. `None` where it fits, and where no schema is known.
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

    /// Of each type the newest schema, by its first sight; those that consumers have where
    /// there are any.
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

/// Which values of a stream's entries tools show to nobody.
///
/// As soon as one schema of the stream has a field that is `#[stream(sensitive)]`, that
/// field is hidden, and with it every field that no schema knows, the headers of
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
    /// By name, whether it is sensitive.
    fields: BTreeMap<Vec<u8>, bool>,
    hides_any: bool,
}

impl FieldMask {
    /// What stands in place of a hidden value: `••••`.
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
