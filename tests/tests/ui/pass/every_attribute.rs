#![allow(dead_code)]

use stream_lib::{OwnedMessage, RawMessage, Routed, StreamMessage};

mod reversed {
    pub fn encode(value: &str) -> Vec<u8> {
        value.bytes().rev().collect()
    }

    pub fn decode(value: &[u8]) -> Result<String, std::string::FromUtf8Error> {
        String::from_utf8(value.iter().rev().copied().collect())
    }
}

fn seven() -> u8 {
    7
}

#[derive(StreamMessage)]
#[stream(name = "{shop}:orders", rename_all = "SCREAMING-KEBAB-CASE")]
#[stream(deny_unknown_fields,)]
struct Order {
    #[stream(rename = "id", alias = "order", alias = "order_id")]
    order_id: String,
    #[stream(default)]
    count: u32,
    #[stream(default = "seven")]
    week: u8,
    #[stream(skip)]
    cache: Option<std::time::Duration>,
    #[stream(json, default = "Vec::new")]
    items: Vec<(String, u32)>,
    #[stream(with = "reversed", idempotency_key)]
    secret: String,
    #[stream(with = "reversed", sensitive)]
    second_secret: Option<String>,
    #[stream(sensitive, default)]
    pin: Option<u16>,
    #[stream(sensitive, json, key)]
    card: String,
    #[stream(text, default)]
    from: Option<std::net::Ipv4Addr>,
    #[stream(flatten)]
    rest: RawMessage,
    status: Status,
}

#[derive(StreamMessage)]
#[stream(rename_all = "lowercase")]
enum Status {
    #[stream(rename = "o", alias = "0")]
    Open,
    #[stream(other)]
    Other,
}

#[derive(StreamMessage)]
#[stream(name = "events", tag = "kind", rename_all = "camelCase")]
#[stream(rename_all_fields = "PascalCase")]
enum Event {
    #[stream(rename = "made", alias = "created", rename_all = "UPPERCASE")]
    Made {
        #[stream(idempotency_key, json)]
        id: u8,
    },
    Order(Order),
    Gone {},
    #[stream(other)]
    Unknown(RawMessage),
}

fn check<T: OwnedMessage + Routed>() {}

fn main() {
    check::<Order>();
    check::<Event>();
}
