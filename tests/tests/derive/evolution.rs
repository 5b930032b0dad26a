//! Producers and consumers of different versions: defaults, absent fields,
//! skipped ones.

use stream_lib::message::DecodeErrorKind;
use stream_lib::{RawMessage, StreamMessage};

use crate::{fields, raw};

fn unknown_region() -> String {
    "unknown".to_owned()
}

mod counts {
    pub(crate) const fn seven() -> u8 {
        7
    }
}

struct NoDefault(u8);

#[derive(StreamMessage, Debug, PartialEq)]
struct Visit {
    page: String,
    #[stream(default)]
    seconds: u32,
    #[stream(default = "unknown_region")]
    region: String,
    #[stream(default = "counts::seven", alias = "tries")]
    attempts: u8,
    referrer: Option<String>,
    #[stream(skip)]
    parsed: Vec<String>,
}

#[test]
fn absent_fields_take_their_defaults() {
    let expected = Visit {
        page: "/".into(),
        seconds: 0,
        region: "unknown".into(),
        attempts: 7,
        referrer: None,
        parsed: Vec::new(),
    };
    assert_eq!(fields([("page", "/")]).decode::<Visit>().unwrap(), expected);
}

#[test]
fn defaults_do_not_cover_malformed_values() {
    for name in ["seconds", "attempts", "tries"] {
        let error = fields([("page", "/"), (name, "x")])
            .decode::<Visit>()
            .unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::Malformed, "{name}");
    }
}

#[test]
fn skipped_field_is_neither_written_nor_read() {
    let visit = Visit {
        page: "/".into(),
        seconds: 1,
        region: "eu".into(),
        attempts: 1,
        referrer: Some("x".into()),
        parsed: vec!["kept here".into()],
    };
    let entry = raw(&visit);
    assert_eq!(
        entry,
        fields([
            ("page", "/"),
            ("seconds", "1"),
            ("region", "eu"),
            ("attempts", "1"),
            ("referrer", "x")
        ])
    );
    let entry = entry.with("parsed", "from outside");
    assert!(entry.decode::<Visit>().unwrap().parsed.is_empty());
}

#[derive(StreamMessage)]
struct Generic<T, U> {
    value: T,
    #[stream(default)]
    with_default: U,
}

#[test]
fn generic_structs_need_only_what_their_fields_need() {
    let message: Generic<u8, Option<String>> = fields([("value", "1")]).decode().unwrap();
    assert_eq!((message.value, message.with_default), (1, None));
    let written_only = Generic {
        value: "borrowed",
        with_default: &2_u8,
    };
    assert_eq!(
        raw(&written_only),
        fields([("value", "borrowed"), ("with_default", "2")])
    );
}

#[derive(StreamMessage)]
struct Marked<T, const N: usize> {
    bytes: [u8; N],
    #[stream(skip)]
    marker: std::marker::PhantomData<T>,
}

#[test]
fn marker_type_needs_nothing() {
    let message: Marked<NoDefault, 2> = fields([("bytes", "ab")]).decode().unwrap();
    assert_eq!(message.bytes, *b"ab");
    assert_eq!(raw(&message), fields([("bytes", "ab")]));
    let _: std::marker::PhantomData<NoDefault> = message.marker;
    assert_eq!(NoDefault(1).0, 1);
}

#[test]
fn old_consumer_reads_new_producer() {
    #[derive(StreamMessage)]
    struct V2 {
        page: String,
        device: String,
    }
    let new = V2 {
        page: "/".into(),
        device: "phone".into(),
    };
    assert_eq!(raw(&new).decode::<Visit>().unwrap().page, "/");
    assert!(RawMessage::new().decode::<V2>().is_err());
}
