//! Formats of single values: JSON, formats of the user, and structs around a value.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stream_lib::message::{DecodeErrorKind, EncodeErrorKind, FromField};
use stream_lib::{RawMessage, StreamMessage};

use crate::{fields, raw};

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Item {
    sku: String,
    count: u32,
}

#[derive(StreamMessage, Debug, PartialEq)]
struct Basket {
    #[stream(json)]
    items: Vec<Item>,
    #[stream(json)]
    gift: Option<Item>,
    #[stream(json, default)]
    tags: Vec<String>,
    #[stream(json, default, rename = "extra")]
    maybe: Option<u8>,
}

#[test]
fn json_is_one_field_and_none_is_no_field() {
    let basket = Basket {
        items: vec![Item {
            sku: "a".into(),
            count: 2,
        }],
        gift: None,
        tags: vec![],
        maybe: None,
    };
    let entry = fields([
        ("items", r#"[{"sku":"a","count":2}]"#),
        ("tags", "[]"),
        // Absent would mean the default.
        ("extra", "null"),
    ]);
    assert_eq!(raw(&basket), entry);
    assert_eq!(entry.decode::<Basket>().unwrap(), basket);
    let short = fields([("items", "[]")]).decode::<Basket>().unwrap();
    assert_eq!((short.gift, short.tags.len()), (None, 0));
}

#[test]
fn json_that_is_absent_or_wrong_is_an_error_without_the_value() {
    let error = RawMessage::new().decode::<Basket>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`Basket`: field `items` is missing, expected JSON of the field's type"
    );
    for (text, what) in [
        (
            r#"[{"sku":"topsecret","count":"topsecret"}]"#,
            "another shape, at line 1 column 39",
        ),
        ("[@topsecret", "not JSON, at line 1 column 2"),
        ("[", "the document ends too early, at line 1 column 1"),
    ] {
        let error = fields([("items", text)]).decode::<Basket>().unwrap_err();
        assert!(error.to_string().ends_with(&format!("({what})")), "{error}");
        assert!(!format!("{error} {error:?}").contains("topsecret"));
    }
}

#[test]
fn deeply_nested_json_is_an_error() {
    let deep = "[".repeat(100_000);
    let error = fields([("items", &deep)]).decode::<Basket>().unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Malformed);
    assert_eq!(error.value().map(<[u8]>::len), Some(256));
}

#[derive(StreamMessage)]
struct Unwritable {
    #[stream(json)]
    map: BTreeMap<Vec<u8>, u8>,
}

#[test]
fn value_that_is_no_json_is_an_encode_error() {
    let message = Unwritable {
        map: BTreeMap::from([(vec![1], 1)]),
    };
    let error = RawMessage::from_message(&message).unwrap_err();
    assert_eq!(
        (error.kind(), error.field()),
        (EncodeErrorKind::Value, Some("map"))
    );
}

/// Two digits for each byte.
mod hex {
    use std::fmt::Write;

    pub(crate) fn encode(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    pub(crate) fn decode(text: &[u8]) -> Result<Vec<u8>, &'static str> {
        let text = str::from_utf8(text).map_err(|_| "not UTF-8")?;
        if !text.is_ascii() || text.len() % 2 == 1 {
            return Err("odd length");
        }
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| "no hex digit"))
            .collect()
    }
}

fn empty() -> Vec<u8> {
    vec![0]
}

#[derive(StreamMessage, Debug, PartialEq)]
struct Signed {
    #[stream(with = "hex", alias = "sig")]
    signature: Vec<u8>,
    #[stream(with = "hex", default = "empty")]
    salt: Vec<u8>,
}

#[test]
fn with_writes_and_reads_through_its_module() {
    let signed = Signed {
        signature: vec![0xAB, 1],
        salt: vec![],
    };
    let entry = fields([("signature", "ab01"), ("salt", "")]);
    assert_eq!(raw(&signed), entry);
    assert_eq!(entry.decode::<Signed>().unwrap(), signed);
    assert_eq!(
        fields([("sig", "00")]).decode::<Signed>().unwrap().salt,
        [0]
    );
}

#[test]
fn with_reports_what_its_module_says() {
    let error = fields([("signature", "abc")])
        .decode::<Signed>()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`Signed`: field `signature`: expected what `hex` reads (odd length)"
    );
    let error = RawMessage::new().decode::<Signed>().unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Missing);
}

#[derive(StreamMessage, Debug, PartialEq)]
struct OrderId(u64);

#[derive(StreamMessage, Debug, PartialEq)]
struct Items(#[stream(json)] Vec<Item>);

#[derive(StreamMessage, Debug, PartialEq)]
struct Digest(#[stream(with = "hex")] Vec<u8>);

#[derive(StreamMessage, Debug, PartialEq)]
struct Perhaps<T>(Option<T>);

#[derive(StreamMessage, Debug, PartialEq)]
struct Wrapped {
    id: OrderId,
    items: Items,
    digest: Digest,
    perhaps: Perhaps<Duration>,
}

#[test]
fn struct_around_one_value_is_that_value() {
    let mut wrapped = Wrapped {
        id: OrderId(7),
        items: Items(vec![]),
        digest: Digest(vec![255]),
        perhaps: Perhaps(None),
    };
    let entry = fields([("id", "7"), ("items", "[]"), ("digest", "ff")]);
    assert_eq!(raw(&wrapped), entry);
    assert_eq!(entry.decode::<Wrapped>().unwrap(), wrapped);
    wrapped.perhaps = Perhaps(Some(Duration::from_millis(5)));
    assert_eq!(raw(&wrapped).get_str("perhaps"), Some("5"));
    assert!(!Wrapped::SCHEMA.fields[0].optional && Wrapped::SCHEMA.fields[3].optional);
}

#[test]
fn booleans_are_read_in_words_too() {
    for (text, expected) in [("1", true), ("0", false), ("true", true), ("false", false)] {
        assert_eq!(bool::from_field(text.as_bytes()), Ok(expected));
    }
    assert!(bool::from_field(b"on").is_err());
}
