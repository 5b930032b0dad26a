use stream_lib::{RawMessage, StreamMessage};

#[derive(StreamMessage)]
struct Order {
    id: u64,
    #[stream(skip, rename = "n", default)]
    note: String,
    #[stream(json, with = "module")]
    form: String,
    #[stream(with = "module", text)]
    other_form: String,
    #[stream(flatten, default, rename = "x")]
    rest: RawMessage,
    #[stream(flatten, skip)]
    both: RawMessage,
    #[stream(idempotency_key)]
    request: String,
    #[stream(idempotency_key, rename = "second")]
    other: String,
    #[stream(flatten, idempotency_key)]
    nested: RawMessage,
    #[stream(key)]
    customer: String,
    #[stream(flatten, key)]
    address: RawMessage,
    #[stream(skip, key)]
    unwritten: String,
}

fn main() {}
