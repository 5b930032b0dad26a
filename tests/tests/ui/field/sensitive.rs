use stream_lib::{RawMessage, StreamMessage};

#[derive(StreamMessage)]
struct Order {
    id: u64,
    #[stream(sensitive = "yes")]
    card: String,
    #[stream(skip, sensitive)]
    note: String,
    #[stream(flatten, sensitive)]
    rest: RawMessage,
    #[stream(sensitve)]
    pin: u16,
}

#[derive(StreamMessage)]
#[stream(sensitive)]
struct Payment {
    account: String,
}

#[derive(StreamMessage)]
struct Pin(#[stream(sensitive)] u16);

fn main() {}
