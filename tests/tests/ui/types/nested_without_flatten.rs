use stream_lib::StreamMessage;

#[derive(StreamMessage)]
struct Address {
    city: String,
}

#[derive(StreamMessage)]
struct Order {
    address: Address,
}

fn main() {}
