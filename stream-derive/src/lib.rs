//! `#[derive(StreamMessage)]` for stream-lib, which re-exports it.
//!
//! Depend on stream-lib, not on this crate: see the derive
//! [`StreamMessage`](macro@StreamMessage).
//!
//! The stages: `attr` parses `#[stream(..)]`, `model` puts it in the terms of messages,
//! `check` has the rules between attributes, and `expand` writes the code.

mod attr;
mod case;
mod check;
mod expand;
mod foreign;
mod model;

use proc_macro::TokenStream;
use quote::quote;
use syn::{DeriveInput, parse_macro_input};

use crate::attr::Errors;
use crate::model::Model;

/// Derives a message, or the value of a field.
///
/// | on | makes it |
/// |---|---|
/// | a struct with named fields | a message: one field of the entry for each |
/// | an enum with `#[stream(tag = "..")]` | a message: one of several types on one stream |
/// | an enum of unit variants, without `tag` | a field value: the variant's name |
/// | a struct around one value, `struct OrderId(u64)` | a field value: that value |
///
/// A message implements `StreamMessage`, and `OwnedMessage` if it borrows
/// nothing: a type with a lifetime parameter, or with a reference in a field, can
/// be written but not read. Generic types work; their parameters need what their
/// fields need. `SCHEMA` describes the type for tools.
///
/// ```
/// use stream_lib::{RawMessage, Routed, StreamMessage};
///
/// #[derive(StreamMessage)]
/// #[stream(name = "orders")]
/// struct Order {
///     order_id: String,
///     amount: f64,
///     paid: bool,
///     note: Option<String>,
/// }
///
/// let order = Order { order_id: "A-1".into(), amount: 99.99, paid: true, note: None };
/// let entry = RawMessage::from_message(&order)?;
/// assert_eq!(
///     entry,
///     RawMessage::from_iter([("order_id", "A-1"), ("amount", "99.99"), ("paid", "1")]),
/// );
/// assert_eq!(Order::STREAM, "orders");
///
/// // An entry made by hand, by another program, in another order:
/// let entry = RawMessage::from_iter([
///     ("paid", "false"), ("amount", "9.5"), ("order_id", "A-2"), ("more", "ignored"),
/// ]);
/// let order: Order = entry.decode()?;
/// assert_eq!(order.order_id, "A-2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Reading
///
/// Unknown fields are ignored, so producers can be deployed first. Of duplicate fields
/// the last wins. An absent field is an error, unless its type is an `Option` or it has a
/// `default`. A malformed field is an error, also with a default. Field names that start
/// with `~` are the library's: refused in messages, skipped when reading.
///
/// # Attributes on the type
///
/// - **`name = "orders"`**, **`name = ORDERS`**: the stream of a message, as a text
///   or the path of a constant `&str`. Implements `Routed`, which `manager.add`
///   needs; messages without a name go through `add_to`. Braces are for one Redis
///   Cluster hash tag: `"{shop}:orders"`. Names of keys that belong to another
///   stream, such as `"{orders}:dead"`, are reserved.
/// - **`rename_all = "camelCase"`**: the names of all fields of a struct, or of
///   all variants of an enum. One of `lowercase`, `UPPERCASE`, `PascalCase`,
///   `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case`,
///   `SCREAMING-KEBAB-CASE`. Defaults to the names as they are.
/// - **`rename_all_fields = "camelCase"`**: the names of the fields in all
///   variants of an enum.
/// - **`tag = "kind"`**: makes an enum a message, with the variant's name in a
///   field `kind`. Variants have named fields, no fields, or hold another message.
/// - **`deny_unknown_fields`**: an unknown field is an error.
/// - **`ignore_serde`**: serde's attributes on the type are for another format.
/// - **`crate = "path"`**: the path of stream-lib, if not `::stream_lib`.
///
/// ```
/// use stream_lib::{RawMessage, StreamMessage};
///
/// #[derive(StreamMessage, Debug, PartialEq)]
/// struct Refund {
///     order_id: String,
///     cents: u64,
/// }
///
/// #[derive(StreamMessage, Debug, PartialEq)]
/// #[stream(name = "order_events", tag = "kind", rename_all = "snake_case")]
/// enum OrderEvent {
///     OrderPlaced { order_id: String },
///     #[stream(alias = "repaid")]
///     Refunded(Refund),
///     Heartbeat,
///     #[stream(other)]
///     Unknown(RawMessage),
/// }
///
/// let event = OrderEvent::Refunded(Refund { order_id: "A-1".into(), cents: 250 });
/// let entry = RawMessage::from_message(&event)?;
/// assert_eq!(
///     entry,
///     RawMessage::from_iter([("kind", "refunded"), ("order_id", "A-1"), ("cents", "250")]),
/// );
/// assert_eq!(entry.decode::<OrderEvent>()?, event);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Attributes on a variant
///
/// - **`rename = "made"`**: its name.
/// - **`alias = "created"`**: another name that is read. May be repeated.
/// - **`rename_all = "camelCase"`**: the names of its fields.
/// - **`other`**: takes every name that no other variant has. A message variant without
///   fields drops the entry's fields; one that holds a `RawMessage` keeps the whole
///   entry, its tag included, and writes it unchanged. In a field value, a variant that
///   holds a `String` keeps the word.
///
/// ```
/// use stream_lib::{RawMessage, StreamMessage};
///
/// #[derive(StreamMessage, Debug, PartialEq)]
/// #[stream(rename_all = "lowercase")]
/// enum Status {
///     #[stream(alias = "new")]
///     Pending,
///     Paid,
///     #[stream(other)]
///     Other(String),
/// }
///
/// #[derive(StreamMessage, Debug, PartialEq)]
/// struct OrderId(u64);
///
/// #[derive(StreamMessage)]
/// struct Change {
///     id: OrderId,
///     status: Status,
/// }
///
/// let change: Change = RawMessage::from_iter([("id", "7"), ("status", "new")]).decode()?;
/// assert_eq!((change.id, change.status), (OrderId(7), Status::Pending));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Attributes on a field
///
/// - **`rename = "id"`**: its name in the entry.
/// - **`alias = "order"`**: another name that is read. May be repeated.
/// - **`default`**, **`default = "path"`**: the value of an absent field:
///   `Default::default()`, or the result of the function. A function is refused on an
///   `Option`, whose `None` is written as an absent field.
/// - **`skip`**: not in the entry. Reading fills in `Default::default()`.
/// - **`json`**: any serde type, as one JSON document. `null` is no field at all, as for
///   every `Option`, unless the field has a `default`. NaN and the infinities, which JSON
///   doesn't have, are an error of the `add`. Serde reads no `u128` and `i128` beyond 64
///   bits inside its own `flatten`, `untagged` and `tag`: avoid them there, or write them
///   as text.
/// - **`text`**: any type, as its `Display` writes it and its `FromStr` reads it. The
///   error of `FromStr` is not shown, since many repeat the value.
/// - **`with = "module"`**: a format of its own. The module has
///   `fn encode(value: &T) -> impl AsRef<[u8]>` and
///   `fn decode(bytes: &[u8]) -> Result<T, impl Display>`. Error texts are shown, so they
///   must not repeat the value.
///
/// On an `Option<T>`, `text` and `with` are for the `T`: `None` is an absent field. The
/// type must be spelled as an `Option`; behind an alias, the module gets and returns the
/// whole `Option`.
/// - **`flatten`**: the fields of another message, in this one's entry. An `Option` of
///   one is `None` if none of its fields is there. A `RawMessage` takes every field that
///   no other one takes. A name that two messages have is a compile error that names it.
/// - **`idempotency_key`**: its value is the message's idempotency key, by which
///   a second add within a window is recognised. `None` is no key.
///
/// The key of an enum carries the variant, with its length in front: `P-1` in the variant
/// `refund` is `6:refund:P-1`. So a payment and a refund with one id are two messages.
/// The key of a message that a variant holds is the key of the enum; the key of a
/// flattened message counts only with `#[stream(flatten, idempotency_key)]`, which is a
/// compile error if that message can't have one. The key of a hand-written
/// `StreamMessage` is not changed.
/// - **`key`**: its value decides on the partition, where the stream has partitions:
///   messages with the same key keep their order. The key of a flattened message
///   counts only with `#[stream(flatten, key)]`.
/// - **`sensitive`**: its value is kept out of errors, logs and tools. No error of this
///   library repeats it, nor the error of its `with` module; `DecodeError::value` is
///   `None`. Errors of handlers are stored and logged with `••••` in its place, if they
///   contain it as it is in the entry and it has at least four bytes. Tools show `••••`,
///   also for fields that no schema of the stream has. The type is stored with the stream
///   before the first message that a process adds, schedules or produces. While Redis can't
///   take it, no such message goes: an add fails, as it does without Redis, or goes to its
///   spool, which keeps the type, too. If Redis refuses the type for good, the messages
///   go all the same, and the log warns that tools show the values. In Redis the value is
///   stored as it is.
///
/// ```
/// use std::net::IpAddr;
/// use std::time::Duration;
///
/// use serde::{Deserialize, Serialize};
/// use stream_lib::{RawMessage, StreamMessage};
///
/// #[derive(Serialize, Deserialize)]
/// struct Item {
///     sku: String,
///     count: u32,
/// }
///
/// #[derive(StreamMessage)]
/// struct Address {
///     city: String,
///     zip: String,
/// }
///
/// /// Seconds instead of milliseconds.
/// mod seconds {
///     use std::num::ParseIntError;
///     use std::time::Duration;
///
///     pub fn encode(value: &Duration) -> String {
///         value.as_secs().to_string()
///     }
///
///     pub fn decode(bytes: &[u8]) -> Result<Duration, ParseIntError> {
///         let text = String::from_utf8_lossy(bytes);
///         text.parse().map(Duration::from_secs)
///     }
/// }
///
/// fn standard() -> String {
///     "standard".to_owned()
/// }
///
/// #[derive(StreamMessage)]
/// struct Shipment {
///     #[stream(rename = "id", alias = "shipment_id")]
///     shipment: u64,
///     #[stream(default = "standard")]
///     service: String,
///     #[stream(json)]
///     items: Vec<Item>,
///     #[stream(text)]
///     ordered_from: Option<IpAddr>,
///     #[stream(with = "seconds")]
///     promised: Duration,
///     #[stream(flatten)]
///     address: Address,
///     #[stream(flatten)]
///     rest: RawMessage,
///     #[stream(skip)]
///     cached_label: Option<Vec<u8>>,
/// }
///
/// let entry = RawMessage::from_iter([
///     ("shipment_id", "7"),
///     ("items", r#"[{"sku":"A","count":2}]"#),
///     ("ordered_from", "192.0.2.7"),
///     ("promised", "90"),
///     ("city", "Ulm"),
///     ("zip", "89073"),
///     ("colour", "red"),
/// ]);
/// let shipment: Shipment = entry.decode()?;
/// assert_eq!(shipment.service, "standard");
/// assert_eq!(shipment.items[0].count, 2);
/// assert_eq!(shipment.ordered_from, Some(IpAddr::from([192, 0, 2, 7])));
/// assert_eq!(shipment.promised, Duration::from_secs(90));
/// assert_eq!(shipment.rest, RawMessage::new().with("colour", "red"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Types that serde reads too
///
/// serde's attributes have no effect on an entry, except within a `json` field, where the
/// types of its value have their own. So that a field doesn't get an unexpected name,
/// some of them cause a warning (as `deprecated`), unless the attribute of the same name
/// is given here, too: `rename`, `alias`, `rename_all`, `rename_all_fields`, `default`,
/// `skip`, `flatten`, `with`, `other` and `deny_unknown_fields`. On a type that differs
/// in a stream on purpose, use `ignore_serde`:
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use stream_lib::{RawMessage, StreamMessage};
///
/// #[derive(Serialize, Deserialize, StreamMessage)]
/// #[serde(rename_all = "camelCase")]
/// #[stream(ignore_serde)]
/// struct Order {
///     order_id: u64,
/// }
///
/// // `orderId` in JSON, `order_id` in a stream.
/// let entry = RawMessage::from_message(&Order { order_id: 7 })?;
/// assert_eq!(entry.get_str("order_id"), Some("7"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Mistakes
///
/// All mistakes are reported at once, each where it was made:
///
/// ```compile_fail
/// # use stream_lib::StreamMessage;
/// #[derive(StreamMessage)]
/// #[stream(name = "{}:orders")]         // stray or empty braces
/// struct Order {
///     #[stream(renam = "id")]           // unknown attribute, did you mean `rename`?
///     order_id: u64,
///     #[stream(rename = "~origin")]     // reserved
///     origin: String,
/// }
/// ```
#[proc_macro_derive(StreamMessage, attributes(stream))]
pub fn stream_message(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let mut errors = Errors::default();
    let model = Model::read(&input, &mut errors);
    if let Some(model) = &model {
        check::check(model, &mut errors);
    }
    let output = match (errors.into_tokens(), &model) {
        (None, Some(model)) => {
            let (warnings, code) = (foreign::warnings(&input, model), expand::expand(model));
            quote!(#warnings #code)
        }
        (errors, model) => {
            let stub = expand::stub(&input, model.as_ref());
            quote!(#errors #stub)
        }
    };
    output.into()
}
