use stream_lib::StreamMessage;

struct Money(u64);

#[derive(StreamMessage)]
struct Order {
    id: u64,
    price: Money,
    parts: Vec<u32>,
}

fn main() {}
