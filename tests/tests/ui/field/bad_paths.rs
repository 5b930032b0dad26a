use stream_lib::StreamMessage;

#[derive(StreamMessage)]
struct Order {
    #[stream(with = "")]
    a: u64,
    #[stream(default = "1 + 1")]
    b: u64,
    #[stream(with = "module::<u8>")]
    c: u64,
}

fn main() {}
