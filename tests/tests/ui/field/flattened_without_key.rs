use stream_lib::{RawMessage, StreamMessage};

#[derive(StreamMessage)]
struct Address {
    city: String,
}

#[derive(StreamMessage)]
struct Order {
    id: u64,
    #[stream(flatten, idempotency_key)]
    address: Address,
}

#[derive(StreamMessage)]
#[stream(tag = "kind")]
enum Event {
    Moved(Address),
    Left {
        #[stream(flatten)]
        from: Keyed,
    },
    Slept,
    #[stream(other)]
    Other(RawMessage),
}

#[derive(StreamMessage)]
struct Keyed {
    #[stream(idempotency_key)]
    key: String,
}

#[derive(StreamMessage)]
struct Report {
    #[stream(flatten, idempotency_key)]
    event: Option<Event>,
}

fn main() {}
