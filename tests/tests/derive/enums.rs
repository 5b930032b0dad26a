//! Enums: words as values, and several message types on one stream.

use stream_lib::message::{DecodeErrorKind, FieldError, FromField};
use stream_lib::{RawMessage, Routed, StreamMessage};

use crate::{fields, raw};

#[derive(StreamMessage, Debug, Clone, Copy, PartialEq)]
#[stream(rename_all = "snake_case")]
enum Status {
    #[stream(alias = "new", alias = "open")]
    Pending,
    InTransit,
    #[stream(rename = "DONE")]
    Delivered,
}

#[derive(StreamMessage, Debug, PartialEq)]
enum Colour {
    Red,
    #[stream(other)]
    Named(String),
}

#[derive(StreamMessage, Debug, PartialEq)]
enum Level {
    Low = 1,
    High = 2,
    #[stream(other)]
    Unknown,
}

#[derive(StreamMessage, Debug, PartialEq)]
struct Parcel {
    status: Status,
    colour: Colour,
    level: Option<Level>,
}

#[test]
fn unit_variants_are_words() {
    let parcel = Parcel {
        status: Status::InTransit,
        colour: Colour::Named("teal".into()),
        level: Some(Level::High),
    };
    let entry = fields([
        ("status", "in_transit"),
        ("colour", "teal"),
        ("level", "High"),
    ]);
    assert_eq!(raw(&parcel), entry);
    assert_eq!(entry.decode::<Parcel>().unwrap(), parcel);
}

#[test]
fn words_are_read_by_name_and_alias_only() {
    for (word, status) in [
        ("pending", Status::Pending),
        ("new", Status::Pending),
        ("open", Status::Pending),
        ("DONE", Status::Delivered),
    ] {
        assert_eq!(Status::from_field(word.as_bytes()), Ok(status));
    }
    let error: FieldError = Status::from_field(b"delivered").unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected one of `pending`, `in_transit`, `DONE`"
    );
}

#[test]
fn other_takes_every_other_word() {
    assert_eq!(Colour::from_field(b"Red"), Ok(Colour::Red));
    assert_eq!(Colour::from_field(b"x"), Ok(Colour::Named("x".into())));
    assert!(
        Colour::from_field(b"\xff").is_err(),
        "what it holds must be readable"
    );
    assert_eq!(Level::from_field(b"Medium"), Ok(Level::Unknown));
    assert_eq!(Level::from_field(b"Low"), Ok(Level::Low));
}

#[derive(StreamMessage, Debug, Clone, PartialEq)]
struct Refund {
    order_id: String,
    cents: i64,
}

#[derive(StreamMessage, Debug, Clone, PartialEq)]
#[stream(name = "{shop}:news", tag = "kind", rename_all = "kebab-case")]
#[stream(rename_all_fields = "camelCase")]
enum Event {
    OrderPlaced {
        order_id: String,
        #[stream(default)]
        item_count: u32,
    },
    #[stream(rename = "paid", alias = "order-paid", rename_all = "UPPERCASE")]
    OrderPaid {
        order_id: String,
        #[stream(skip)]
        cached: Option<u8>,
    },
    Refunded(Refund),
    Heartbeat,
}

fn events() -> [(Event, RawMessage); 4] {
    [
        (
            Event::OrderPlaced {
                order_id: "A".into(),
                item_count: 3,
            },
            fields([
                ("kind", "order-placed"),
                ("orderId", "A"),
                ("itemCount", "3"),
            ]),
        ),
        (
            Event::OrderPaid {
                order_id: "A".into(),
                cached: None,
            },
            fields([("kind", "paid"), ("ORDER_ID", "A")]),
        ),
        (
            Event::Refunded(Refund {
                order_id: "A".into(),
                cents: -5,
            }),
            fields([("kind", "refunded"), ("order_id", "A"), ("cents", "-5")]),
        ),
        (Event::Heartbeat, fields([("kind", "heartbeat")])),
    ]
}

#[test]
fn variants_are_message_types_on_one_stream() {
    for (event, entry) in events() {
        assert_eq!(raw(&event), entry);
        assert_eq!(entry.decode::<Event>().unwrap(), event);
    }
    assert_eq!(Event::STREAM, "{shop}:news");
}

#[test]
fn tag_may_stand_anywhere_and_its_last_value_wins() {
    let entry = fields([("kind", "paid"), ("orderId", "A"), ("kind", "order-placed")]);
    let expected = Event::OrderPlaced {
        order_id: "A".into(),
        item_count: 0,
    };
    assert_eq!(entry.decode::<Event>().unwrap(), expected);
    let alias = fields([("ORDER_ID", "A"), ("kind", "order-paid")]);
    assert!(matches!(alias.decode().unwrap(), Event::OrderPaid { .. }));
}

#[test]
fn errors_name_the_variant_or_what_the_tag_may_be() {
    let error = fields([("kind", "secret")]).decode::<Event>().unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::UnknownVariant);
    assert_eq!(
        error.to_string(),
        "`Event`: field `kind`: expected one of `order-placed`, `paid`, `refunded`, `heartbeat`"
    );
    assert_eq!(error.value(), Some(&b"secret"[..]));

    let error = fields([("orderId", "A")]).decode::<Event>().unwrap_err();
    assert_eq!(
        (error.kind(), error.field()),
        (DecodeErrorKind::Missing, Some("kind"))
    );

    let error = fields([("kind", "paid")]).decode::<Event>().unwrap_err();
    assert_eq!(
        (error.message(), error.field()),
        ("Event::OrderPaid", Some("ORDER_ID"))
    );

    let error = fields([("kind", "refunded"), ("order_id", "A")])
        .decode::<Event>()
        .unwrap_err();
    assert_eq!(
        error.to_string().split(", ").next(),
        Some("`Event::Refunded` (in its `Refund`): field `cents` is missing")
    );
}

#[derive(StreamMessage, Debug, PartialEq)]
#[stream(tag = "type", deny_unknown_fields)]
enum Guarded {
    Ping,
    Text {
        body: String,
    },
    Refund(Refund),
    #[stream(other)]
    Unknown(RawMessage),
}

#[test]
fn deny_unknown_fields_holds_in_every_variant() {
    let ok = fields([("type", "Text"), ("body", "x")]);
    assert_eq!(
        ok.decode::<Guarded>().unwrap(),
        Guarded::Text { body: "x".into() }
    );
    for entry in [
        fields([("type", "Ping"), ("body", "x")]),
        fields([("type", "Text"), ("body", "x"), ("cents", "1")]),
        fields([
            ("type", "Refund"),
            ("order_id", "x"),
            ("cents", "1"),
            ("body", ""),
        ]),
    ] {
        let error = entry.decode::<Guarded>().unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::UnknownField, "{entry:?}");
    }
}

#[test]
fn message_of_an_unknown_type_is_kept_whole() {
    let entry = fields([("a", "1"), ("type", "New"), ("body", "x"), ("a", "2")]);
    let message: Guarded = entry.decode().unwrap();
    assert_eq!(message, Guarded::Unknown(entry.clone()));
    assert_eq!(raw(&message), entry);
}

#[derive(StreamMessage, Debug, PartialEq)]
#[stream(tag = "type")]
enum Lenient {
    Known {
        id: u8,
    },
    #[stream(other)]
    Unknown,
}

#[test]
fn other_without_fields_swallows_what_it_does_not_know() {
    let entry = fields([("type", "New"), ("id", "no number")]);
    assert_eq!(entry.decode::<Lenient>().unwrap(), Lenient::Unknown);
    assert!(
        fields([("id", "1")]).decode::<Lenient>().is_err(),
        "without a tag it is no message"
    );
}
