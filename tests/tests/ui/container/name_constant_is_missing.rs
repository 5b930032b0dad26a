use stream_lib::StreamMessage;

mod names {
    pub const ORDERS: &str = "orders";
}

#[derive(StreamMessage)]
#[stream(name = names::ORDER)]
struct Order {
    id: u64,
}

fn main() {}
