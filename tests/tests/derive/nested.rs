//! `flatten`: messages within messages.

use stream_lib::message::DecodeErrorKind;
use stream_lib::{RawMessage, StreamMessage};

use crate::{fields, raw};

#[derive(StreamMessage, Debug, Clone, PartialEq)]
struct Address {
    city: String,
    #[stream(alias = "plz")]
    zip: u32,
}

#[derive(StreamMessage, Debug, Clone, PartialEq)]
#[stream(tag = "payment")]
enum Payment {
    Card { last4: String },
    Invoice,
}

#[derive(StreamMessage, Debug, Clone, PartialEq)]
struct Order {
    id: u64,
    #[stream(flatten)]
    address: Address,
    #[stream(flatten)]
    payment: Option<Payment>,
    #[stream(flatten)]
    rest: RawMessage,
    note: Option<String>,
}

fn order() -> Order {
    Order {
        id: 1,
        address: Address {
            city: "Ulm".into(),
            zip: 89_073,
        },
        payment: Some(Payment::Card {
            last4: "4242".into(),
        }),
        rest: RawMessage::new()
            .with("x", "1")
            .with("y", "2")
            .with("x", "3"),
        note: Some("n".into()),
    }
}

#[test]
fn flattened_fields_stand_between_the_others() {
    let entry = fields([
        ("id", "1"),
        ("city", "Ulm"),
        ("zip", "89073"),
        ("payment", "Card"),
        ("last4", "4242"),
        ("x", "1"),
        ("y", "2"),
        ("x", "3"),
        ("note", "n"),
    ]);
    assert_eq!(raw(&order()), entry);
    assert_eq!(entry.decode::<Order>().unwrap(), order());
}

#[test]
fn rest_is_what_nobody_else_claims() {
    let entry = fields([
        ("plz", "1"),
        ("city", "Ulm"),
        ("id", "1"),
        ("left", "over"),
        ("~h", "1"),
    ]);
    let order: Order = entry.decode().unwrap();
    assert_eq!(order.rest, RawMessage::new().with("left", "over"));
    assert_eq!(order.payment, None);
}

#[test]
fn optional_message_is_absent_or_whole() {
    let base = [("id", "1"), ("city", "Ulm"), ("zip", "1")];
    assert_eq!(fields(base).decode::<Order>().unwrap().payment, None);
    let invoice = fields(base).with("payment", "Invoice");
    assert_eq!(
        invoice.decode::<Order>().unwrap().payment,
        Some(Payment::Invoice)
    );
    let half = fields(base).with("last4", "4242");
    let error = half.decode::<Order>().unwrap_err();
    assert_eq!(
        (error.kind(), error.field()),
        (DecodeErrorKind::Missing, Some("payment"))
    );
}

#[test]
fn errors_name_the_outer_and_the_inner_message() {
    let error = fields([("id", "1"), ("city", "Ulm")])
        .decode::<Order>()
        .unwrap_err();
    assert_eq!(error.message(), "Order");
    assert_eq!(
        error.to_string(),
        "`Order` (in its `Address`): field `zip` is missing, expected an integer from 0 to 4294967295"
    );
}

#[derive(StreamMessage, Debug, PartialEq)]
#[stream(deny_unknown_fields)]
struct Inner {
    a: u8,
}

#[derive(StreamMessage, Debug, PartialEq)]
#[stream(deny_unknown_fields)]
struct Strict {
    #[stream(flatten)]
    inner: Inner,
    b: u8,
}

#[test]
fn deny_unknown_fields_counts_flattened_and_outer_fields_as_known() {
    let known = fields([("a", "1"), ("b", "2")]);
    let expected = Strict {
        inner: Inner { a: 1 },
        b: 2,
    };
    assert_eq!(known.decode::<Strict>().unwrap(), expected);
    let error = known.with("c", "3").decode::<Strict>().unwrap_err();
    assert_eq!(
        (error.kind(), error.field()),
        (DecodeErrorKind::UnknownField, Some("c"))
    );
}

#[derive(StreamMessage, Debug, PartialEq)]
struct Middle {
    m: u8,
    #[stream(flatten)]
    rest: RawMessage,
}

#[derive(StreamMessage, Debug, PartialEq)]
struct Outer {
    o: u8,
    #[stream(flatten)]
    middle: Box<Middle>,
}

#[test]
fn rest_leaves_alone_what_any_message_around_it_claims() {
    let entry = fields([("o", "1"), ("m", "2"), ("z", "3")]);
    let outer: Outer = entry.decode().unwrap();
    assert_eq!(outer.middle.rest, RawMessage::new().with("z", "3"));
    assert_eq!(raw(&outer), entry);
}

#[derive(StreamMessage, Debug, PartialEq)]
#[stream(tag = "kind")]
enum Event {
    Created {
        id: u8,
        #[stream(flatten)]
        rest: RawMessage,
    },
    Imported(RawMessage),
}

#[test]
fn rest_of_a_variant_has_neither_tag_nor_fields_of_the_variant() {
    for kind in ["Created", "Imported"] {
        let entry = fields([("kind", kind), ("id", "1"), ("x", "2")]);
        let event: Event = entry.decode().unwrap();
        let rest = match &event {
            Event::Created { rest, .. } | Event::Imported(rest) => rest,
        };
        assert_eq!(rest.get("kind"), None);
        assert_eq!(rest.get("id").is_some(), kind == "Imported");
        assert_eq!(raw(&event), entry);
    }
}

#[derive(StreamMessage, Debug, PartialEq)]
struct Cached {
    #[stream(skip)]
    cache: u8,
    id: u8,
    #[stream(flatten)]
    payment: Option<Payment>,
}

#[test]
fn skipped_field_before_a_flattened_one_changes_nothing() {
    let cached = Cached {
        cache: 0,
        id: 1,
        payment: Some(Payment::Invoice),
    };
    assert_eq!(raw(&cached).decode::<Cached>().unwrap(), cached);
}

#[derive(StreamMessage, Debug, PartialEq)]
struct Envelope<T> {
    trace: String,
    #[stream(flatten)]
    payload: T,
}

#[test]
fn generic_envelope_takes_any_message() {
    let envelope = Envelope {
        trace: "t".into(),
        payload: order().address,
    };
    let entry = fields([("trace", "t"), ("city", "Ulm"), ("zip", "89073")]);
    assert_eq!(raw(&envelope), entry);
    assert_eq!(entry.decode::<Envelope<Address>>().unwrap(), envelope);
    let open: Envelope<RawMessage> = entry.decode().unwrap();
    assert_eq!(open.payload.len(), 2);
    assert_eq!(
        raw(&Envelope {
            trace: "t".into(),
            payload: &order().address
        }),
        entry
    );
}
