//! Properties: written messages read back the same, and reading never panics.
#![allow(clippy::struct_field_names)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use proptest::strategy::{BoxedStrategy, ValueTree};
use serde::{Deserialize, Serialize};
use stream_lib::message::{FromField, ToField};
use stream_lib::{EntryId, OwnedMessage, RawMessage, StreamMessage};

use crate::raw;

#[derive(StreamMessage, Debug, Clone, PartialEq)]
struct Holder<T> {
    value: T,
    maybe: Option<T>,
}

/// Writes, reads, and writes again.
fn reads_back<M: OwnedMessage + PartialEq + std::fmt::Debug>(
    message: &M,
) -> Result<(), TestCaseError> {
    let entry = raw(message);
    let again: M = entry
        .decode()
        .map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(&again, message);
    prop_assert_eq!(raw(&again), entry);
    Ok(())
}

fn holds<T>(value: T, maybe: Option<T>) -> Result<(), TestCaseError>
where
    T: ToField + FromField + PartialEq + std::fmt::Debug,
{
    reads_back(&Holder { value, maybe })
}

macro_rules! values_read_back {
    ($($name:ident: $ty:ty,)*) => {
        proptest! {$(
            #[test]
            fn $name(value: $ty, maybe: Option<$ty>) {
                holds(value, maybe)?;
            }
        )*}
    };
}

values_read_back! {
    bools: bool,
    chars: char,
    u8s: u8,
    u16s: u16,
    u32s: u32,
    u64s: u64,
    u128s: u128,
    usizes: usize,
    i8s: i8,
    i16s: i16,
    i32s: i32,
    i64s: i64,
    i128s: i128,
    isizes: isize,
    strings: String,
    boxed_strings: Box<str>,
    bytes: Vec<u8>,
    boxed_bytes: Box<[u8]>,
    byte_arrays: [u8; 7],
    durations: Duration,
    boxed_values: Box<u64>,
    shared_values: Arc<i32>,
}

proptest! {
    #[test]
    fn extremes_of_integers(value in prop_oneof![Just(i128::MIN), Just(i128::MAX)]) {
        holds(value, Some(0))?;
        holds(u128::MAX, Some(u128::MIN))?;
        holds(i64::MIN, Some(i64::MAX))?;
    }

    #[test]
    fn non_zeros(value in 1_u32.., signed in i64::MIN..0) {
        holds(NonZero::new(value).unwrap(), None)?;
        holds(NonZero::new(signed).unwrap(), None)?;
    }

    #[test]
    fn pointers_to_text_and_bytes(text: String, bytes: Vec<u8>) {
        holds(Arc::<str>::from(text.as_str()), None)?;
        holds(Rc::<str>::from(text.as_str()), None)?;
        holds(Arc::<[u8]>::from(bytes.as_slice()), None)?;
        holds(Cow::<'static, str>::Owned(text), None)?;
        holds(Cow::<'static, [u8]>::Owned(bytes), None)?;
    }

    #[test]
    fn floats_read_back_to_the_bit(wide in any::<u64>(), narrow in any::<u32>()) {
        let (wide, narrow) = (f64::from_bits(wide), f32::from_bits(narrow));
        let again: Holder<f64> = raw(&Holder { value: wide, maybe: Some(wide) }).decode().unwrap();
        prop_assert!(again.value.to_bits() == wide.to_bits() || wide.is_nan() && again.value.is_nan());
        let again: Holder<f32> = raw(&Holder { value: narrow, maybe: None }).decode().unwrap();
        prop_assert!(
            again.value.to_bits() == narrow.to_bits() || narrow.is_nan() && again.value.is_nan()
        );
    }

    #[test]
    fn times(seconds in 0..1_u64 << 40, nanos in 0..1_000_000_000_u32, before: bool) {
        let offset = Duration::new(seconds, nanos);
        let time = if before { SystemTime::UNIX_EPOCH - offset } else { SystemTime::UNIX_EPOCH + offset };
        holds(time, Some(SystemTime::UNIX_EPOCH))?;
    }

    #[test]
    fn entry_ids(ms: u64, seq: u64) {
        holds(EntryId::new(ms, seq), None)?;
    }
}

#[derive(StreamMessage, Debug, Clone, Copy, PartialEq)]
#[stream(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Open,
    InTransit,
}

#[derive(StreamMessage, Debug, Clone, PartialEq)]
struct UserId(u64);

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Item {
    sku: String,
    price: f64,
    tags: BTreeMap<String, Option<i64>>,
}

mod reversed {
    pub(crate) fn encode(bytes: &[u8]) -> Vec<u8> {
        bytes.iter().rev().chain(b"!").copied().collect()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
        let bytes = bytes.strip_suffix(b"!").ok_or("no `!` at the end")?;
        Ok(bytes.iter().rev().copied().collect())
    }
}

#[derive(StreamMessage, Debug, Clone, PartialEq)]
#[stream(rename_all = "kebab-case")]
struct Address {
    street_name: String,
    zip: Option<u32>,
}

#[derive(StreamMessage, Debug, Clone, PartialEq)]
#[stream(name = "orders", rename_all = "camelCase")]
struct Order<T> {
    order_id: T,
    #[stream(alias = "userId")]
    user: UserId,
    status: Status,
    #[stream(json)]
    items: Vec<Item>,
    #[stream(json)]
    gift: Option<Item>,
    #[stream(json, default)]
    either: Option<Item>,
    #[stream(with = "reversed")]
    signature: Vec<u8>,
    #[stream(flatten)]
    address: Address,
    #[stream(flatten)]
    payment: Option<Payment>,
    #[stream(default)]
    note: String,
    #[stream(flatten)]
    rest: RawMessage,
}

#[derive(StreamMessage, Debug, Clone, PartialEq)]
#[stream(tag = "payment", rename_all = "lowercase")]
enum Payment {
    Card { last4: [u8; 4], expires: Duration },
    Invoice(Invoice),
    Cash,
}

#[derive(StreamMessage, Debug, Clone, PartialEq)]
struct Invoice {
    number: u128,
}

fn item() -> impl Strategy<Value = Item> {
    let tags = proptest::collection::btree_map(any::<String>(), any::<Option<i64>>(), 0..4);
    (any::<String>(), proptest::num::f64::NORMAL, tags).prop_map(|(sku, price, tags)| Item {
        sku,
        price,
        tags,
    })
}

fn payment() -> impl Strategy<Value = Payment> {
    prop_oneof![
        (any::<[u8; 4]>(), any::<Duration>())
            .prop_map(|(last4, expires)| Payment::Card { last4, expires }),
        any::<u128>().prop_map(|number| Payment::Invoice(Invoice { number })),
        Just(Payment::Cash),
    ]
}

/// Fields that no other part of an order has.
fn rest() -> impl Strategy<Value = RawMessage> {
    let pair = (any::<Vec<u8>>(), any::<Vec<u8>>());
    proptest::collection::vec(pair, 0..5).prop_map(|pairs| {
        pairs
            .into_iter()
            .map(|(name, value)| ([b"x-", name.as_slice()].concat(), value))
            .collect()
    })
}

fn order() -> BoxedStrategy<Order<String>> {
    let status = prop_oneof![Just(Status::Open), Just(Status::InTransit)];
    let items = proptest::collection::vec(item(), 0..3);
    let json = (
        items,
        proptest::option::of(item()),
        proptest::option::of(item()),
    );
    let address = (any::<String>(), any::<Option<u32>>())
        .prop_map(|(street_name, zip)| Address { street_name, zip });
    let nested = (address, proptest::option::of(payment()), rest());
    let plain = (
        any::<String>(),
        any::<u64>(),
        status,
        any::<Vec<u8>>(),
        any::<String>(),
    );
    (plain, json, nested)
        .prop_map(
            |((order_id, user, status, signature, note), json, nested)| {
                let (items, gift, either) = json;
                let (address, payment, rest) = nested;
                let user = UserId(user);
                Order {
                    order_id,
                    user,
                    status,
                    items,
                    gift,
                    either,
                    signature,
                    address,
                    payment,
                    note,
                    rest,
                }
            },
        )
        .boxed()
}

proptest! {
    #[test]
    fn structs_with_everything(order in order()) {
        reads_back(&order)?;
    }

    #[test]
    fn enums_with_a_tag(payment in payment()) {
        reads_back(&payment)?;
    }

    #[test]
    fn order_of_the_fields_does_not_matter(order in order(), seed: u64) {
        let entry = raw(&order);
        let mut fields: Vec<_> = entry.iter().collect();
        // What goes into `rest` keeps its order; the others may be anywhere.
        let (mut known, rest): (Vec<_>, Vec<_>) =
            fields.drain(..).partition(|(name, _)| !name.starts_with(b"x-"));
        let turn = usize::try_from(seed % 16).unwrap() % known.len();
        known.rotate_left(turn);
        let turned: RawMessage = known.into_iter().chain(rest).collect();
        prop_assert_eq!(turned.decode::<Order<String>>().unwrap(), order);
    }

    #[test]
    fn nothing_makes_reading_panic(entry in hostile_entry()) {
        let _ = entry.decode::<Order<String>>();
        let _ = entry.decode::<Order<f64>>();
        let _ = entry.decode::<Payment>();
        let _ = entry.decode::<Option<Payment>>();
        let _ = entry.decode::<Holder<Duration>>();
        let _ = entry.decode::<Holder<SystemTime>>();
        let _ = entry.decode::<Holder<EntryId>>();
        let _ = entry.decode::<Holder<char>>();
        let _ = entry.decode::<Holder<[u8; 3]>>();
        let raw: RawMessage = entry.decode().unwrap();
        prop_assert!(raw.iter().all(|(name, _)| !name.starts_with(b"~")));
    }

    #[test]
    fn no_error_shows_a_value(entry in hostile_entry()) {
        let marked: RawMessage =
            entry.iter().map(|(name, value)| (name, [value, b"#secret#"].concat())).collect();
        if let Err(error) = marked.decode::<Order<u8>>() {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains("#secret#"), "{}", shown);
        }
    }
}

/// Entries near enough to the types to get deep into their code.
fn hostile_entry() -> impl Strategy<Value = RawMessage> {
    let name = prop_oneof![
        4 => proptest::sample::select(vec![
            "orderId", "user", "status", "items", "gift", "either", "signature", "street-name",
            "zip", "payment", "last4", "expires", "number", "note", "value", "maybe", "~id",
        ])
        .prop_map(|name| name.as_bytes().to_vec()),
        1 => any::<Vec<u8>>(),
    ];
    let value = prop_oneof![
        4 => proptest::sample::select(vec![
            "1", "-1", "0.5", "IN_TRANSIT", "[]", "null", "{}", "card", "invoice", "cash", "abcd",
            "", "1-1", "99999999999999999999999999999999999999999", "-", ".", "\u{0}",
        ])
        .prop_map(|value| value.as_bytes().to_vec()),
        1 => any::<Vec<u8>>(),
    ];
    proptest::collection::vec((name, value), 0..30).prop_map(|fields| fields.into_iter().collect())
}

#[test]
fn hostile_entries_do_reach_whole_orders() {
    // The generator would be useless if nothing it makes were ever readable.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = hostile_entry();
    let readable = (0..4_000)
        .filter_map(|_| strategy.new_tree(&mut runner).ok())
        .filter(|tree| tree.current().decode::<Payment>().is_ok())
        .count();
    assert!(readable > 20, "only {readable} readable");
}
