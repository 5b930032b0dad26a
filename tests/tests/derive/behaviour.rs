//! Structs: names, forms and absent fields.
#![allow(clippy::float_cmp, clippy::struct_field_names)]

use std::borrow::Cow;

use stream_lib::message::{DecodeErrorKind, EncodeErrorKind};
use stream_lib::{RawMessage, Routed, StreamMessage};

use crate::{fields, raw};

#[derive(StreamMessage, Debug, Clone, PartialEq)]
#[stream(name = "orders")]
struct Order {
    order_id: String,
    user_id: u64,
    amount: f64,
    note: Option<String>,
    paid: bool,
}

fn order() -> Order {
    Order {
        order_id: "A-1".into(),
        user_id: 7,
        amount: 99.99,
        note: None,
        paid: true,
    }
}

#[test]
fn fields_are_written_in_order_as_text() {
    let expected = fields([
        ("order_id", "A-1"),
        ("user_id", "7"),
        ("amount", "99.99"),
        ("paid", "1"),
    ]);
    assert_eq!(raw(&order()), expected);
    assert_eq!(expected.decode::<Order>().unwrap(), order());
    assert_eq!(Order::STREAM, "orders");
}

#[test]
fn references_and_pointers_are_messages_too() {
    let order = order();
    assert_eq!(raw(&&order), raw(&order));
    assert_eq!(raw(&std::sync::Arc::new(order.clone())), raw(&order));
    assert_eq!(<&Order as Routed>::STREAM, "orders");
    let boxed: Box<Order> = raw(&order).decode().unwrap();
    assert_eq!(*boxed, order);
}

#[test]
fn hand_written_entry_is_read_in_any_order() {
    let entry = fields([
        ("paid", "true"),
        ("amount", "9.5"),
        ("unknown", "x"),
        ("note", ""),
        ("user_id", "7"),
        ("order_id", "A-1"),
    ]);
    let order: Order = entry.decode().unwrap();
    assert_eq!(order.note.as_deref(), Some(""));
    assert_eq!(order.amount, 9.5);
}

#[test]
fn last_of_duplicate_fields_wins() {
    let entry = raw(&order()).with("user_id", "8").with("user_id", "9");
    assert_eq!(entry.decode::<Order>().unwrap().user_id, 9);
    let entry = raw(&order()).with("user_id", "no number");
    assert!(
        entry.decode::<Order>().is_err(),
        "the last wins even where it is malformed"
    );
}

#[test]
fn missing_and_malformed_fields_are_named_without_their_value() {
    let error = fields([("order_id", "A-1")]).decode::<Order>().unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Missing);
    assert_eq!((error.message(), error.field()), ("Order", Some("user_id")));
    assert_eq!(
        error.to_string(),
        "`Order`: field `user_id` is missing, expected an integer from 0 to 18446744073709551615"
    );

    let error = raw(&order())
        .with("amount", "top secret")
        .decode::<Order>()
        .unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Malformed);
    assert_eq!(
        error.to_string(),
        "`Order`: field `amount`: expected a number"
    );
    assert!(!format!("{error:?}").contains("secret"));
    assert_eq!(error.value(), Some(&b"top secret"[..]));
}

#[test]
fn reserved_fields_are_invisible() {
    let entry = raw(&order()).with("~user_id", "8").with("~id", "1-0");
    assert_eq!(entry.decode::<Order>().unwrap(), order());
    assert_eq!(entry.fields().header("~id"), Some(&b"1-0"[..]));
}

#[derive(StreamMessage, Debug, PartialEq)]
#[stream(rename_all = "camelCase", deny_unknown_fields)]
struct Strict {
    first_name: String,
    #[stream(rename = "zip", alias = "plz", alias = "postcode")]
    zip_code: u32,
    r#type: char,
}

#[test]
fn names_follow_rename_all_rename_and_alias() {
    let message = Strict {
        first_name: "Ada".into(),
        zip_code: 1,
        r#type: 'x',
    };
    assert_eq!(
        raw(&message),
        fields([("firstName", "Ada"), ("zip", "1"), ("type", "x")])
    );
    for alias in ["zip", "plz", "postcode"] {
        let entry = fields([("firstName", "Ada"), (alias, "1"), ("type", "x")]);
        assert_eq!(entry.decode::<Strict>().unwrap(), message, "{alias}");
    }
    let both = fields([
        ("plz", "2"),
        ("firstName", "Ada"),
        ("zip", "1"),
        ("type", "x"),
    ]);
    assert_eq!(
        both.decode::<Strict>().unwrap(),
        message,
        "the last of name and alias wins"
    );
}

#[test]
fn deny_unknown_fields_names_the_field() {
    let entry = fields([
        ("firstName", "Ada"),
        ("zip", "1"),
        ("type", "x"),
        ("extra\n", "secret"),
    ]);
    let error = entry.decode::<Strict>().unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::UnknownField);
    assert_eq!(error.to_string(), r"`Strict`: field `extra\n` is unknown");
    let entry = fields([
        ("firstName", "Ada"),
        ("zip", "1"),
        ("type", "x"),
        ("~trace", "1"),
    ]);
    assert!(
        entry.decode::<Strict>().is_ok(),
        "reserved fields are never unknown"
    );
}

#[derive(StreamMessage)]
#[stream(name = "notes")]
struct Note<'a> {
    text: &'a str,
    body: Cow<'a, [u8]>,
    bytes: &'a [u8],
    number: &'a u8,
    later: Option<&'a str>,
}

#[test]
fn borrowed_fields_are_written() {
    let note = Note {
        text: "hi",
        body: Cow::Borrowed(b"\xff\x00"),
        bytes: b"\r\n",
        number: &3,
        later: None,
    };
    let expected = RawMessage::new()
        .with("text", "hi")
        .with("body", b"\xff\x00")
        .with("bytes", b"\r\n")
        .with("number", "3");
    assert_eq!(raw(&note), expected);
}

#[derive(StreamMessage)]
struct Dynamic {
    #[stream(flatten)]
    rest: RawMessage,
}

#[test]
fn too_many_fields_and_reserved_names_are_refused_at_run_time() {
    let rest = (0..1_001).map(|n| (n.to_string(), "")).collect();
    let error = RawMessage::from_message(&Dynamic { rest }).unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::TooManyFields);
    let rest = RawMessage::new().with("~waiting", "");
    let error = RawMessage::from_message(&Dynamic { rest }).unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::Reserved);
    assert_eq!(error.field(), Some("~waiting"));
    assert_eq!(
        stream_lib::Error::from(error).kind(),
        stream_lib::ErrorKind::Encode
    );
}
