//! serde's attributes cause no warning if the stream has their counterparts.
#![deny(warnings, clippy::pedantic)]

use serde::{Deserialize, Serialize};
use stream_lib::StreamMessage;

/// Read by serde in the same form.
#[derive(Debug, Serialize, Deserialize, StreamMessage)]
#[serde(rename_all = "camelCase")]
#[stream(rename_all = "camelCase")]
pub struct Order {
    /// The same name in both.
    #[serde(rename = "id", alias = "order")]
    #[stream(rename = "id", alias = "order")]
    pub order_id: u64,
    /// Absent in both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// In neither.
    #[serde(skip)]
    #[stream(skip)]
    pub cache: String,
    /// A form of its own.
    #[serde(with = "hex")]
    #[stream(text)]
    pub number: u64,
    /// One document.
    #[serde(flatten)]
    #[stream(json)]
    pub inner: Inner,
}

/// Only in JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct Inner {
    /// Another name.
    #[serde(rename = "x", default)]
    pub y: u8,
}

/// Meant to look otherwise in a stream.
#[derive(Debug, Serialize, Deserialize, StreamMessage)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[stream(ignore_serde)]
pub struct Other {
    /// Another name.
    #[serde(rename = "id", default)]
    pub order_id: u64,
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &u64, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&format!("{value:x}"))
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<u64, D::Error> {
        u64::deserialize(from)
    }
}

fn main() {}
