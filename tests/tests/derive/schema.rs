//! `SCHEMA`: the description of a type for tools.

use stream_lib::message::{FieldType, Schema};
use stream_lib::{RawMessage, StreamMessage};

#[derive(StreamMessage)]
enum Size {
    S,
    #[stream(rename = "medium", alias = "m")]
    M,
}

#[derive(StreamMessage)]
struct Part {
    weight: f32,
}

#[derive(StreamMessage)]
#[stream(name = "orders", deny_unknown_fields)]
struct Order<T> {
    #[stream(alias = "order", alias = "oid")]
    id: T,
    size: Option<Size>,
    #[stream(default)]
    count: i16,
    #[stream(json)]
    any: Option<Vec<u8>>,
    #[stream(skip)]
    cache: u8,
    #[stream(flatten)]
    part: Option<Part>,
    #[stream(flatten)]
    rest: RawMessage,
}

#[test]
fn struct_lists_its_fields_as_they_are_written() {
    let schema = <Order<[u8; 4]>>::SCHEMA;
    assert_eq!((schema.name, schema.stream), ("Order", Some("orders")));
    assert!(schema.deny_unknown && !schema.open);
    let fields: Vec<_> = schema
        .fields
        .iter()
        .map(|f| (f.name, f.ty, f.optional))
        .collect();
    let size = FieldType::Choice {
        names: &["S", "medium"],
        open: false,
    };
    let count = FieldType::Integer {
        signed: true,
        bits: 16,
    };
    assert_eq!(
        fields,
        [
            ("id", FieldType::ByteArray(4), false),
            ("size", size, true),
            ("count", count, true),
            ("any", FieldType::Json, true),
            ("part", FieldType::Nested(<Option<Part>>::SCHEMA), true),
            ("rest", FieldType::Nested(RawMessage::SCHEMA), false),
        ]
    );
    assert_eq!(schema.fields[0].aliases, ["order", "oid"]);
}

#[test]
fn generic_schema_follows_its_parameter() {
    assert_eq!(<Order<String>>::SCHEMA.fields[0].ty, FieldType::Text);
    assert!(<Order<Option<String>>>::SCHEMA.fields[0].optional);
}

#[derive(StreamMessage)]
#[stream(tag = "kind")]
enum Event {
    #[stream(alias = "made")]
    Created {
        id: u8,
    },
    Part(Part),
    Gone,
    #[stream(other)]
    Other(RawMessage),
}

#[test]
fn enum_lists_its_variants() {
    let schema: &Schema = Event::SCHEMA;
    assert_eq!((schema.tag, schema.fields.len()), (Some("kind"), 0));
    let names: Vec<_> = schema
        .variants
        .iter()
        .map(|v| (v.name, v.aliases, v.other))
        .collect();
    assert_eq!(
        names,
        [
            ("Created", &["made"][..], false),
            ("Part", &[], false),
            ("Gone", &[], false),
            ("Other", &[], true),
        ]
    );
    assert_eq!(schema.variants[0].fields[0].name, "id");
    assert_eq!(
        schema.variants[1].fields[0].ty,
        FieldType::Nested(Part::SCHEMA)
    );
}

#[test]
fn schema_claims_what_the_type_reads() {
    assert!(Event::SCHEMA.claims(b"kind") && Event::SCHEMA.claims(b"weight"));
    assert!(
        Event::SCHEMA.claims(b"anything"),
        "its last variant is open"
    );
    assert!(!Part::SCHEMA.claims(b"anything"));
}

/// Keeps fields and variants used that only the schema speaks of.
#[test]
fn schema_types_are_written_like_any_other() {
    let order = Order {
        id: "x",
        size: Some(Size::M),
        count: 1,
        any: None,
        cache: 9,
        part: Some(Part { weight: 0.5 }),
        rest: RawMessage::new(),
    };
    assert_eq!(crate::raw(&order).len(), 4);
    assert_eq!(order.cache, 9);
    for event in [
        Event::Created { id: 1 },
        Event::Part(Part { weight: 1.0 }),
        Event::Gone,
    ] {
        assert!(crate::raw(&event).get("kind").is_some());
    }
    assert!(
        crate::raw(&Event::Other(RawMessage::new().with("a", "b")))
            .get("kind")
            .is_none()
    );
    assert_eq!(
        <&str as stream_lib::message::ToField>::TYPE,
        FieldType::Text
    );
    assert!(matches!(Size::S, Size::S));
}
