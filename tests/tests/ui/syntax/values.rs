use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(name = 5, deny_unknown_fields = "yes")]
struct Order {
    #[stream(rename)]
    a: u64,
    #[stream(rename("b"))]
    b: u64,
    #[stream(skip = true)]
    c: u64,
    #[stream(default = 7)]
    d: u64,
    #[stream(alias = b"x")]
    e: u64,
    #[stream(json())]
    f: u64,
}

fn main() {}
