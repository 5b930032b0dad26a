use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream]
struct Plain {
    #[stream = "x"]
    a: u64,
}

#[derive(StreamMessage)]
struct Order {
    #[stream("x")]
    a: u64,
    #[stream(rename = )]
    b: u64,
    #[stream(default skip, renam = "z")]
    c: u64,
    #[stream(rename: "x", flaten)]
    d: u64,
}

fn main() {}
