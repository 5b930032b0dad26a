use stream_lib::{RawMessage, StreamMessage};

#[derive(StreamMessage)]
struct Order {
    id: u64,
    #[stream(skip, rename = "n", default)]
    note: String,
    #[stream(json, with = "module")]
    form: String,
    #[stream(flatten, default, rename = "x")]
    rest: RawMessage,
    #[stream(flatten, skip)]
    both: RawMessage,
}

fn main() {}
