//! Schemas as they are stored: written in JSON by processes that have the type, and read
//! by those that don't.

use serde_json::{Map, Value, json};

use super::shape::{FieldSchema, FieldType, Schema, VariantSchema};

/// The fields of a message type, as stored by a process that has the type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SchemaShape {
    /// The Rust name of the type, without its path.
    pub name: String,
    /// The fields of a struct, in the order they are written. Empty for an enum.
    pub fields: Vec<SchemaField>,
    /// The field that holds the variant's name, for an enum.
    pub tag: Option<String>,
    /// The variants of an enum.
    pub variants: Vec<SchemaVariant>,
    /// Unknown fields are an error.
    pub deny_unknown: bool,
    /// Takes any field, as [`RawMessage`](crate::RawMessage) does.
    pub open: bool,
    /// May be absent as a whole: an `Option` of a flattened message.
    pub optional: bool,
}

/// One variant of an enum that is a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SchemaVariant {
    /// The value of the tag field.
    pub name: String,
    /// Other values of the tag that are read as this variant.
    pub aliases: Vec<String>,
    /// The fields of the variant.
    pub fields: Vec<SchemaField>,
    /// Takes every tag that no other variant has.
    pub other: bool,
}

/// One field of a message.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of what others wrote"
)]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SchemaField {
    /// The name in the entry; for a flattened message, the Rust name.
    pub name: String,
    /// Other names that are read as this field.
    pub aliases: Vec<String>,
    /// The form of the value, as the name of a Rust type: `u8` to `i128`, `f64`, `bool`,
    /// `char`, `String`, `Vec<u8>`, `[u8; 16]`, `Duration`, `SystemTime`, `EntryId`;
    /// `enum` for one of its [`words`](Self::words), `json`, `custom` for a form of the
    /// program's own, `flatten` for all the fields of another message. A later version of
    /// the library may have stored others.
    pub ty: String,
    /// The words that an `enum` writes.
    pub words: Vec<String>,
    /// The `enum` takes other words, too.
    pub open: bool,
    /// The field may be absent.
    pub optional: bool,
    /// An absent field is read as a default value.
    pub default: bool,
    /// The value is sensitive: tools and errors never show it.
    pub sensitive: bool,
    /// The value is the idempotency key of the message.
    pub idempotency_key: bool,
    /// The value decides on the partition.
    pub key: bool,
    /// The flattened message.
    pub nested: Option<SchemaShape>,
}

/// A schema as a stream stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SchemaText {
    /// The same in every process with the same type.
    pub(crate) fingerprint: String,
    /// In JSON, on one line.
    pub(crate) body: String,
}

impl SchemaText {
    pub(crate) fn of(schema: &Schema) -> Self {
        Self::of_body(shape(schema).to_string())
    }

    /// Reads the JSON of a schema; `None` if it is none.
    #[cfg_attr(
        not(feature = "spool"),
        expect(dead_code, reason = "only a spool keeps types")
    )]
    pub(crate) fn read(body: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(body).ok()?;
        value.get("name")?.as_str()?;
        Some(Self::of_body(body.to_owned()))
    }

    /// The Rust name of the type.
    pub(crate) fn name(&self) -> String {
        let value: Option<Value> = serde_json::from_str(&self.body).ok();
        let name = value.as_ref().and_then(|value| value.get("name")?.as_str());
        name.unwrap_or_default().to_owned()
    }

    fn of_body(body: String) -> Self {
        Self {
            fingerprint: format!("{:016x}", fnv(body.as_bytes())),
            body,
        }
    }
}

/// FNV-1a.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn shape(schema: &Schema) -> Value {
    let mut told = Map::new();
    told.insert("name".to_owned(), schema.name.into());
    put_list(&mut told, "fields", schema.fields, field);
    if let Some(tag) = schema.tag {
        told.insert("tag".to_owned(), tag.into());
    }
    put_list(&mut told, "variants", schema.variants, variant);
    put_flag(&mut told, "deny_unknown", schema.deny_unknown);
    put_flag(&mut told, "open", schema.open);
    put_flag(&mut told, "optional", schema.optional);
    Value::Object(told)
}

fn variant(variant: &VariantSchema) -> Value {
    let mut told = Map::new();
    told.insert("name".to_owned(), variant.name.into());
    put_list(&mut told, "aliases", variant.aliases, |alias| json!(alias));
    put_list(&mut told, "fields", variant.fields, field);
    put_flag(&mut told, "other", variant.other);
    Value::Object(told)
}

fn field(field: &FieldSchema) -> Value {
    let mut told = Map::new();
    told.insert("name".to_owned(), field.name.into());
    put_list(&mut told, "aliases", field.aliases, |alias| json!(alias));
    told.insert("type".to_owned(), type_name(field.ty).into());
    match field.ty {
        FieldType::Choice { names, open } => {
            put_list(&mut told, "words", names, |name| json!(name));
            put_flag(&mut told, "open", open);
        }
        FieldType::Nested(schema) => {
            told.insert("nested".to_owned(), shape(schema));
        }
        _ => {}
    }
    put_flag(&mut told, "optional", field.optional);
    put_flag(&mut told, "default", field.default);
    put_flag(&mut told, "sensitive", field.sensitive);
    put_flag(&mut told, "idempotency_key", field.idempotency_key);
    put_flag(&mut told, "key", field.key);
    Value::Object(told)
}

fn type_name(ty: FieldType) -> String {
    match ty {
        FieldType::Bool => "bool".to_owned(),
        FieldType::Integer { signed, bits } => {
            format!("{}{bits}", if signed { 'i' } else { 'u' })
        }
        FieldType::Float { bits } => format!("f{bits}"),
        FieldType::Char => "char".to_owned(),
        FieldType::Text => "String".to_owned(),
        FieldType::Bytes => "Vec<u8>".to_owned(),
        FieldType::ByteArray(length) => format!("[u8; {length}]"),
        FieldType::Duration => "Duration".to_owned(),
        FieldType::Time => "SystemTime".to_owned(),
        FieldType::EntryId => "EntryId".to_owned(),
        FieldType::Choice { .. } => "enum".to_owned(),
        FieldType::Json => "json".to_owned(),
        FieldType::Custom => "custom".to_owned(),
        FieldType::Nested(_) => "flatten".to_owned(),
    }
}

fn put_flag(told: &mut Map<String, Value>, name: &str, flag: bool) {
    if flag {
        told.insert(name.to_owned(), true.into());
    }
}

fn put_list<T>(told: &mut Map<String, Value>, name: &str, list: &[T], one: impl Fn(&T) -> Value) {
    if !list.is_empty() {
        told.insert(name.to_owned(), list.iter().map(one).collect());
    }
}

/// The deepest nesting of flattened messages that is read; deeper ones are left out,
/// since no real type has them.
const DEEPEST: usize = 32;

impl SchemaShape {
    /// Reads a stored schema; `None` for other JSON. Missing parts count as absent,
    /// unknown parts are ignored.
    pub(crate) fn read(told: &Value) -> Option<Self> {
        Self::read_at(told, 0)
    }

    fn read_at(told: &Value, depth: usize) -> Option<Self> {
        if depth > DEEPEST {
            return None;
        }
        Some(Self {
            name: text(told, "name")?,
            fields: fields(told, depth),
            tag: text(told, "tag"),
            variants: list(told, "variants", |told| {
                Some(SchemaVariant {
                    name: text(told, "name")?,
                    aliases: texts(told, "aliases"),
                    fields: fields(told, depth),
                    other: flag(told, "other"),
                })
            }),
            deny_unknown: flag(told, "deny_unknown"),
            open: flag(told, "open"),
            optional: flag(told, "optional"),
        })
    }

    /// All fields: those of the type itself, of its variants, and of the messages
    /// flattened into it. The flattened fields themselves are not listed.
    pub fn all_fields(&self) -> Vec<&SchemaField> {
        let mut all = Vec::new();
        self.collect(&mut all);
        all
    }

    fn collect<'a>(&'a self, all: &mut Vec<&'a SchemaField>) {
        let variants = self.variants.iter().flat_map(|variant| &variant.fields);
        for field in self.fields.iter().chain(variants) {
            match &field.nested {
                Some(nested) => nested.collect(all),
                None => all.push(field),
            }
        }
    }

    /// Whether a field of this name belongs to the type, or to a message flattened into
    /// it: as a field, an alias or a tag.
    pub fn names(&self, name: &[u8]) -> bool {
        let is_tag = self
            .tag
            .as_deref()
            .is_some_and(|tag| tag.as_bytes() == name);
        let variants = self.variants.iter().flat_map(|variant| &variant.fields);
        is_tag
            || self
                .fields
                .iter()
                .chain(variants)
                .any(|field| match &field.nested {
                    Some(nested) => nested.names(name),
                    None => field.is_named(name),
                })
    }
}

impl SchemaField {
    /// Whether the field is written or read under this name.
    pub fn is_named(&self, name: &[u8]) -> bool {
        let aliases = self.aliases.iter().map(String::as_bytes);
        self.name.as_bytes() == name || aliases.into_iter().any(|alias| alias == name)
    }
}

fn fields(told: &Value, depth: usize) -> Vec<SchemaField> {
    list(told, "fields", |told| {
        let nested = told.get("nested");
        Some(SchemaField {
            name: text(told, "name")?,
            aliases: texts(told, "aliases"),
            ty: text(told, "type")?,
            words: texts(told, "words"),
            open: flag(told, "open"),
            optional: flag(told, "optional"),
            default: flag(told, "default"),
            sensitive: flag(told, "sensitive"),
            idempotency_key: flag(told, "idempotency_key"),
            key: flag(told, "key"),
            nested: nested.and_then(|told| SchemaShape::read_at(told, depth + 1)),
        })
    })
}

fn list<T>(told: &Value, name: &str, read: impl Fn(&Value) -> Option<T>) -> Vec<T> {
    let list = told.get(name).and_then(Value::as_array);
    list.map_or(&[][..], Vec::as_slice)
        .iter()
        .filter_map(read)
        .collect()
}

fn texts(told: &Value, name: &str) -> Vec<String> {
    list(told, name, |told| told.as_str().map(str::to_owned))
}

fn text(told: &Value, name: &str) -> Option<String> {
    told.get(name)?.as_str().map(str::to_owned)
}

fn flag(told: &Value, name: &str) -> bool {
    told.get(name).and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::schema::VariantSchema;

    static INNER: Schema = Schema::new("Inner").with_variants(
        "kind",
        &[
            VariantSchema::new("a")
                .with_aliases(&["b"])
                .with_fields(&[FieldSchema::new("pin", FieldType::ByteArray(4)).sensitive()]),
            VariantSchema::new("rest").other(),
        ],
    );
    const WORDS: FieldType = FieldType::Choice {
        names: &["S", "M"],
        open: true,
    };
    const BYTE: FieldType = FieldType::Integer {
        signed: false,
        bits: 8,
    };
    static OUTER: Schema = Schema::new("Outer").deny_unknown().with_fields(&[
        FieldSchema::new("id", BYTE)
            .with_aliases(&["oid"])
            .as_key()
            .as_idempotency_key(),
        FieldSchema::new("size", WORDS)
            .optional(true)
            .with_default(),
        FieldSchema::nested("inner", &INNER),
    ]);

    #[cfg(feature = "spool")]
    #[test]
    fn only_schemas_are_read() {
        let text = SchemaText::of(&OUTER);
        assert_eq!(SchemaText::read(&text.body).as_ref(), Some(&text));
        for other in ["", "{", "[]", "1", "{}", r#"{"name":1}"#] {
            assert_eq!(SchemaText::read(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_type_tells_is_read_back() {
        let text = SchemaText::of(&OUTER);
        assert_eq!(text.fingerprint.len(), 16);
        assert_ne!(SchemaText::of(&INNER).fingerprint, text.fingerprint);
        let read = SchemaShape::read(&serde_json::from_str(&text.body).unwrap()).unwrap();
        assert_eq!((read.name.as_str(), read.deny_unknown), ("Outer", true));
        let id = &read.fields[0];
        assert_eq!(
            (id.ty.as_str(), id.aliases.as_slice()),
            ("u8", &["oid".to_owned()][..])
        );
        assert!(id.key && id.idempotency_key && !id.optional && !id.sensitive);
        let size = &read.fields[1];
        assert!(size.open && size.optional && size.default);
        assert_eq!(size.words, ["S", "M"]);
        let inner = read.fields[2].nested.as_ref().unwrap();
        assert_eq!(inner.tag.as_deref(), Some("kind"));
        assert_eq!(inner.variants[0].aliases, ["b"]);
        assert!(inner.variants[0].fields[0].sensitive && inner.variants[1].other);
        let all: Vec<_> = read
            .all_fields()
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        assert_eq!(all, ["id", "size", "pin"]);
        assert!(read.names(b"oid") && read.names(b"kind") && read.names(b"pin"));
        assert!(!read.names(b"inner") && !read.names(b"x"));
    }

    #[test]
    fn what_is_none_of_ours_is_passed_over() {
        for foreign in ["1", "{}", "[]", r#"{"name":7}"#] {
            let told = serde_json::from_str(foreign).unwrap();
            assert_eq!(SchemaShape::read(&told), None, "{foreign}");
        }
        let later = r#"{"name":"M","new":1,"fields":[{"name":"a"},{"name":"b","type":"u256"}]}"#;
        let read = SchemaShape::read(&serde_json::from_str(later).unwrap()).unwrap();
        assert_eq!(read.fields.len(), 1);
        let mut deep = r#"{"name":"M"}"#.to_owned();
        for _ in 0..60 {
            deep = format!(
                r#"{{"name":"M","fields":[{{"name":"f","type":"flatten","nested":{deep}}}]}}"#
            );
        }
        if let Ok(told) = serde_json::from_str(&deep) {
            assert!(SchemaShape::read(&told).is_some());
        }
    }
}
