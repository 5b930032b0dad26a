use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(crate = "not a path")]
struct Order {
    order_id: u64,
}

fn main() {}
