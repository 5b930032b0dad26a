use stream_lib::StreamMessage;

struct Money(u64);

#[derive(StreamMessage)]
struct Order {
    #[stream(json)]
    price: Money,
}

fn main() {}
