use stream_lib::StreamMessage;

fn fallback() -> Option<u8> {
    Some(1)
}

#[derive(StreamMessage)]
struct Order {
    #[stream(text, default = "fallback")]
    a: Option<u8>,
    #[stream(with = "module", default = "fallback")]
    b: Option<u8>,
}

fn main() {}
