use stream_lib::StreamMessage;

#[derive(StreamMessage)]
struct Order {
    id: u64,
    note: Option<Option<u8>>,
}

fn main() {}
