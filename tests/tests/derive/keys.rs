//! Idempotency keys of messages.

use stream_lib::__private::key_of;
use stream_lib::message::{EncodeError, FieldWriter, Schema};
use stream_lib::{RawMessage, StreamMessage};

fn key(message: &impl StreamMessage) -> Option<String> {
    let key = key_of(message).expect("a message that can be written")?;
    Some(String::from_utf8(key.into()).expect("text"))
}

#[derive(StreamMessage)]
struct Refund {
    #[stream(idempotency_key, rename = "id")]
    payment_id: String,
    cents: u64,
}

fn refund() -> Refund {
    Refund {
        payment_id: "P-1".to_owned(),
        cents: 250,
    }
}

/// Written by hand, with a key of its own.
struct ByHand;

impl StreamMessage for ByHand {
    const SCHEMA: &'static Schema = &Schema::new("ByHand");

    fn encode(&self, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        out.idempotency_key(b"by-hand");
        out.text("hand", "made")
    }
}

#[derive(StreamMessage)]
#[stream(tag = "kind", rename_all = "lowercase")]
enum Money {
    Payment {
        #[stream(idempotency_key)]
        payment_id: String,
    },
    #[stream(rename = "back")]
    Refund(Refund),
    Rebate {
        #[stream(flatten, idempotency_key)]
        of: Refund,
    },
    Quiet {
        #[stream(flatten)]
        of: Refund,
    },
    Optional {
        #[stream(idempotency_key)]
        request: Option<String>,
        n: u8,
    },
    Nothing,
    #[stream(other)]
    Unknown(RawMessage),
}

fn payment(id: &str) -> Money {
    Money::Payment {
        payment_id: id.to_owned(),
    }
}

#[test]
fn key_of_a_struct_is_the_value_of_its_field() {
    assert_eq!(key(&refund()).as_deref(), Some("P-1"));
}

#[test]
fn key_of_an_enum_carries_the_variant_with_its_length_in_front() {
    assert_eq!(key(&payment("P-1")).as_deref(), Some("7:payment:P-1"));
    assert_eq!(key(&Money::Refund(refund())).as_deref(), Some("4:back:P-1"));
    assert_eq!(
        key(&Money::Rebate { of: refund() }).as_deref(),
        Some("6:rebate:P-1")
    );
}

#[test]
fn no_value_is_no_key_in_a_variant_too() {
    let optional = |request: Option<&str>| Money::Optional {
        request: request.map(str::to_owned),
        n: 1,
    };
    assert_eq!(key(&optional(Some("r"))).as_deref(), Some("8:optional:r"));
    assert_eq!(key(&optional(None)), None);
    assert_eq!(key(&Money::Nothing), None);
    // An empty one is refused when it is added, so the variant must not fill it.
    assert_eq!(key(&payment("")).as_deref(), Some(""));
}

#[derive(StreamMessage)]
struct Outer<'a, M: StreamMessage> {
    #[stream(idempotency_key)]
    request: Option<&'a str>,
    #[stream(flatten)]
    inner: M,
}

#[derive(StreamMessage)]
struct Passing<M: StreamMessage> {
    step: u8,
    #[stream(flatten, idempotency_key)]
    inner: M,
}

#[test]
fn key_of_a_flattened_message_counts_only_where_the_outer_one_says_so() {
    let outer = |request, inner| Outer { request, inner };
    assert_eq!(key(&outer(Some("r"), refund())).as_deref(), Some("r"));
    assert_eq!(key(&outer(None, refund())), None);
    assert_eq!(key(&Money::Quiet { of: refund() }), None);
    let by_hand = Outer {
        request: None,
        inner: ByHand,
    };
    assert_eq!(key(&by_hand), None);

    let passing = |inner| Passing { step: 1, inner };
    assert_eq!(key(&passing(Some(refund()))).as_deref(), Some("P-1"));
    assert_eq!(key(&passing(None)), None);
    let nested = Passing {
        step: 1,
        inner: Money::Refund(refund()),
    };
    assert_eq!(key(&nested).as_deref(), Some("4:back:P-1"));
}

#[derive(StreamMessage)]
#[stream(tag = "which")]
enum Either<M: StreamMessage> {
    One(M),
}

#[test]
fn key_given_by_hand_is_never_changed() {
    assert_eq!(key(&ByHand).as_deref(), Some("by-hand"));
    assert_eq!(key(&Either::One(ByHand)).as_deref(), Some("by-hand"));
    let passing = Either::One(Passing {
        step: 1,
        inner: ByHand,
    });
    assert_eq!(key(&passing).as_deref(), Some("by-hand"));
    assert_eq!(
        key(&Either::One(payment("P-1"))).as_deref(),
        Some("3:One:7:payment:P-1")
    );
}
