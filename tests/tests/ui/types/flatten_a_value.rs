use stream_lib::StreamMessage;

#[derive(StreamMessage)]
struct Order {
    id: u64,
    #[stream(flatten)]
    count: u32,
}

fn main() {}
