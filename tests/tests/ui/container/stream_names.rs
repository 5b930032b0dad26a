use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(name = "")]
struct Empty {
    id: u64,
}

#[derive(StreamMessage)]
#[stream(name = "{}:orders")]
struct EmptyBraces {
    id: u64,
}

#[derive(StreamMessage)]
#[stream(name = "shop}:{orders")]
struct Backwards {
    id: u64,
}

#[derive(StreamMessage)]
#[stream(name = "{shop}:{orders}")]
struct Twice {
    id: u64,
}

#[derive(StreamMessage)]
#[stream(name = "orders{")]
struct Stray {
    id: u64,
}

fn main() {}
