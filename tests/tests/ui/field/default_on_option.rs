use stream_lib::StreamMessage;

fn fallback() -> Option<u8> {
    Some(1)
}

#[derive(StreamMessage)]
struct Order {
    id: u64,
    #[stream(default = "fallback")]
    note: Option<u8>,
}

fn main() {}
