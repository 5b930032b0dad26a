use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(rename_all = "camel_case")]
struct Order {
    order_id: u64,
}

fn main() {}
