//! Generated code is quiet under the strictest lints.
#![deny(warnings, unused, missing_docs, nonstandard_style, unreachable_pub)]
#![deny(unused_qualifications, unsafe_code, missing_debug_implementations)]
#![deny(future_incompatible, let_underscore, unit_bindings, single_use_lifetimes)]

use stream_lib::{RawMessage, StreamMessage};

/// An order.
#[derive(StreamMessage, Debug)]
#[stream(name = "orders")]
pub struct Order<T> {
    /// Documented.
    pub id: T,
    #[deprecated]
    #[stream(default, idempotency_key)]
    /// Documented.
    pub old: u8,
    /// Documented.
    #[stream(flatten)]
    pub rest: RawMessage,
}

/// An event.
#[derive(StreamMessage, Debug)]
#[stream(tag = "kind", deny_unknown_fields)]
pub enum Event {
    /// Documented.
    Made {
        /// Documented.
        id: u8,
    },
    /// Documented.
    #[deprecated]
    Gone,
}

/// A word.
#[derive(StreamMessage, Debug)]
pub enum Word {
    /// Documented.
    A,
    /// Documented.
    #[stream(other)]
    B(String),
}

fn main() {}
