#![deny(deprecated)]

use serde::{Deserialize, Serialize};
use stream_lib::StreamMessage;

mod hex {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &u64, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&format!("{value:x}"))
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<u64, D::Error> {
        String::deserialize(from).map(|text| text.len() as u64)
    }
}

#[derive(Serialize, Deserialize, StreamMessage)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    #[serde(rename = "id", alias = "order")]
    order_id: u64,
    #[serde(default)]
    count: u64,
    #[serde(with = "hex", skip_serializing_if = "is_zero")]
    number: u64,
    #[serde(skip)]
    secret: String,
    #[serde(rename(serialize = "a", deserialize = "b"))]
    #[stream(json)]
    items: Vec<u8>,
    #[serde(with = "hex")]
    #[stream(json)]
    hidden: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize, StreamMessage)]
enum Status {
    #[serde(rename = "new")]
    Created,
    #[serde(other)]
    Other,
}

fn main() {}
