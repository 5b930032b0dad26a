//! `#[stream(sensitive)]`: no error of any check repeats the value.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use stream_lib::message::{
    DecodeErrorKind, EncodeError, FieldError, FieldType, FieldWriter, FromField, ToField,
};
use stream_lib::{Error, OwnedMessage, RawMessage, StreamMessage};

const SECRET: &str = "4111-1111";

/// A value whose own code says what it has found.
#[derive(Debug)]
struct Talkative(String);

impl ToField for Talkative {
    const TYPE: FieldType = FieldType::Custom;

    fn write(&self, name: &str, _: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        Err(EncodeError::value(
            name,
            format_args!("no place for {}", self.0),
        ))
    }
}

impl FromField for Talkative {
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        let text = String::from_utf8_lossy(value);
        Err(FieldError::expected(format!("something better than {text}")).because(text))
    }
}

#[derive(Debug)]
struct Word;

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Err(text.to_owned())
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("word")
    }
}

mod chatty {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the derive calls it so")]
    pub(crate) fn encode(_: &u8) -> [u8; 1] {
        [0]
    }

    pub(crate) fn decode(value: &[u8]) -> Result<u8, String> {
        Err(String::from_utf8_lossy(value).into_owned())
    }
}

#[derive(StreamMessage, Debug)]
struct Plain {
    #[stream(sensitive)]
    value: u64,
}

#[derive(StreamMessage, Debug)]
struct Own {
    #[stream(sensitive)]
    value: Talkative,
}

#[derive(StreamMessage, Debug)]
struct Defaulted {
    #[stream(sensitive, default)]
    value: u64,
}

#[derive(StreamMessage, Debug)]
struct Texted {
    #[stream(sensitive, text)]
    value: Word,
}

#[derive(StreamMessage, Debug)]
struct Optional {
    #[stream(sensitive, text)]
    value: Option<Word>,
}

#[derive(StreamMessage, Debug)]
struct Formed {
    #[stream(sensitive, with = "chatty")]
    value: u8,
}

#[derive(Serialize, Deserialize, Debug)]
enum Kind {
    A,
}

#[derive(StreamMessage, Debug)]
struct Document {
    #[stream(sensitive, json)]
    value: Kind,
}

#[derive(StreamMessage, Debug)]
struct Flattened {
    #[stream(flatten)]
    inner: Own,
}

#[derive(StreamMessage, Debug)]
#[stream(tag = "kind")]
enum Event {
    Held(Own),
    Named {
        #[stream(sensitive)]
        value: Talkative,
    },
}

/// Everything that an error says, at any depth.
#[track_caller]
fn refused<M: OwnedMessage + fmt::Debug>(message: &RawMessage) -> String {
    let error = message.decode::<M>().expect_err("it is malformed");
    assert_eq!(error.kind(), DecodeErrorKind::Malformed);
    assert_eq!(error.field(), Some("value"));
    assert_eq!(error.value(), None, "the value is kept");
    let text = error.to_string();
    let debug = format!("{error:?}");
    let all = format!("{text} {debug} {:?}", Error::from(error));
    assert!(!all.contains("4111"), "{all}");
    text
}

#[test]
fn no_error_of_a_sensitive_field_repeats_its_value() {
    let message = RawMessage::new().with("value", SECRET);
    let texts = [
        refused::<Plain>(&message),
        refused::<Own>(&message),
        refused::<Defaulted>(&message),
        refused::<Texted>(&message),
        refused::<Optional>(&message),
        refused::<Formed>(&message),
        refused::<Flattened>(&message),
        refused::<Document>(&RawMessage::new().with("value", format!("\"{SECRET}\""))),
        refused::<Event>(&RawMessage::new().with("kind", "Held").with("value", SECRET)),
        refused::<Event>(
            &RawMessage::new()
                .with("kind", "Named")
                .with("value", SECRET),
        ),
    ];
    assert_eq!(
        texts[0],
        "`Plain`: field `value`: expected an integer from 0 to 18446744073709551615"
    );
    assert!(
        texts[6].contains("`Flattened` (in its `Own`)"),
        "{}",
        texts[6]
    );
    // Without the attribute, all of it is said.
    let error = Talkative::from_field(SECRET.as_bytes()).unwrap_err();
    assert!(error.to_string().contains(SECRET));
}

#[test]
fn a_missing_sensitive_field_says_what_is_expected() {
    let error = RawMessage::new().decode::<Plain>().unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Missing);
    assert!(error.to_string().contains("an integer from 0"), "{error}");
}

#[test]
fn the_error_of_a_sensitive_field_that_cannot_be_written_is_silent() {
    let own = Own {
        value: Talkative(SECRET.to_owned()),
    };
    let error = RawMessage::from_message(&own).unwrap_err();
    assert_eq!(
        error.to_string(),
        "field `value`: the value can't be written"
    );
    let event = Event::Named { value: own.value };
    let error = RawMessage::from_message(&event).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("4111"), "{error}");
}

#[test]
fn sensitive_values_are_read_and_written_like_any_other() {
    let raw = RawMessage::from_message(&Plain { value: 7 }).unwrap();
    assert_eq!(raw, RawMessage::new().with("value", "7"));
    assert_eq!(raw.decode::<Plain>().unwrap().value, 7);
    let none = RawMessage::from_message(&Optional { value: None }).unwrap();
    assert!(none.is_empty() && none.decode::<Optional>().unwrap().value.is_none());
    let formed = RawMessage::from_message(&Formed { value: 3 }).unwrap();
    assert_eq!(formed.get("value"), Some(&[0][..]));
    assert_eq!(
        RawMessage::from_message(&Texted { value: Word })
            .unwrap()
            .get_str("value"),
        Some("word")
    );
    assert_eq!(RawMessage::new().decode::<Defaulted>().unwrap().value, 0);
    assert!(RawMessage::from_message(&Document { value: Kind::A }).is_ok());
}

#[test]
fn the_schema_says_what_is_sensitive_and_what_a_field_is_for() {
    #[derive(StreamMessage)]
    struct Order {
        #[stream(idempotency_key, key)]
        id: u64,
        #[stream(sensitive, default)]
        pin: u16,
        note: Option<String>,
    }
    let [id, pin, note] = Order::SCHEMA.fields else {
        panic!("three fields");
    };
    assert!(id.idempotency_key && id.key && !id.sensitive && !id.default);
    assert!(pin.sensitive && pin.default && pin.optional && !pin.key);
    assert!(note.optional && !note.default && !note.sensitive);
}
