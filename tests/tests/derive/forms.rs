//! Formats of the user: `with = "module"` and `text`, also inside `Option`.

#![expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::ref_option,
    clippy::option_option,
    reason = "the derive hands a module a reference to whatever type the field has"
)]

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use stream_lib::message::{DecodeErrorKind, FieldType};
use stream_lib::{RawMessage, StreamMessage};

use crate::{fields, raw};

mod hex {
    pub(super) fn encode(value: &u64) -> String {
        format!("{value:x}")
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<u64, &'static str> {
        let text = str::from_utf8(bytes).map_err(|_| "not UTF-8")?;
        u64::from_str_radix(text, 16).map_err(|_| "not a hexadecimal number")
    }
}

/// An amount of money whose error repeats what it was given.
#[derive(Debug, Clone, PartialEq, Default)]
struct Money(u64);

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} EUR", self.0)
    }
}

impl FromStr for Money {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_suffix(" EUR");
        digits
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no amount"))
    }
}

#[derive(StreamMessage, Debug, PartialEq)]
struct Payment {
    #[stream(with = "hex")]
    id: u64,
    #[stream(with = "hex")]
    batch: Option<u64>,
    #[stream(with = "hex", default)]
    part: Option<u64>,
    #[stream(text, alias = "sum")]
    amount: Money,
    #[stream(text)]
    fee: Option<Money>,
    #[stream(text, default)]
    tax: Money,
    #[stream(text)]
    from: Option<Ipv4Addr>,
}

fn whole() -> (Payment, RawMessage) {
    let payment = Payment {
        id: 255,
        batch: Some(16),
        part: Some(1),
        amount: Money(7),
        fee: Some(Money(1)),
        tax: Money(0),
        from: None,
    };
    let entry = fields([
        ("id", "ff"),
        ("batch", "10"),
        ("part", "1"),
        ("amount", "7 EUR"),
        ("fee", "1 EUR"),
        ("tax", "0 EUR"),
    ]);
    (payment, entry)
}

#[test]
fn forms_are_written_and_read_through_an_option() {
    let (payment, entry) = whole();
    assert_eq!(raw(&payment), entry);
    assert_eq!(entry.decode::<Payment>().unwrap(), payment);
}

#[test]
fn none_is_no_field_and_no_field_is_none() {
    let entry = fields([("id", "1"), ("sum", "2 EUR")]);
    let payment: Payment = entry.decode().unwrap();
    assert_eq!((payment.batch, payment.part), (None, None));
    assert_eq!((&payment.fee, &payment.tax), (&None, &Money(0)));
    assert_eq!(
        raw(&payment),
        fields([("id", "1"), ("amount", "2 EUR"), ("tax", "0 EUR")])
    );
}

#[test]
fn errors_name_the_field_and_the_form_and_never_the_value() {
    for (name, text) in [
        (
            "batch",
            "expected what `hex` reads (not a hexadecimal number)",
        ),
        ("amount", "expected text that `Money` reads"),
        ("fee", "expected text that `Money` reads"),
        ("from", "expected text that `Ipv4Addr` reads"),
    ] {
        let entry = whole().1.with(name, "secret");
        let error = entry.decode::<Payment>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`Payment`: field `{name}`: {text}")
        );
        assert_eq!(error.value(), Some(&b"secret"[..]));
    }
    let no_text = whole().1.with("amount", [0xff]);
    let error = no_text.decode::<Payment>().unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Malformed);

    let error = fields([("id", "1")]).decode::<Payment>().unwrap_err();
    assert_eq!(
        (error.kind(), error.field()),
        (DecodeErrorKind::Missing, Some("amount"))
    );
}

#[test]
fn the_schema_says_which_may_be_absent() {
    let shown: Vec<_> = Payment::SCHEMA
        .fields
        .iter()
        .map(|field| (field.name, field.ty, field.optional))
        .collect();
    assert_eq!(
        shown,
        [
            ("id", FieldType::Custom, false),
            ("batch", FieldType::Custom, true),
            ("part", FieldType::Custom, true),
            ("amount", FieldType::Text, false),
            ("fee", FieldType::Text, true),
            ("tax", FieldType::Text, true),
            ("from", FieldType::Text, true),
        ]
    );
}

#[derive(StreamMessage, Debug, PartialEq)]
struct Reference(#[stream(with = "hex")] Option<u64>);

#[derive(StreamMessage, Debug, PartialEq)]
struct Price(#[stream(text)] Money);

#[derive(StreamMessage, Debug, PartialEq)]
#[stream(tag = "kind")]
enum Event<T> {
    Placed {
        #[stream(text)]
        what: T,
        #[stream(text)]
        instead_of: Option<T>,
        reference: Reference,
        price: Price,
    },
}

#[test]
fn forms_go_into_newtypes_variants_and_generic_types() {
    let placed = |reference, instead_of| Event::Placed {
        what: 7_u8,
        instead_of,
        reference: Reference(reference),
        price: Price(Money(3)),
    };
    let without = fields([("kind", "Placed"), ("what", "7"), ("price", "3 EUR")]);
    assert_eq!(raw(&placed(None, None)), without);
    assert_eq!(without.decode::<Event<u8>>().unwrap(), placed(None, None));

    let with = without.with("reference", "ff").with("instead_of", "8");
    let event: Event<u8> = with.decode().unwrap();
    assert_eq!(event, placed(Some(255), Some(8)));
}

mod quarters {
    pub(super) fn encode(value: &Option<u8>) -> String {
        value.map_or_else(|| "never".to_owned(), |quarter| quarter.to_string())
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Option<u8>, &'static str> {
        match bytes {
            b"never" => Ok(None),
            [digit @ b'1'..=b'4'] => Ok(Some(digit - b'0')),
            _ => Err("not a quarter"),
        }
    }
}

#[derive(StreamMessage, Debug, PartialEq)]
struct Plan {
    #[stream(with = "quarters")]
    due: Option<Option<u8>>,
}

#[test]
fn a_module_has_a_form_for_an_inner_none() {
    // Redis refuses an entry without fields, but reading has no such rule.
    assert_eq!(fields([]).decode::<Plan>().unwrap(), Plan { due: None });
    for (due, text) in [(None, "never"), (Some(2), "2")] {
        let plan = Plan { due: Some(due) };
        assert_eq!(raw(&plan), fields([("due", text)]));
        assert_eq!(raw(&plan).decode::<Plan>().unwrap(), plan);
    }
}
