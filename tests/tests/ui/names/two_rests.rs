use stream_lib::{RawMessage, StreamMessage};

#[derive(StreamMessage)]
struct Order {
    id: u64,
    #[stream(flatten)]
    rest: RawMessage,
    #[stream(flatten)]
    more: RawMessage,
}

fn main() {}
