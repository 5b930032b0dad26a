use stream_lib::StreamMessage;

const DEAD: &str = "{orders}:dead";

#[derive(StreamMessage)]
#[stream(name = DEAD)]
struct ByConstant {
    id: u64,
}

#[derive(StreamMessage)]
#[stream(name = "{shop}:orders:backup")]
struct ByText {
    id: u64,
}

#[derive(StreamMessage)]
#[stream(name = "{orders}:once:k")]
struct Generic<T> {
    id: T,
}

fn main() {}
