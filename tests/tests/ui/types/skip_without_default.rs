use stream_lib::StreamMessage;

struct Handle;

#[derive(StreamMessage)]
struct Order {
    id: u64,
    #[stream(skip)]
    handle: Handle,
}

fn main() {}
