use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(name = "a", name = "b")]
struct Order {
    #[stream(rename = "x", default)]
    #[stream(default, rename = "y")]
    a: u64,
}

fn main() {}
